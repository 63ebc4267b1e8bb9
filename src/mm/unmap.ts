// Unmapping a range, and the whole address space: do_munmap and exit_mmap of Linux 2.6.9
// (mm/mmap.c).
//
// Protocol: mmap_sem is held for writing. VMAs leave the list and the tree first, then PTEs and
// page tables go under page_table_lock, then the VMAs leave their file and their anon_vma: so a
// page that is still mapped always has a VMA that a reverse-map walker can find.

import { EINVAL } from "../layout/errno.ts";
import { MmStruct, PHASE_VMAS, TASK_SIZE } from "../layout/structs.gen.ts";
import { setI32 } from "../layout/view.ts";
import type { Cpu } from "../kernel/load.ts";
import { splitVma } from "./vma-adjust.ts";
import { addTotalVm, firstVma, vmaEnd, vmaFile, vmaNext, vmaPages, vmaStart } from "./vma.ts";

const { mmap, mm_rb, mmap_cache, map_count, total_vm } = MmStruct;

/** Above every user address: the ceiling of the last VMA. */
const CEILING = 2 ** 48;

/** Takes a VMA whose PTEs are gone off its file and its anon_vma, and frees it. */
function removeVma(cpu: Cpu, vma: number): void {
  const file = vmaFile(cpu, vma);
  if (file !== 0) cpu.k.vma_unlink_file(vma);
  cpu.k.anon_vma_unlink(vma);
  cpu.k.vma_free(vma);
  if (file !== 0) cpu.k.inode_put(file);
}

/**
 * Takes the VMAs from `first` up to `end` out of list and tree; returns them, and the one after.
 */
function detachVmas(cpu: Cpu, mm: number, first: number, prev: number, end: number): number[] {
  const detached: number[] = [];
  let vma = first;
  while (vma !== 0 && vmaStart(cpu, vma) < end) {
    const next = vmaNext(cpu, vma);
    cpu.k.vma_tree_erase(mm, vma, prev);
    addTotalVm(cpu, mm, -vmaPages(cpu, vma));
    detached.push(vma);
    vma = next;
  }
  return detached;
}

/** True if [start, start + length) is a page-aligned range of user addresses. */
export function validRange(start: number, length: number): boolean {
  return (
    start % 4096 === 0 &&
    length % 4096 === 0 &&
    start >= 0 &&
    length >= 0 &&
    start + length <= TASK_SIZE
  );
}

/**
 * Unmaps [start, start + length). 0, -EINVAL or -ENOMEM (a split needed a VMA). mmap_sem is held
 * for writing.
 */
export function doMunmap(cpu: Cpu, mm: number, start: number, length: number): number {
  if (length === 0 || !validRange(start, length)) return -EINVAL;
  const k = cpu.k;
  const end = start + length;
  let vma = k.find_vma(mm, start);
  if (vma === 0 || vmaStart(cpu, vma) >= end) return 0;

  if (start > vmaStart(cpu, vma)) {
    const error = splitVma(cpu, vma, start, false);
    if (error !== 0) return error;
    vma = vmaNext(cpu, vma);
  }
  const last = k.find_vma(mm, end);
  if (last !== 0 && end > vmaStart(cpu, last)) {
    const error = splitVma(cpu, last, end, true);
    if (error !== 0) return error;
    vma = k.find_vma(mm, start);
  }

  const prev = k.find_vma_before(mm, start);
  const detached = detachVmas(cpu, mm, vma, prev, end);
  const next = prev === 0 ? firstVma(cpu, mm) : vmaNext(cpu, prev);
  const floor = prev === 0 ? 0 : vmaEnd(cpu, prev);
  const ceiling = next === 0 ? CEILING : vmaStart(cpu, next);
  k.unmap_region(mm, start, end, floor, ceiling);
  for (const each of detached) removeVma(cpu, each);
  k.free_area_lower(mm, start);
  return 0;
}

/**
 * Unmaps everything. Nobody uses the mm any more, so no semaphore is needed. True if secondary MMUs have followed it.
 */
function exitMmap(cpu: Cpu, mm: number): boolean {
  const phase = cpu.k.phase_enter(PHASE_VMAS);
  const followed = cpu.k.exit_mmap_tables(mm) !== 0;
  let vma = firstVma(cpu, mm);
  setI32(cpu, mm + mmap, 0);
  setI32(cpu, mm + mm_rb, 0);
  setI32(cpu, mm + mmap_cache, 0);
  setI32(cpu, mm + map_count, 0);
  setI32(cpu, mm + total_vm, 0);
  while (vma !== 0) {
    const next = vmaNext(cpu, vma);
    removeVma(cpu, vma);
    vma = next;
  }
  cpu.k.phase_leave(phase);
  return followed;
}

/** Unmaps everything of an mm whose last user has gone, and drops it: the rest of mmput. */
export function endMm(cpu: Cpu, mm: number): void {
  // A process closes its files when its address space has gone, and with them what follows that.
  if (exitMmap(cpu, mm)) cpu.notifiers.methods?.close(mm);
  cpu.k.mmdrop(mm);
}

/** Drops a user of the mm; the last one unmaps everything: mmput. */
export function mmput(cpu: Cpu, mm: number): void {
  if (cpu.k.mm_put_user(mm) !== 0) endMm(cpu, mm);
}
