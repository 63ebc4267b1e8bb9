// anon_vma: the list of VMAs in which an anonymous page may be mapped. Linux: mm/rmap.c of 2.6.8
// and 2.6.9.
//
// A page points at the anon_vma of the VMA that first faulted it; fork links the child's VMA to the
// same one, so the list holds every VMA that can map the page. No reference count: an anon_vma is
// freed when its list is empty, which is right because a VMA leaves the list only after its last
// PTE is gone. But mmn-v13 with patch 09 counts them (anon_vma_count.ts).
//
// Lock order. 2.6.8: page_table_lock > anon_vma.lock. 2.6.9: anon_vma.lock > page_table_lock
// (CONFIG_MM_LOCK_ORDERING). Finders that come from a page without a lock: rmap/referenced.ts. Left out:
// memory policies.

import { read_once, write_once } from "../arch/atomic";
import { BUG_ANON_VMA_NOT_SHARED, bug_on } from "../arch/bug";
import {
  FIX_ADOPT_LOCK,
  FIX_ANON_VMA_EMPTY,
  FIX_ANON_VMA_RECHECK,
  FIX_FRESH_LOCK,
  FIX_LOCK_ORDER,
  without,
} from "../arch/fixes";
import { TRACE_ANON_VMA_FREE, trace } from "../arch/trace";
import { RMAP_ANON_VMA } from "../config_rmap";
import { list_add, list_del, list_empty } from "../lib/list";
import {
  ANON_VMA_SEM_OFFSET,
  anon_vma_lock_write,
  anon_vma_unlock_write,
} from "../lock/rmap_locks";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { ANON_VMA_SLEEPS } from "../notifier/config";
import { AnonVmaSem, get_anon_vma, put_anon_vma } from "./anon_vma_count";
import {
  MmStruct,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
  VmArea,
  mm_ptl,
  vma_anon_node,
  vma_anon_vma,
  vma_pages,
} from "./mm_types";
import { kmem_cache_alloc, kmem_cache_free } from "./slab";
import { CACHE_ANON_VMA } from "./slab_types";
import { find_vma_before } from "./vma_tree";

/**
 * Free ones are unlocked and empty: the constructor of the slab makes them so, and they must come
 * back so.
 */
@unmanaged @final
export class AnonVma {
  /** Spinlock of the list; in mmn-v13 with patch 09, AnonVmaSem stands for it. */
  @atomic lock: u32;
  /** VMAs: list head. */
  @guarded("lock") head_next: usize;
  /** See head_next. */
  @guarded("lock") head_prev: usize;
}
if (offsetof<AnonVma>("head_next") != 4)
  ERROR("the slab constructor of AnonVma expects the list at 4");
if (offsetof<AnonVma>() != ANON_VMA_SEM_OFFSET)
  ERROR("ANON_VMA_SEM_OFFSET is not where the semaphore lies");

/** Bytes of an anon_vma. */
@inline
export function anon_vma_bytes(): u32 {
  return offsetof<AnonVma>() + (ANON_VMA_SLEEPS ? offsetof<AnonVmaSem>() : 0);
}

/** The list of an anon_vma. */
@inline
export function anon_vma_head(anon_vma: usize): usize {
  return anon_vma + offsetof<AnonVma>("head_next");
}

/**
 * The anon_vma of a VMA as it is now: faults of other threads, which also hold mmap_sem for reading, may
 * be about to give it one.
 */
@inline
function anon_vma_of(vma: VmArea): usize {
  // RELAXED. Once there it stays while mmap_sem is held; who sees 0 looks again under page_table_lock.
  return read_once<usize>(vma_anon_vma(vma));
}

/**
 * True if both could be one VMA but for a later mprotect, so that sharing an anon_vma lets them
 * merge again.
 */
function mergeable(vma: VmArea, near: VmArea, before: VmArea, after: VmArea): bool {
  const permissions = VM_READ | VM_WRITE | VM_EXEC;
  return (
    changetype<usize>(near) != 0 &&
    anon_vma_of(near) != 0 &&
    before.vm_end == after.vm_start &&
    near.vm_file == vma.vm_file &&
    (near.vm_flags & ~permissions) == (vma.vm_flags & ~permissions) &&
    after.vm_pgoff == before.vm_pgoff + vma_pages(before)
  );
}

/**
 * The anon_vma of a neighbour that `vma` may merge with one day, or 0. mmap_sem is held at least
 * for reading.
 */
export function find_mergeable_anon_vma(vma: VmArea): usize {
  const next = changetype<VmArea>(vma.vm_next);
  if (mergeable(vma, next, vma, next)) return anon_vma_of(next);
  const prev = changetype<VmArea>(find_vma_before(changetype<MmStruct>(vma.vm_mm), vma.vm_start));
  if (mergeable(vma, prev, prev, vma)) return anon_vma_of(prev);
  return 0;
}

/** Links `vma` to `anon_vma` if no other thread was faster; the locks of this kernel are held. */
function link_if_none(vma: VmArea, anon_vma: usize): bool {
  if (vma.anon_vma != 0) return false;
  // RELAXED. Who sees it without page_table_lock takes the lock of the list before it looks further.
  write_once<usize>(vma_anon_vma(vma), anon_vma);
  get_anon_vma(anon_vma);
  list_add(vma_anon_node(vma), anon_vma_head(anon_vma));
  return true;
}

