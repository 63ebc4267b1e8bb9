// A new address space from an ELF-like layout: exec_mmap and load_elf_binary of Linux 2.6.9 as far
// as memory management sees them: segments of files, the heap behind them, the stack. Which pages
// are touched is the program's business. Left out: reading the file's headers, arguments and
// environment on the stack, the interpreter's relocation.

import { ENOMEM } from "../layout/errno.ts";
import { MmStruct, PHASE_VMAS } from "../layout/structs.gen.ts";
import { setU64 } from "../layout/view.ts";
import type { Cpu } from "../kernel/load.ts";
import { doMmap } from "./map.ts";
import { mmput } from "./unmap.ts";
import { mmapSem } from "./vma.ts";

/** One part of a program's image, placed where it says. */
export interface Segment {
  /** First byte, page aligned. */
  readonly start: number;
  /** Bytes, page aligned. */
  readonly length: number;
  /** VM_* bits. */
  readonly flags: number;
  /** Inode, or 0. */
  readonly file: number;
  /** First page of the file. */
  readonly pgoff: number;
}

/** A program's image: its segments and where heap and stack begin. */
export interface ExecImage {
  readonly segments: readonly Segment[];
  /** Start of the heap, page aligned. */
  readonly brk: number;
  /** Top of the stack. */
  readonly stackTop: number;
}

/**
 * Where the heap of a process begins that no image has placed: behind where a small program would
 * lie.
 */
const DEFAULT_BRK = 0x600000;

/** An mm with nothing in it but a place for the heap, one user; or 0 when out of memory. */
export function emptyMm(cpu: Cpu): number {
  const mm = cpu.k.mm_alloc();
  if (mm === 0) return 0;
  setU64(cpu, mm + MmStruct.start_brk, DEFAULT_BRK);
  setU64(cpu, mm + MmStruct.brk, DEFAULT_BRK);
  return mm;
}

/** An mm with the segments of `image`, one user, or a negative errno. Nobody else knows it yet. */
export function buildMm(cpu: Cpu, image: ExecImage): number {
  const k = cpu.k;
  const phase = k.phase_enter(PHASE_VMAS);
  const mm = k.mm_alloc();
  let error = mm === 0 ? -ENOMEM : 0;
  if (mm !== 0) {
    k.down_write(mmapSem(mm));
    setU64(cpu, mm + MmStruct.start_brk, image.brk);
    setU64(cpu, mm + MmStruct.brk, image.brk);
    setU64(cpu, mm + MmStruct.start_stack, image.stackTop);
    for (const segment of image.segments) {
      const { start: hint, length, flags, file, pgoff } = segment;
      const mapped = doMmap(cpu, mm, { length, flags, file, pgoff, hint, fixed: true });
      if (mapped < 0) error = mapped;
      if (error !== 0) break;
    }
    k.up_write(mmapSem(mm));
  }
  k.phase_leave(phase);
  if (error === 0) return mm;
  if (mm !== 0) mmput(cpu, mm);
  return error;
}
