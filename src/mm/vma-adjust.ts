// Moving the boundary between VMAs, splitting one, merging two: vma_adjust, split_vma and vma_merge
// of Linux 2.6.9 (mm/mmap.c). Every change of the VMA list goes through here.
//
// Protocol: mmap_sem is held for writing. vm_start, vm_end, vm_pgoff and the trees change under
// i_mmap_lock of the file and, inside it, the lock of the anon_vma, so that a reverse-map walker
// sees either the old or the new bounds.

import { ENOMEM } from "../layout/errno.ts";
import type { Cpu } from "../kernel/load.ts";
import { FIX_ADJUST_LOCK, Inode } from "../layout/structs.gen.ts";
import {
  MAX_MAP_COUNT,
  mapCount,
  setVmaAnonVma,
  setVmaBounds,
  vmaAnonVma,
  vmaEnd,
  vmaFile,
  vmaFlags,
  vmaMm,
  vmaNext,
  vmaPages,
  vmaPgoff,
  vmaStart,
  firstVma,
} from "./vma.ts";

const { i_mmap_lock } = Inode;

/** How a change of one VMA's bounds concerns the next one. */
interface NextChange {
  /** The VMA after the one that changes, or 0. */
  next: number;
  /** The next VMA disappears into this one. */
  remove: boolean;
  /** Pages by which the start of the next one moves up. */
  shift: number;
  /** The VMA that takes pages over from the other, or 0. */
  importer: number;
}

function planNext(cpu: Cpu, vma: number, end: number, insert: number): NextChange {
  const next = insert === 0 ? vmaNext(cpu, vma) : 0;
  const plan: NextChange = { next, remove: false, shift: 0, importer: 0 };
  if (next === 0) return plan;
  if (end >= vmaEnd(cpu, next)) {
    plan.remove = true;
  } else if (end > vmaStart(cpu, next)) {
    plan.shift = (end - vmaStart(cpu, next)) / 4096;
    plan.importer = vma;
  } else if (end < vmaEnd(cpu, vma) && vmaEnd(cpu, vma) === vmaStart(cpu, next)) {
    plan.shift = (end - vmaEnd(cpu, vma)) / 4096;
    plan.importer = next;
  }
  return plan;
}

/**
 * Whoever takes anonymous pages over must be on their anon_vma's list, or nobody would find them
 * again.
 */
function importAnonVma(cpu: Cpu, importer: number, anonVma: number): void {
  if (importer === 0 || vmaAnonVma(cpu, importer) !== 0) return;
  setVmaAnonVma(cpu, importer, anonVma);
  cpu.k.__anon_vma_link(importer);
}

function moveBounds(
  cpu: Cpu,
  vma: number,
  start: number,
  end: number,
  pgoff: number,
  plan: NextChange,
): void {
  const file = vmaFile(cpu, vma);
  const { next, shift } = plan;
  if (file !== 0) {
    cpu.k.__vma_unlink_file(vma);
    if (shift !== 0) cpu.k.__vma_unlink_file(next);
  }
  setVmaBounds(cpu, vma, start, end, pgoff);
  if (shift !== 0) {
    const nextStart = vmaStart(cpu, next) + shift * 4096;
    setVmaBounds(cpu, next, nextStart, vmaEnd(cpu, next), vmaPgoff(cpu, next) + shift);
  }
  if (file !== 0) {
    if (shift !== 0) cpu.k.__vma_link_file(next);
    cpu.k.__vma_link_file(vma);
  }
}

/** Takes a VMA that was swallowed off every list; its locks are held. */
function unlinkSwallowed(cpu: Cpu, vma: number, next: number): void {
  cpu.k.vma_tree_erase(vmaMm(cpu, vma), next, vma);
  if (vmaFile(cpu, next) !== 0) cpu.k.__vma_unlink_file(next);
  cpu.k.__anon_vma_merge(vma, next);
}

/**
 * Gives `vma` new bounds. What it grows over of the next VMA it takes; what it gives up the next
 * one gets if it touches; `insert`, a copy of `vma` with bounds of its own, is linked in the same
 * step (a split).
 */
