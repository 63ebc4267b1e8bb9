// What reclaim keeps for each CPU: the lists it works on, and counters. Linux: struct scan_control, the lists on
// the stack of shrink_cache and refill_inactive_zone, and struct page_state of 2.6.9.

import { PAGEVEC_SIZE, PERCPU_NOTIFIER, PERCPU_RECLAIM, this_cpu_base } from "./percpu";
import { PERCPU_AREAS, PERCPU_SIZE } from "./memory_map";

@unmanaged @final
export class ReclaimState {
  /** Not 0: this CPU reclaims, and may use the last frames. Linux: PF_MEMALLOC. */
  memalloc: u32;
  /** Pages scanned in this round. */
  nr_scanned: u32;
  /** Pages freed in this round. */
  nr_reclaimed: u32;
  /** GFP_* of who waits for the memory. */
  gfp_mask: u32;
  /** How desperate: 12 at first, 0 at last. */
  priority: u32;
  /** 1: dirty pages may be written. */
  may_writepage: u32;
  /** Pages taken off the LRU: list head. */
  page_list_next: usize;
  /** See page_list_next. */
  page_list_prev: usize;
  /** Pages that go back to the LRU, or that stay active: list head. */
  ret_list_next: usize;
  /** See ret_list_next. */
  ret_list_prev: usize;
  /** Pages that become inactive: list head. */
  l_inactive_next: usize;
  /** See l_inactive_next. */
  l_inactive_prev: usize;

  /** Pages looked at by shrink_list. */
  pgscan: u32;
  /** Pages freed by shrink_list. */
  pgsteal: u32;
  /** Pages read from swap. */
  pswpin: u32;
  /** Pages written to swap. */
  pswpout: u32;
  /** Pages read from the disk for files. */
  pgpgin: u32;
  /** Pages written to the disk for files. */
  pgpgout: u32;
  /** Pages made active. */
  pgactivate: u32;
  /** Pages made inactive. */
  pgdeactivate: u32;
  /** PTEs that try_to_unmap has taken away. */
  pteunmap: u32;
  /** VMAs passed over, since page_table_lock or the lock of the list was busy. */
  ptemissed: u32;
  /** Times that an allocation had to reclaim. */
  allocstall: u32;
  /** Times that kswapd ran. */
  kswapd: u32;
  /** Pages whose references are to be dropped, when lru_lock is free again. */
  nr_release: u32;
}

/** Where those pages stand: an array behind the fields. */
export const RECLAIM_RELEASE: usize = PERCPU_RECLAIM + offsetof<ReclaimState>();

if (RECLAIM_RELEASE + PAGEVEC_SIZE * 4 > PERCPU_NOTIFIER)
  ERROR("the ReclaimState runs into the words of notifiers");

/** The ReclaimState of the CPU that asks. */
@inline
export function this_reclaim(): ReclaimState {
  return changetype<ReclaimState>(this_cpu_base() + PERCPU_RECLAIM);
}

/** The ReclaimState of CPU `id`. */
@inline
export function reclaim_of(id: u32): ReclaimState {
  return changetype<ReclaimState>(PERCPU_AREAS + id * PERCPU_SIZE + PERCPU_RECLAIM);
}
