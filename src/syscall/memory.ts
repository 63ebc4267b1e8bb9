// The memory syscalls as a program sees them: argument checks in one style, mmap_sem around the
// work, SyscallError for a refusal. What is done stands in src/mm.

import { EINVAL, ENOMEM, isErrno } from "../layout/errno.ts";
import { MmStruct, Task } from "../layout/structs.gen.ts";
import { getI32, getU64, setU64 } from "../layout/view.ts";
import { SyscallError } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";
import { doBrk, doMmap, mappingFlags, overlapsVma, protectionFlags } from "../mm/map.ts";
import type { Protection } from "../mm/map.ts";
import { doMprotect } from "../mm/protect.ts";
import { doMremap } from "../mm/remap.ts";
import { doMunmap, validRange } from "../mm/unmap.ts";
import { withFile } from "./file.ts";
import { mmapSem, vmaEnd, vmaStart } from "../mm/vma.ts";

const TASK_MM = Task.mm;

/** A mapping to be made by mmap. */
export interface MmapOptions extends Protection {
  /** Bytes; rounded up to pages. */
  readonly length: number;
  /** Writes are seen by everybody who maps the same; else private. @defaultValue false */
  readonly shared?: boolean;
  /** Handle of a file; else anonymous. */
  readonly file?: number;
  /** Where in the file, in bytes, page aligned. @defaultValue 0 */
  readonly offset?: number;
  /** Where to look for room first. @defaultValue anywhere */
  readonly hint?: number;
  /** Exactly at `hint`, unmapping what is there. @defaultValue false */
  readonly fixed?: boolean;
  /** A stack: grows down when the page below it is touched. @defaultValue false */
  readonly growsDown?: boolean;
}

const pageAlign = (bytes: number): number => Math.ceil(bytes / 4096) * 4096;
const hex = (address: number): string => `0x${address.toString(16)}`;

/** The mm of a running task. */
export function mmOf(cpu: Cpu, task: number): number {
  return getI32(cpu, task + TASK_MM);
}

/** Does `body` with mmap_sem held for writing, and turns a negative errno into a SyscallError. */
function locked(cpu: Cpu, task: number, name: string, body: (mm: number) => number): number {
  const mm = mmOf(cpu, task);
  cpu.k.take_interrupts();
  cpu.k.down_write(mmapSem(mm));
  let result: number;
  try {
    result = body(mm);
  } finally {
    cpu.k.up_write(mmapSem(mm));
  }
  if (isErrno(result)) throw new SyscallError(name, result, describe(name));
  return result;
}

function describe(name: string): string {
  return `the kernel refused this ${name}`;
}

/** Refuses arguments; `detail` says why, and is asked for only then. */
function wellFormed(name: string, condition: boolean, detail: () => string): void {
  if (!condition) throw new SyscallError(name, EINVAL, detail());
}

/** Maps memory; returns its address. Throws SyscallError EBADF, EINVAL or ENOMEM. */
export function sysMmap(cpu: Cpu, task: number, options: MmapOptions): number {
  const { shared = false, file = 0, offset = 0, hint = 0, fixed = false } = options;
  const length = pageAlign(options.length);
  wellFormed("mmap", length > 0, () => `length ${options.length} is not positive`);
  const aligned = offset >= 0 && offset % 4096 === 0;
  wellFormed("mmap", aligned, () => `offset ${offset} is not a multiple of the page size`);
  wellFormed("mmap", !fixed || hint % 4096 === 0, () => `${hex(hint)} is not page aligned`);
  const flags = mappingFlags(options, shared, options.growsDown ?? false);
  const request = { length, flags, file, pgoff: offset / 4096, hint, fixed };
  const map = (): number => locked(cpu, task, "mmap", (mm) => doMmap(cpu, mm, request));
  return file === 0 ? map() : withFile(cpu, "mmap", file, map);
}

/** Unmaps [start, start + length). Throws SyscallError EINVAL or ENOMEM. */
export function sysMunmap(cpu: Cpu, task: number, start: number, length: number): void {
  const bytes = pageAlign(length);
  wellFormed("munmap", start % 4096 === 0, () => `${hex(start)} is not page aligned`);
  wellFormed("munmap", bytes > 0, () => `length ${length} is not positive`);
  locked(cpu, task, "munmap", (mm) => doMunmap(cpu, mm, start, bytes));
}

