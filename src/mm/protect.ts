// Changing the protection of a range: sys_mprotect and mprotect_fixup of Linux 2.6.9
// (mm/mprotect.c). mmap_sem is held for writing. A part of a VMA that gets the flags of its
// neighbour joins it; else the VMA is split.

import { EACCES, EINVAL, ENOMEM } from "../layout/errno.ts";
import { VM_EXEC, VM_READ, VM_WRITE } from "../layout/structs.gen.ts";
import type { Cpu } from "../kernel/load.ts";
import { validRange } from "./unmap.ts";
import { splitVma, vmaMerge } from "./vma-adjust.ts";
import {
  setVmaFlags,
  vmaAnonVma,
  vmaEnd,
  vmaFile,
  vmaFlags,
  vmaNext,
  vmaPgoff,
  vmaStart,
} from "./vma.ts";

const PERMISSIONS = VM_READ | VM_WRITE | VM_EXEC;

/**
 * Gives [start, end) of `vma` the flags `flags`. Returns the VMA that holds the range then, or a
 * negative errno.
 */
function fixup(
  cpu: Cpu,
  mm: number,
  vma: number,
  prev: number,
  start: number,
  end: number,
  flags: number,
): number {
  const pgoff = vmaPgoff(cpu, vma) + (start - vmaStart(cpu, vma)) / 4096;
  const anonVma = vmaAnonVma(cpu, vma);
  const file = vmaFile(cpu, vma);
  let changed = vmaMerge(cpu, mm, prev, { start, end, flags, anonVma, file, pgoff });
  if (changed === 0) {
    changed = vma;
    if (start !== vmaStart(cpu, vma)) {
      const error = splitVma(cpu, vma, start, true);
      if (error !== 0) return error;
    }
    if (end !== vmaEnd(cpu, vma)) {
      const error = splitVma(cpu, vma, end, false);
      if (error !== 0) return error;
    }
  }
  setVmaFlags(cpu, changed, flags);
  cpu.k.change_protection(mm, start, end, flags);
  return changed;
}

/**
 * Gives [start, start + length) the permissions `permissions` (VM_READ | VM_WRITE | VM_EXEC). 0 or
 * a negative errno.
 */
export function doMprotect(
  cpu: Cpu,
  mm: number,
  start: number,
  length: number,
  permissions: number,
): number {
  if (!validRange(start, length)) return -EINVAL;
  const end = start + length;
  let address = start;
  while (address < end) {
    const vma = cpu.k.find_vma(mm, address);
    if (vma === 0 || vmaStart(cpu, vma) > address) return -ENOMEM;
    const flags = (vmaFlags(cpu, vma) & ~PERMISSIONS) | permissions;
    // VM_MAY* stand four bits above what they allow.
    if (permissions & ~(flags >>> 4) & PERMISSIONS) return -EACCES;
    const stop = Math.min(end, vmaEnd(cpu, vma));
    if (flags !== vmaFlags(cpu, vma)) {
      const inside = address > vmaStart(cpu, vma);
      const prev = inside ? vma : previousVma(cpu, mm, vma);
      const result = fixup(cpu, mm, vma, prev, address, stop, flags);
      if (result < 0 && result > -4096) return result;
    }
    address = stop;
  }
  return 0;
}

/** The VMA in front of `vma` in the list, or 0. */
function previousVma(cpu: Cpu, mm: number, vma: number): number {
  const prev = cpu.k.find_vma_before(mm, vmaStart(cpu, vma));
  return prev !== 0 && vmaNext(cpu, prev) === vma ? prev : 0;
}
