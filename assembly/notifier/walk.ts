// Calls the methods of all notifiers of an mm. Linux: mm/mmu_notifier.c.
//
// mmn-v13: without protection of its own. Who walks holds mmap_sem, or i_mmap_lock or the lock of an anon_vma of
// this mm, and whoever changes the list holds all of them. 2.6.27: a read section of RCU.
//
// The methods are those of the host: an import for each. A notifier that is unlinked while its method runs
// keeps its `next`, so the walk goes on.

import { read_once } from "../arch/atomic";
import { rcu_read_lock, rcu_read_unlock } from "../lock/rcu";
import { MmStruct } from "../mm/mm_types";
import { enter_atomic, leave_atomic, walks_under_rcu } from "./context";
import { MmuNotifier, mm_has_notifiers, notifier_list, notifier_next } from "./types";

@external("notifier", "invalidate_page")
declare function client_invalidate_page(notifier: usize, ops: u32, address: f64): void;

@external("notifier", "invalidate_range_start")
declare function client_range_start(notifier: usize, ops: u32, start: f64, end: f64): void;

@external("notifier", "invalidate_range_end")
declare function client_range_end(notifier: usize, ops: u32, start: f64, end: f64): void;

@external("notifier", "clear_flush_young")
declare function client_clear_flush_young(notifier: usize, ops: u32, address: f64): u32;

@external("notifier", "release")
declare function client_release(notifier: usize, ops: u32): void;

@inline
function ops_of(notifier: usize): u32 {
  return changetype<MmuNotifier>(notifier).ops;
}

@inline
function walk_begin(): void {
  if (!walks_under_rcu()) return;
  rcu_read_lock();
  enter_atomic(true);
}

@inline
function walk_end(): void {
  if (!walks_under_rcu()) return;
  leave_atomic(true);
  rcu_read_unlock();
}

/** The first notifier of an mm that has some, or had. */
@inline
function first_of(mm: MmStruct): usize {
  return read_once<usize>(notifier_list(mm));
}

@inline
function next_of(notifier: usize): usize {
  return read_once<usize>(notifier_next(notifier));
}

/** A PTE was cleared: its page is still there until this returns. */
export function __invalidate_page(mm: MmStruct, address: u64): void {
  walk_begin();
  for (let each = first_of(mm); each != 0; each = next_of(each)) {
    client_invalidate_page(each, ops_of(each), <f64>(<i64>address));
  }
  walk_end();
}

/** PTEs of [start, end) are about to change. */
export function __invalidate_range_start(mm: MmStruct, start: u64, end: u64): void {
  walk_begin();
  for (let each = first_of(mm); each != 0; each = next_of(each)) {
    client_range_start(each, ops_of(each), <f64>(<i64>start), <f64>(<i64>end));
  }
  walk_end();
}

/** They have changed, and pages may be free. */
export function __invalidate_range_end(mm: MmStruct, start: u64, end: u64): void {
  walk_begin();
  for (let each = first_of(mm); each != 0; each = next_of(each)) {
    client_range_end(each, ops_of(each), <f64>(<i64>start), <f64>(<i64>end));
  }
  walk_end();
}

/** True if some secondary MMU has used the page; none of them counts it as used any more. */
export function __clear_flush_young(mm: MmStruct, address: u64): bool {
  let young: u32 = 0;
  walk_begin();
  for (let each = first_of(mm); each != 0; each = next_of(each)) {
    young |= client_clear_flush_young(each, ops_of(each), <f64>(<i64>address));
  }
  walk_end();
  return young != 0;
}

/** The address space goes away: nothing of it may be accessed once this returns. */
export function call_release(notifier: usize): void {
  client_release(notifier, ops_of(notifier));
}

/** call_release for all notifiers of `mm`, which stay on its list. */
export function call_all_releases(mm: MmStruct): void {
  if (!mm_has_notifiers(mm)) return;
  walk_begin();
  for (let each = first_of(mm); each != 0; each = next_of(each)) call_release(each);
  walk_end();
}