/** Links `vma` to `anon_vma`, whatever other threads do: for machines without FIX_ANON_VMA_RECHECK. */
function link_unlocked(vma: VmArea, anon_vma: usize): bool {
  vma.anon_vma = anon_vma;
  get_anon_vma(anon_vma);
  list_add(vma_anon_node(vma), anon_vma_head(anon_vma));
  return true;
}

/** page_table_lock lies outside the lock of an anon_vma, as in 2.6.8. */
@inline
function ptl_first(): bool {
  return !CONFIG_MM_LOCK_ORDERING || without(FIX_LOCK_ORDER);
}

/** Takes page_table_lock of `mm` and the lock of `anon_vma`, or only the first if that is 0. */
export function lock_ptl_and_anon_vma(mm: MmStruct, anon_vma: usize): void {
  const outer = ptl_first();
  if (!outer && anon_vma != 0) anon_vma_lock_write(anon_vma);
  spin_lock_ptl(mm_ptl(mm));
  if (outer && anon_vma != 0) anon_vma_lock_write(anon_vma);
}

/** Frees what lock_ptl_and_anon_vma() took. */
export function unlock_ptl_and_anon_vma(mm: MmStruct, anon_vma: usize): void {
  const outer = ptl_first();
  if (outer && anon_vma != 0) anon_vma_unlock_write(anon_vma);
  spin_unlock_ptl(mm_ptl(mm));
  if (!outer && anon_vma != 0) anon_vma_unlock_write(anon_vma);
}

/**
 * link_if_none under page_table_lock, and the lock of the anon_vma if `locks`. That of a fresh one was
 * not taken until October 2008.
 */
function link_locked(vma: VmArea, anon_vma: usize, locks: bool): bool {
  const mm = changetype<MmStruct>(vma.vm_mm);
  const list = locks ? anon_vma : 0;
  lock_ptl_and_anon_vma(mm, list);
  const linked = link_if_none(vma, anon_vma);
  unlock_ptl_and_anon_vma(mm, list);
  return linked;
}

/**
 * Gives `vma` an anon_vma before its first anonymous page, in kernels that have them. mmap_sem is held for
 * reading, no spinlock. False: no memory.
 */
export function anon_vma_prepare(vma: VmArea): bool {
  if (CONFIG_RMAP != RMAP_ANON_VMA || anon_vma_of(vma) != 0) return true;
  let anon_vma = find_mergeable_anon_vma(vma);
  const adopted = anon_vma != 0;
  if (!adopted) {
    anon_vma = kmem_cache_alloc(CACHE_ANON_VMA);
    if (anon_vma == 0) return false;
  }
  // 2.6.7 took no lock but page_table_lock, although the others of the list know nothing of that. A fresh
  // one has others too where its memory is type-safe: who has found what was here before.
  const locks = adopted
    ? !without(FIX_ADOPT_LOCK)
    : CONFIG_KILL_PAGE_MAP_LOCK && !without(FIX_FRESH_LOCK | FIX_LOCK_ORDER);
  const linked = without(FIX_ANON_VMA_RECHECK)
    ? link_unlocked(vma, anon_vma)
    : link_locked(vma, anon_vma, locks);
  if (!linked && !adopted) kmem_cache_free(CACHE_ANON_VMA, anon_vma);
  return true;
}

/** Puts a copy of a VMA (fork, split, move) on the list of its anon_vma. */
export function anon_vma_link(vma: VmArea): void {
  const anon_vma = vma.anon_vma;
  if (anon_vma == 0) return;
  anon_vma_lock_write(anon_vma);
  get_anon_vma(anon_vma);
  list_add(vma_anon_node(vma), anon_vma_head(anon_vma));
  anon_vma_unlock_write(anon_vma);
}

/** anon_vma_link for a caller that holds the lock already (vma_adjust). */
export function __anon_vma_link(vma: VmArea): void {
  if (vma.anon_vma == 0) return;
  get_anon_vma(vma.anon_vma);
  list_add(vma_anon_node(vma), anon_vma_head(vma.anon_vma));
}

/**
 * Two VMAs become one: `next` leaves the list, `vma` inherits it if it had none. The anon_vma's
 * lock is held.
 */
export function __anon_vma_merge(vma: VmArea, next: VmArea): void {
  if (next.anon_vma == 0) return;
  if (vma.anon_vma == 0) {
    vma.anon_vma = next.anon_vma;
    get_anon_vma(vma.anon_vma);
    list_add(vma_anon_node(vma), vma_anon_node(next));
  }
  bug_on(vma.anon_vma != next.anon_vma, BUG_ANON_VMA_NOT_SHARED, changetype<usize>(vma));
  list_del(vma_anon_node(next));
  // Not the last reference: `vma` has one. The lock is held.
  if (ANON_VMA_SLEEPS) put_anon_vma(next.anon_vma);
}

/**
 * Takes a VMA whose PTEs are gone off its list; the last one frees the anon_vma, after the lock is
 * free again.
 */
export function anon_vma_unlink(vma: VmArea): void {
  const anon_vma = vma.anon_vma;
  if (anon_vma == 0) return;
  anon_vma_lock_write(anon_vma);
  list_del(vma_anon_node(vma));
  let empty = list_empty(anon_vma_head(anon_vma));
  anon_vma_unlock_write(anon_vma);
  if (ANON_VMA_SLEEPS) return put_anon_vma(anon_vma);
  if (without(FIX_ANON_VMA_EMPTY)) empty = list_empty(anon_vma_head(anon_vma));
  if (!empty) return;
  trace(TRACE_ANON_VMA_FREE, 0, anon_vma);
  kmem_cache_free(CACHE_ANON_VMA, anon_vma);
}
