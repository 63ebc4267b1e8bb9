// Files, as a program makes them. A file is an inode and its page cache: what the host puts there is its content, and on a machine
// with a disk reclaim writes it there. A handle keeps the file; so does every mapping of it.
// Left out: names, file descriptors, read and write (a program maps what it wants to read).

import { EBADF, EINVAL, ENOMEM } from "../layout/errno.ts";
import { FILE_SEED, FILE_ZERO, PAGE_SIZE } from "../layout/structs.gen.ts";
import { SyscallError } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";

/** A file that is a function of a number: page n always holds the same words (seed_word of the kernel). */
export interface SeedFile {
  /** Length in bytes. */
  readonly sizeBytes: number;
  /** 0 to 2^32 - 1. @defaultValue 0 */
  readonly seed?: number;
}

/** A file with given bytes. */
export interface ContentFile {
  readonly content: Uint8Array;
}

/** What a new file holds. */
export type FileContent = SeedFile | ContentFile;

/** Longest file, in bytes: offsets of mappings are numbers. */
const MAX_SIZE = 2 ** 47;

/** Asks the kernel for something of a handle, which may be any number. Throws SyscallError EBADF. */
function checkHandle(name: string, file: number, ask: (handle: number) => number): void {
  const isHandle = (file | 0) === file && ask(file) === 1;
  if (!isHandle) throw new SyscallError(name, EBADF, `${file} is the handle of no file`);
}

/**
 * Does `body` with a reference to the file of a handle, which another CPU may close meanwhile. Throws
 * SyscallError EBADF.
 */
export function withFile<T>(cpu: Cpu, name: string, file: number, body: () => T): T {
  checkHandle(name, file, (handle) => cpu.k.fget(handle));
  try {
    return body();
  } finally {
    cpu.k.inode_put(file);
  }
}

function checkSize(name: string, sizeBytes: number): void {
  const valid = Number.isInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= MAX_SIZE;
  if (!valid) throw new SyscallError(name, EINVAL, `a file cannot have ${sizeBytes} bytes`);
}

function allocate(cpu: Cpu, kind: number, seed: number, sizeBytes: number): number {
  checkSize("createFile", sizeBytes);
  const inode = cpu.k.inode_alloc(kind, seed, sizeBytes, 0);
  if (inode === 0) throw new SyscallError("createFile", ENOMEM, "out of memory");
  return inode;
}

/** Does `body`, which may write, with the address of what page `index` holds. Throws SyscallError ENOMEM. */
function withPage(
  cpu: Cpu,
  name: string,
  file: number,
  index: number,
  writes: boolean,
  body: (at: number) => void,
): void {
  const { k } = cpu;
  k.take_interrupts();
  const page = k.read_cache_page(file, index);
  const at = page === 0 ? 0 : k.page_content(page) >>> 0;
  if (at !== 0) body(at);
  if (at !== 0 && writes) k.set_page_dirty(page);
  if (page !== 0) k.put_page(page);
  if (at !== 0) return;
  const detail = "out of memory, or the frame is highmem, which holds no content";
  throw new SyscallError(name, ENOMEM, detail);
}

/** Makes a file; returns its handle, which sysCloseFile gives back. Throws SyscallError EINVAL or ENOMEM. */
export function sysCreateFile(cpu: Cpu, from: FileContent): number {
  cpu.k.take_interrupts();
  if (!("content" in from)) return allocate(cpu, FILE_SEED, (from.seed ?? 0) >>> 0, from.sizeBytes);
  const { content } = from;
  const file = allocate(cpu, FILE_ZERO, 0, content.length);
  try {
    for (let done = 0; done < content.length; done += PAGE_SIZE) {
      withPage(cpu, "createFile", file, done / PAGE_SIZE, true, (at) => {
        cpu.u8.set(content.subarray(done, done + PAGE_SIZE), at);
      });
    }
  } catch (error) {
    cpu.k.inode_put(file);
    throw error;
  }
  return file;
}

/** Gives a handle back. The file goes when nobody maps it any more. Throws SyscallError EBADF. */
export function sysCloseFile(cpu: Cpu, file: number): void {
  cpu.k.take_interrupts();
  checkHandle("closeFile", file, (handle) => cpu.k.inode_close(handle));
}

/**
 * Gives a file a new length: what is cut off is gone from all who map it, what is new reads as zeros.
 * Throws SyscallError EBADF or EINVAL.
 */
export function sysFtruncate(cpu: Cpu, file: number, sizeBytes: number): void {
  cpu.k.take_interrupts();
  withFile(cpu, "ftruncate", file, () => {
    checkSize("ftruncate", sizeBytes);
    cpu.k.do_truncate(file, sizeBytes);
  });
}

/** A copy of `length` bytes of a file from `offset` on, fewer at its end. Throws SyscallError EBADF, EINVAL or ENOMEM. */
export function sysFileBytes(cpu: Cpu, file: number, offset: number, length: number): Uint8Array {
  const valid = Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0;
  return withFile(cpu, "fileBytes", file, () => {
    if (valid) return readBytes(cpu, file, offset, length);
    throw new SyscallError("fileBytes", EINVAL, `no range: ${length} bytes at ${offset}`);
  });
}

function readBytes(cpu: Cpu, file: number, offset: number, length: number): Uint8Array {
  const end = Math.min(offset + length, cpu.k.inode_size(file));
  const bytes = new Uint8Array(Math.max(0, end - offset));
  let position = offset;
  while (position < end) {
    const inPage = position % PAGE_SIZE;
    const count = Math.min(PAGE_SIZE - inPage, end - position);
    withPage(cpu, "fileBytes", file, (position - inPage) / PAGE_SIZE, false, (page) => {
      const at = page + inPage;
      bytes.set(cpu.u8.subarray(at, at + count), position - offset);
    });
    position += count;
  }
  return bytes;
}
