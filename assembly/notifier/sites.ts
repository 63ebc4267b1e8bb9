// Where the kernel tells its notifiers, one line at each place: nothing is left of it in a kernel without them.
// Linux: the callback points of 2.6.27, and of patch 01 of the thread.
//
// place                          call                       under
// do_wp_page (wp_switch)         invalidate_page            page_table_lock, mmap_sem; patch 04: mmap_sem
// page_referenced_one            clear_flush_young          page_table_lock, lock of the list; patch 04: that lock
// try_to_unmap_one               clear_flush_young,         the same; patch 04: invalidate_page alone, under
//                                invalidate_page            the lock of the list
// unmap_region, zap_page_range   range                      an open mmu_gather, and mmap_sem or i_mmap_lock;
//                                                           patch 06: without the gather
// copy_page_range                range, of the parent       mmap_sem
// change_protection              range                      mmap_sem
// move_page_tables               range, for each page       mmap_sem
// exit_mmap                      release                    nothing
//
// The lock of the list is a spinlock: patch 08 makes that of a file a semaphore, patch 09 that of an anon_vma.
// In this kernel page_table_lock is held as long as a gather is open, so the methods of a range are called
// before and after both. Left out: places that this kernel does not have (page_mkclean, xip, remap_file_pages).

import { FIX_NOTIFY_FIRST, FIX_RANGE_END, without } from "../arch/fixes";
import { I_MMAP_SLEEPS, NOTIFIER_NONE } from "./config";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { MmStruct, VmArea, is_cow_mapping, mm_ptl } from "../mm/mm_types";
import {
  enter_atomic,
  leave_atomic,
  methods_under_ptl,
  ranges_in_gather,
  walks_spin,
} from "./context";
import { mm_has_notifiers } from "./types";
import {
  __clear_flush_young,
  __invalidate_page,
  __invalidate_range_end,
  __invalidate_range_start,
} from "./walk";

/** A PTE was cleared and flushed under page_table_lock, and another comes in its place. */
@inline
export function invalidate_page_locked(mm: MmStruct, address: u64): void {
  if (!methods_under_ptl() || !mm_has_notifiers(mm) || without(FIX_NOTIFY_FIRST)) return;
  enter_atomic(true);
  __invalidate_page(mm, address);
  leave_atomic(true);
}

/** Patch 04: the same, when page_table_lock is free again and the page is not yet given up. */
@inline
export function invalidate_page_unlocked(mm: MmStruct, address: u64): void {
  if (methods_under_ptl() || !mm_has_notifiers(mm) || without(FIX_NOTIFY_FIRST)) return;
  __invalidate_page(mm, address);
}

/** The same in a walk along a list of VMAs, whose lock is held: that of an anon_vma if `anon`, or i_mmap_lock. */
@inline
export function invalidate_page_listed(mm: MmStruct, address: u64, anon: bool): void {
  if (methods_under_ptl() || !mm_has_notifiers(mm) || without(FIX_NOTIFY_FIRST)) return;
  enter_atomic(walks_spin(anon));
  __invalidate_page(mm, address);
  leave_atomic(walks_spin(anon));
}

/** The same for machines without FIX_NOTIFY_FIRST: when the page has been given up. */
@inline
export function invalidate_page_late(mm: MmStruct, address: u64): void {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE || !without(FIX_NOTIFY_FIRST)) return;
  if (mm_has_notifiers(mm)) __invalidate_page(mm, address);
}

/** `young`, or true if a secondary MMU has used the page. page_table_lock is held. */
@inline
export function young_locked(mm: MmStruct, address: u64, young: bool): bool {
  if (!methods_under_ptl() || !mm_has_notifiers(mm)) return young;
  enter_atomic(true);
  const secondary = __clear_flush_young(mm, address);
  leave_atomic(true);
  return young || secondary;
}

/** Patch 04: the same, when page_table_lock is free again. A list is locked: see invalidate_page_listed(). */
@inline
export function young_unlocked(mm: MmStruct, address: u64, young: bool, anon: bool): bool {
  if (methods_under_ptl() || !mm_has_notifiers(mm)) return young;
  enter_atomic(walks_spin(anon));
  const secondary = __clear_flush_young(mm, address);
  leave_atomic(walks_spin(anon));
  return young || secondary;
}

/** PTEs of [start, end) go: before the gather that unmaps them. */
@inline
export function unmap_range_start(mm: MmStruct, start: u64, end: u64): void {
  if (!mm_has_notifiers(mm)) return;
  enter_atomic(ranges_in_gather());
  __invalidate_range_start(mm, start, end);
  leave_atomic(ranges_in_gather());
}

/** They are gone: after that gather. */
@inline
export function unmap_range_end(mm: MmStruct, start: u64, end: u64): void {
  if (!mm_has_notifiers(mm)) return;
  enter_atomic(ranges_in_gather());
  __invalidate_range_end(mm, start, end);
  leave_atomic(ranges_in_gather());
}

/** PTEs of [start, end) change while mmap_sem is held for writing, and nothing else. */
@inline
export function range_start(mm: MmStruct, start: u64, end: u64): void {
  if (mm_has_notifiers(mm)) __invalidate_range_start(mm, start, end);
}

/** Ends range_start(). */
@inline
export function range_end(mm: MmStruct, start: u64, end: u64): void {
  if (mm_has_notifiers(mm)) __invalidate_range_end(mm, start, end);
}

/**
 * The PTEs of a VMA are about to be write-protected by fork. The child's page_table_lock, which the caller holds,
 * is dropped for it: nobody else knows the child but who comes from a page, and there is none yet.
 */
@inline
export function fork_range_start(child: MmStruct, parent: MmStruct, vma: VmArea): void {
  if (!mm_has_notifiers(parent) || !is_cow_mapping(vma.vm_flags)) return;
  spin_unlock_ptl(mm_ptl(child));
  __invalidate_range_start(parent, vma.vm_start, vma.vm_end);
  spin_lock_ptl(mm_ptl(child));
}

/** Ends fork_range_start(), after an error too, which patch 01 forgot. */
@inline
export function fork_range_end(child: MmStruct, parent: MmStruct, vma: VmArea, error: i32): void {
  if (!mm_has_notifiers(parent) || !is_cow_mapping(vma.vm_flags)) return;
  if (error != 0 && without(FIX_RANGE_END)) return;
  spin_unlock_ptl(mm_ptl(child));
  __invalidate_range_end(parent, vma.vm_start, vma.vm_end);
  spin_lock_ptl(mm_ptl(child));
}

/** i_mmap_lock was taken: a method that is called under it must not sleep, unless it is a semaphore. */
@inline
export function i_mmap_locked(): void {
  enter_atomic(!I_MMAP_SLEEPS);
}

/** Ends i_mmap_locked(). */
@inline
export function i_mmap_unlocked(): void {
  leave_atomic(!I_MMAP_SLEEPS);
}
