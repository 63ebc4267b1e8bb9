// A PTE that names a slot of swap: the page comes back. Linux: do_swap_page, mm/memory.c of 2.6.8 and 2.6.9.
//
//   ptl dropped ── swap cache, or read ── page lock ── still the page of the entry? ── ptl ── same PTE? ── count of
//   the slot, rss ── may it be written? ── page unlocked ── PTE, rmap
//
// Protocol: mmap_sem is held for reading. The page lock keeps the page in the swap cache while it is decided who
// else uses it. After it was taken the page is looked at again: between the look-up and the lock the page may have
// left the swap cache, and its slot may have been given to another (Linux asks since 2.6.36). Left out: readahead.

import { FIX_PTE_SAME, FIX_SWAP_RECHECK, without } from "../arch/fixes";
import { this_cpu } from "../arch/percpu";
import { pfn_pte, pte_read, set_pte } from "../arch/pte";
import { TRACE_SWAP_PAGE, trace } from "../arch/trace";
import { HAS_ANONMM, HAS_PTE_CHAINS } from "../generation";
import { page_add_anon_rmap, rmap_spare_alloc, rmap_spare_free } from "../rmap/index";
import { is_elsewhere } from "../rmap/page_map_lock";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { mark_page_accessed } from "./lru";
import { MmStruct, VmArea, mm_ptl } from "./mm_types";
import { PG_swapcache, Page, page_test_flag, page_to_pfn } from "./page";
import { lock_page, unlock_page } from "./page_lock";
import { put_page } from "./put_page";
import {
  can_share_swap_page,
  lookup_swap_cache,
  read_swap_cache_async,
  remove_exclusive_swap_page,
} from "./swap_state";
import { swap_free } from "./swap_slots";
import { SWAP_GONE, pte_to_swp_entry, vm_swap_full } from "./swap_types";

/** do_swap_page: out of memory. */
export const SWAP_FAULT_OOM: u32 = 0;
/** do_swap_page: another thread was faster, or the fault must be taken again. The lock is free. */
export const SWAP_FAULT_DONE: u32 = 1;
/** do_swap_page: mapped; page_table_lock is held. */
export const SWAP_FAULT_MAPPED: u32 = 2;
/** do_swap_page: mapped and writable; page_table_lock is held. */
export const SWAP_FAULT_WRITABLE: u32 = 3;

/** do_swap_page, anonmm: mapped, but others map the page at another address; page_table_lock is held. */
export const SWAP_FAULT_ELSEWHERE: u32 = 4;

/** The page of a slot with a reference, 0, or SWAP_GONE. */
function swap_page(entry: u32): Page {
  const found = lookup_swap_cache(entry);
  if (changetype<usize>(found) != 0) return found;
  const page = read_swap_cache_async(entry);
  if (changetype<usize>(page) > SWAP_GONE) this_cpu().pgmajfault++;
  return page;
}

/**
 * Nothing could be read: out of memory, unless the PTE has changed. Where nobody used the slot it had changed then,
 * whatever it says now: swapoff and another swap to the same slot came in between.
 */
function swap_page_missing(mm: MmStruct, ptep: usize, pte: u64): u32 {
  spin_lock_ptl(mm_ptl(mm));
  const same = pte_read(ptep) == pte;
  spin_unlock_ptl(mm_ptl(mm));
  return same ? SWAP_FAULT_OOM : SWAP_FAULT_DONE;
}

/** True if the locked page is not the one of the entry any more. */
function is_stale(page: Page, entry: u32): bool {
  if (without(FIX_SWAP_RECHECK)) return false;
  return !page_test_flag(page, PG_swapcache) || page.private_ != entry;
}

/**
 * Maps the page of a slot again: SWAP_FAULT_*. Locked; unlocks unless it has mapped. `writable`: the bits that make
 * the PTE writable and dirty, where the fault was a write.
 */
export function do_swap_page(
  mm: MmStruct,
  vma: VmArea,
  ptep: usize,
  address: u64,
  pte: u64,
  writable: u64,
): u32 {
  const entry = pte_to_swp_entry(pte);
  spin_unlock_ptl(mm_ptl(mm));
  const page = swap_page(entry);
  if (changetype<usize>(page) == SWAP_GONE) return SWAP_FAULT_DONE;
  if (changetype<usize>(page) == 0) return swap_page_missing(mm, ptep, pte);
  mark_page_accessed(page);
  const spare = rmap_spare_alloc();
  if (HAS_PTE_CHAINS && spare == 0) {
    put_page(page);
    return SWAP_FAULT_OOM;
  }
  lock_page(page);
  spin_lock_ptl(mm_ptl(mm));
  if ((pte_read(ptep) != pte && !without(FIX_PTE_SAME)) || is_stale(page, entry)) {
    spin_unlock_ptl(mm_ptl(mm));
    unlock_page(page);
    put_page(page);
    rmap_spare_free(spare);
    return SWAP_FAULT_DONE;
  }
  trace(TRACE_SWAP_PAGE, address, changetype<usize>(page));
  swap_free(entry);
  if (vm_swap_full()) remove_exclusive_swap_page(page);
  mm.rss++;
  let value = pfn_pte(page_to_pfn(page), vma.vm_page_prot);
  const share = writable != 0 && can_share_swap_page(page);
  if (share) value |= writable;
  unlock_page(page);
  set_pte(ptep, value);
  rmap_spare_free(page_add_anon_rmap(page, vma, address, ptep, spare));
  if (HAS_ANONMM && is_elsewhere(page, address)) return SWAP_FAULT_ELSEWHERE;
  return share ? SWAP_FAULT_WRITABLE : SWAP_FAULT_MAPPED;
}
