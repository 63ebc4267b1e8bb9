// Layouts that no process had: made from a number, to measure against a known shape.
//
// pagesLayout() is the smallest process with N pages of its own, so that cost is a line over N.
// lmbenchLayout() has the size of the process that lmbench's lat_proc forks: a small dynamic
// binary. Both have made-up files: same path, same inode. Addresses are those of a process
// without randomisation. Left out: vdso, and anything in swap.

import { ConfigError } from "../../kernel/error.ts";
import { PAGE_SIZE } from "../../layout/units.ts";
import type { ProcessLayout, VmaLayout } from "./layout.ts";

/** The most pages of pagesLayout(): 64 TiB, half of what a process can address. */
export const MAX_PAGES: number = 2 ** 34;

const PROGRAM = 0x400000;
const HEAP = 0x10000000;
const MEMORY = 2 ** 40;
const LIBC = 0x7ffff7c00000;
const LOADER = 0x7ffff7fc0000;
const STACK_END = 0x7ffffffff000;
const STACK_PAGES = 33;

/**
 * `--pages N`: a small static program that has written to `count` pages of one private anonymous
 * mapping.
 * @param count pages, 1 to 2^34
 * @throws ConfigError for any other count
 */
export function pagesLayout(count: number): ProcessLayout {
  if (!Number.isSafeInteger(count) || count < 1 || count > MAX_PAGES) {
    throw new ConfigError(
      `${count} pages cannot be laid out: give an integer from 1 to ${MAX_PAGES}`,
    );
  }
  const program = { name: "/bin/pages", inode: 1 };
  return {
    source: count === 1 ? "1 page" : `${count} pages`,
    name: "pages",
    vmas: [
      mapped(program, "r-x", PROGRAM, 0, 8, 8, 0),
      mapped(program, "rw-", PROGRAM + 8 * PAGE_SIZE, 8, 2, 2, 2),
      anonymous("[heap]", HEAP, STACK_PAGES, 2),
      anonymous("", MEMORY, count, count),
      stack(3),
    ],
  };
}

/** A process of lmbench's size: 12 mappings, 200 resident pages, 62 of them its own. */
export function lmbenchLayout(): ProcessLayout {
  const program = { name: "/bin/lat_proc", inode: 1 };
  const libc = { name: "/lib/libc.so.6", inode: 2 };
  const loader = { name: "/lib/ld-linux-x86-64.so.2", inode: 3 };
  return {
    source: "lmbench",
    name: "lat_proc",
    vmas: [
      mapped(program, "r-x", PROGRAM, 0, 16, 14, 0),
      mapped(program, "r--", PROGRAM + 16 * PAGE_SIZE, 16, 1, 1, 1),
      mapped(program, "rw-", PROGRAM + 17 * PAGE_SIZE, 17, 2, 2, 2),
      anonymous("[heap]", HEAP, STACK_PAGES, 20),
      mapped(libc, "r-x", LIBC, 0, 400, 96, 0),
      mapped(libc, "r--", LIBC + 400 * PAGE_SIZE, 400, 4, 4, 4),
      mapped(libc, "rw-", LIBC + 404 * PAGE_SIZE, 404, 2, 2, 2),
      anonymous("", LIBC + 406 * PAGE_SIZE, 13, 9),
      mapped(loader, "r-x", LOADER, 0, 38, 28, 0),
      mapped(loader, "r--", LOADER + 38 * PAGE_SIZE, 38, 2, 2, 2),
      mapped(loader, "rw-", LOADER + 40 * PAGE_SIZE, 40, 2, 2, 2),
      stack(20),
    ],
  };
}

/** A private mapping of a file, from `offset`; the last four are counts of pages. */
function mapped(
  file: { name: string; inode: number },
  rights: "r-x" | "r--" | "rw-",
  start: number,
  offset: number,
  size: number,
  resident: number,
  copied: number,
): VmaLayout {
  return {
    ...privateMapping(start, size, rights),
    ...file,
    device: "08:01",
    fileOffset: offset * PAGE_SIZE,
    residentPages: resident,
    anonymousPages: copied,
    dirtyPages: copied,
    sharedPages: resident - copied,
  };
}

function anonymous(name: string, start: number, size: number, touched: number): VmaLayout {
  const counts = { residentPages: touched, anonymousPages: touched, dirtyPages: touched };
  return { ...privateMapping(start, size, "rw-"), name, ...counts };
}

function stack(touched: number): VmaLayout {
  const start = STACK_END - STACK_PAGES * PAGE_SIZE;
  return { ...anonymous("[stack]", start, STACK_PAGES, touched), growsDown: true };
}

/** An untouched private mapping of `size` pages. */
function privateMapping(start: number, size: number, rights: "r-x" | "r--" | "rw-"): VmaLayout {
  return {
    start,
    end: start + size * PAGE_SIZE,
    read: true,
    write: rights === "rw-",
    exec: rights === "r-x",
    shared: false,
    growsDown: false,
    name: "",
    inode: 0,
    device: "00:00",
    fileOffset: 0,
    residentPages: 0,
    anonymousPages: 0,
    dirtyPages: 0,
    sharedPages: 0,
    swapPages: 0,
  };
}