export function vmaAdjust(
  cpu: Cpu,
  vma: number,
  start: number,
  newEnd: number,
  pgoff: number,
  insert: number,
): void {
  const k = cpu.k;
  let end = newEnd;
  for (;;) {
    const plan = planNext(cpu, vma, end, insert);
    const { next } = plan;
    const wanted = end;
    if (plan.remove) end = vmaEnd(cpu, next);
    const concerned = plan.remove || plan.shift !== 0;
    const anonVma = vmaAnonVma(cpu, vma) || (concerned ? vmaAnonVma(cpu, next) : 0);
    const file = vmaFile(cpu, vma);
    const locksFile = file !== 0 && k.has_fix(FIX_ADJUST_LOCK) !== 0;

    if (locksFile) k.i_mmap_lock_write(file + i_mmap_lock);
    if (anonVma !== 0) {
      k.anon_vma_lock_write(anonVma);
      importAnonVma(cpu, plan.importer, anonVma);
    }
    moveBounds(cpu, vma, start, end, pgoff, plan);
    if (plan.remove) unlinkSwallowed(cpu, vma, next);
    if (insert !== 0) {
      k.vma_tree_insert(vmaMm(cpu, vma), insert);
      k.__anon_vma_link(insert);
      if (file !== 0) k.__vma_link_file(insert);
    }
    if (anonVma !== 0) k.anon_vma_unlock_write(anonVma);
    if (locksFile) k.i_mmap_unlock_write(file + i_mmap_lock);

    if (!plan.remove) return;
    if (vmaFile(cpu, next) !== 0) k.inode_put(vmaFile(cpu, next));
    k.vma_free(next);
    // A merge that fills a hole swallows what was mapped there and the VMA after it.
    if (wanted <= end) return;
    end = wanted;
  }
}

/**
 * Splits `vma` at `address`, inside it. The new VMA is the lower half if `newBelow`. 0 or -ENOMEM.
 */
export function splitVma(cpu: Cpu, vma: number, address: number, newBelow: boolean): number {
  const k = cpu.k;
  if (mapCount(cpu, vmaMm(cpu, vma)) >= MAX_MAP_COUNT) return -ENOMEM;
  const half = k.vma_dup(vma);
  if (half === 0) return -ENOMEM;
  const start = vmaStart(cpu, vma);
  const end = vmaEnd(cpu, vma);
  const pgoff = vmaPgoff(cpu, vma);
  const upperPgoff = pgoff + (address - start) / 4096;
  if (vmaFile(cpu, vma) !== 0) k.inode_get(vmaFile(cpu, vma));
  if (newBelow) {
    setVmaBounds(cpu, half, start, address, pgoff);
    vmaAdjust(cpu, vma, address, end, upperPgoff, half);
  } else {
    setVmaBounds(cpu, half, address, end, upperPgoff);
    vmaAdjust(cpu, vma, start, address, pgoff, half);
  }
  return 0;
}

/** What a range of addresses is to be, to find out whether a neighbour can simply grow over it. */
export interface MergeRequest {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly anonVma: number;
  readonly file: number;
  readonly pgoff: number;
}

const compatible = (a: number, b: number): boolean => a === 0 || b === 0 || a === b;

function canMerge(cpu: Cpu, vma: number, want: MergeRequest, pgoffMatches: boolean): boolean {
  return (
    pgoffMatches &&
    vmaFlags(cpu, vma) === want.flags &&
    vmaFile(cpu, vma) === want.file &&
    compatible(vmaAnonVma(cpu, vma), want.anonVma)
  );
}

/**
 * Lets a neighbour grow over [start, end), which is either free or the part of a VMA that gets new
 * flags. `prev` is the last VMA that begins before `start`, or 0. Returns the VMA that now covers
 * the range, or 0 if no neighbour fits.
 */
export function vmaMerge(cpu: Cpu, mm: number, prev: number, want: MergeRequest): number {
  const pages = (want.end - want.start) / 4096;
  const area = prev === 0 ? firstVma(cpu, mm) : vmaNext(cpu, prev);
  let next = area;
  if (next !== 0 && vmaEnd(cpu, next) === want.end) next = vmaNext(cpu, next);

  const nextFits =
    next !== 0 &&
    vmaStart(cpu, next) === want.end &&
    canMerge(cpu, next, want, vmaPgoff(cpu, next) === want.pgoff + pages);
  const prevFits =
    prev !== 0 &&
    vmaEnd(cpu, prev) === want.start &&
    canMerge(cpu, prev, want, vmaPgoff(cpu, prev) + vmaPages(cpu, prev) === want.pgoff);

  if (prevFits) {
    const both = nextFits && compatible(vmaAnonVma(cpu, prev), vmaAnonVma(cpu, next));
    const end = both ? vmaEnd(cpu, next) : want.end;
    vmaAdjust(cpu, prev, vmaStart(cpu, prev), end, vmaPgoff(cpu, prev), 0);
    return prev;
  }
  if (!nextFits) return 0;
  if (prev !== 0 && want.start < vmaEnd(cpu, prev)) {
    vmaAdjust(cpu, prev, vmaStart(cpu, prev), want.start, vmaPgoff(cpu, prev), 0);
    return next;
  }
  vmaAdjust(cpu, area, want.start, vmaEnd(cpu, next), vmaPgoff(cpu, next) - pages, 0);
  return area;
}
