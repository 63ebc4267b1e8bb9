// Moving and resizing a mapping: do_mremap, move_vma and copy_vma of Linux 2.6.9 (mm/mremap.c).
// mmap_sem is held for writing. The new VMA carries vm_pgoff along, so the same (anon_vma, index)
// finds a page at both places; one without anonymous pages is numbered anew. Left out: hugepages; a moved range stays within one VMA, as in
// Linux.

import { EFAULT, EINVAL, ENOMEM, isErrno } from "../layout/errno.ts";
import { VM_SHARED } from "../layout/structs.gen.ts";
import type { Cpu } from "../kernel/load.ts";
import { overlapsVma, vmaLink } from "./map.ts";
import { doMunmap, validRange } from "./unmap.ts";
import { vmaAdjust, vmaMerge } from "./vma-adjust.ts";
import {
  MAX_MAP_COUNT,
  addTotalVm,
  mapCount,
  setVmaBounds,
  vmaAnonVma,
  vmaEnd,
  vmaFile,
  vmaFlags,
  vmaPgoff,
  vmaStart,
} from "./vma.ts";

/** A mapping to be moved or resized; all in bytes. */
export interface RemapRequest {
  readonly start: number;
  readonly oldLength: number;
  readonly newLength: number;
  /** It may be put elsewhere. */
  readonly mayMove: boolean;
  /** Exactly there, unmapping what is there; implies mayMove. */
  readonly fixedAt?: number;
}

/**
 * vm_pgoff of what `from` becomes at `to`. As long as it has no anonymous page, anonymous memory is
 * numbered by its address, so that it can merge with what lies there.
 */
function pgoffAt(cpu: Cpu, vma: number, from: number, to: number): number {
  const isUntouched = vmaFile(cpu, vma) === 0 && vmaAnonVma(cpu, vma) === 0;
  return isUntouched ? to / 4096 : vmaPgoff(cpu, vma) + (from - vmaStart(cpu, vma)) / 4096;
}

/** The VMA for the new place: a neighbour that grew over it, or a copy. 0 when out of memory. */
function copyVma(
  cpu: Cpu,
  mm: number,
  vma: number,
  from: number,
  to: number,
  length: number,
): number {
  const k = cpu.k;
  const pgoff = pgoffAt(cpu, vma, from, to);
  const want = {
    start: to,
    end: to + length,
    flags: vmaFlags(cpu, vma),
    anonVma: vmaAnonVma(cpu, vma),
    file: vmaFile(cpu, vma),
    pgoff,
  };
  const merged = vmaMerge(cpu, mm, k.find_vma_before(mm, to), want);
  if (merged !== 0) return merged;
  if (mapCount(cpu, mm) >= MAX_MAP_COUNT) return 0;
  const copy = k.vma_dup(vma);
  if (copy === 0) return 0;
  setVmaBounds(cpu, copy, to, to + length, pgoff);
  if (want.file !== 0) k.inode_get(want.file);
  vmaLink(cpu, mm, copy);
  return copy;
}

/**
 * Moves [from, from + oldLength) of `vma` to the free range at `to`. The new address or a negative
 * errno.
 */
function moveVma(
  cpu: Cpu,
  mm: number,
  vma: number,
  from: number,
  to: number,
  oldLength: number,
  newLength: number,
): number {
  const k = cpu.k;
  if (mapCount(cpu, mm) >= MAX_MAP_COUNT - 3) return -ENOMEM;
  const target = copyVma(cpu, mm, vma, from, to, newLength);
  if (target === 0) return -ENOMEM;
  addTotalVm(cpu, mm, newLength / 4096);
  // The merge may have swallowed or moved the old VMA's record: look it up again.
  const source = k.find_vma(mm, from);
  const moved = k.move_page_tables(source, from, to, oldLength);
  if (moved < oldLength) {
    // Every PTE that was moved has a table to go back to: nothing can fail now.
    k.move_page_tables(target, to, from, moved);
    doMunmap(cpu, mm, to, newLength);
    return -ENOMEM;
  }
  // When there is no memory to split it, the old VMA stays, with nothing in it.
  if (oldLength !== 0) doMunmap(cpu, mm, from, oldLength);
  return to;
}

/** Extends `vma` at its end to `end` if the addresses there are free. */
function growInPlace(cpu: Cpu, mm: number, vma: number, end: number): boolean {
  const oldEnd = vmaEnd(cpu, vma);
  if (!validRange(vmaStart(cpu, vma), end - vmaStart(cpu, vma))) return false;
  if (overlapsVma(cpu, mm, oldEnd, end)) return false;
  vmaAdjust(cpu, vma, vmaStart(cpu, vma), end, vmaPgoff(cpu, vma), 0);
  addTotalVm(cpu, mm, (end - oldEnd) / 4096);
  return true;
}

/** Where a moving remap goes: the fixed place, emptied, or free room; or a negative errno. */
function destination(cpu: Cpu, mm: number, request: RemapRequest): number {
  const { start, oldLength, newLength, fixedAt } = request;
  if (fixedAt === undefined) {
    const room = request.mayMove ? cpu.k.get_unmapped_area(mm, newLength, 0) : 0;
    return room === 0 ? -ENOMEM : room;
  }
  // An old length of 0 moves nothing, but its page must not be unmapped to make room.
  const overlaps = fixedAt < start + Math.max(oldLength, 1) && start < fixedAt + newLength;
  if (overlaps || !validRange(fixedAt, newLength)) return -EINVAL;
  const error = doMunmap(cpu, mm, fixedAt, newLength);
  return error === 0 ? fixedAt : error;
}

/** Resizes or moves a mapping; returns its address, or a negative errno. */
export function doMremap(cpu: Cpu, mm: number, request: RemapRequest): number {
  const { start, newLength, fixedAt } = request;
  let { oldLength } = request;
  if (!validRange(start, oldLength) || newLength === 0 || newLength % 4096 !== 0) return -EINVAL;
  const to = fixedAt === undefined ? start : destination(cpu, mm, request);
  if (isErrno(to)) return to;

  if (oldLength > newLength) {
    const error = doMunmap(cpu, mm, start + newLength, oldLength - newLength);
    if (error !== 0) return error;
    oldLength = newLength;
  }
  if (oldLength === newLength && fixedAt === undefined) return start;
  const vma = cpu.k.find_vma(mm, start);
  if (vma === 0 || vmaStart(cpu, vma) > start) return -EFAULT;
  if (oldLength > vmaEnd(cpu, vma) - start) return -EFAULT;
  if (oldLength === 0 && (vmaFlags(cpu, vma) & VM_SHARED) === 0) return -EINVAL;

  if (fixedAt === undefined) {
    const atEnd = start + oldLength === vmaEnd(cpu, vma);
    if (atEnd && growInPlace(cpu, mm, vma, start + newLength)) return start;
    const room = destination(cpu, mm, request);
    return isErrno(room) ? room : moveVma(cpu, mm, vma, start, room, oldLength, newLength);
  }
  return moveVma(cpu, mm, vma, start, fixedAt, oldLength, newLength);
}