/**
 * Changes what may be done with [start, start + length). Throws SyscallError EINVAL, EACCES or
 * ENOMEM (a hole).
 */
export function sysMprotect(
  cpu: Cpu,
  task: number,
  start: number,
  length: number,
  prot: Protection,
): void {
  wellFormed("mprotect", start % 4096 === 0, () => `${hex(start)} is not page aligned`);
  const bytes = pageAlign(length);
  locked(cpu, task, "mprotect", (mm) => doMprotect(cpu, mm, start, bytes, protectionFlags(prot)));
}

/** How mremap may go about it. */
export interface MremapOptions {
  /** It may be put elsewhere. @defaultValue true */
  readonly mayMove?: boolean;
  /** Exactly there, unmapping what is there. */
  readonly fixedAt?: number;
}

/**
 * Resizes or moves a mapping; returns its address. Throws SyscallError EINVAL, EFAULT or ENOMEM.
 */
export function sysMremap(
  cpu: Cpu,
  task: number,
  start: number,
  oldLength: number,
  newLength: number,
  options: MremapOptions = {},
): number {
  wellFormed("mremap", start % 4096 === 0, () => `${hex(start)} is not page aligned`);
  const { mayMove = true, fixedAt } = options;
  wellFormed(
    "mremap",
    fixedAt === undefined || fixedAt % 4096 === 0,
    () => "the target is not aligned",
  );
  const sizes = {
    start,
    oldLength: pageAlign(oldLength),
    newLength: pageAlign(newLength),
    mayMove,
  };
  const request = fixedAt === undefined ? sizes : { ...sizes, fixedAt };
  return locked(cpu, task, "mremap", (mm) => doMremap(cpu, mm, request));
}

/**
 * Moves the end of the heap to `end`, or tells where it is when it cannot; never throws. brk(0)
 * asks.
 */
export function sysBrk(cpu: Cpu, task: number, end: number): number {
  return locked(cpu, task, "brk", (mm) => {
    const startBrk = getU64(cpu, mm + MmStruct.start_brk);
    const current = getU64(cpu, mm + MmStruct.brk);
    if (!(end >= startBrk)) return current;
    const oldEnd = pageAlign(current);
    const newEnd = pageAlign(end);
    if (newEnd < oldEnd && doMunmap(cpu, mm, newEnd, oldEnd - newEnd) !== 0) return current;
    if (newEnd > oldEnd && !growHeap(cpu, mm, oldEnd, newEnd)) return current;
    setU64(cpu, mm + MmStruct.brk, end);
    return end;
  });
}

function growHeap(cpu: Cpu, mm: number, oldEnd: number, newEnd: number): boolean {
  // A page stays free behind the heap, so that it does not run into what lies there.
  if (!validRange(oldEnd, newEnd - oldEnd + 4096)) return false;
  if (overlapsVma(cpu, mm, oldEnd, newEnd + 4096)) return false;
  return doBrk(cpu, mm, oldEnd, newEnd) === 0;
}

/**
 * madvise(DONTNEED): drops the pages of [start, start + length). Throws SyscallError EINVAL, or
 * ENOMEM for a hole.
 */
export function sysMadviseDontneed(cpu: Cpu, task: number, start: number, length: number): void {
  wellFormed("madvise", start % 4096 === 0, () => `${hex(start)} is not page aligned`);
  const bytes = pageAlign(length);
  locked(cpu, task, "madvise", (mm) => {
    if (!validRange(start, bytes)) return -EINVAL;
    const end = start + bytes;
    let hole = false;
    let address = start;
    while (address < end) {
      const vma = cpu.k.find_vma(mm, address);
      if (vma === 0 || vmaStart(cpu, vma) >= end) return -ENOMEM;
      hole ||= vmaStart(cpu, vma) > address;
      const from = Math.max(address, vmaStart(cpu, vma));
      address = Math.min(end, vmaEnd(cpu, vma));
      cpu.k.zap_page_range(mm, from, address);
    }
    return hole ? -ENOMEM : 0;
  });
}
