// Takes a page away from all who map it. Linux: try_to_unmap and try_to_unmap_one, mm/rmap.c of 2.6.8 and 2.6.9.
//
// Protocol: the page is locked, and the caller has a reference. That keeps its file, or its place in the swap
// cache; it does not keep an anon_vma (referenced.ts says what does). For each VMA, under page_table_lock:
//
//   compare ── young? ── references counted ── clear, flush ── dirty bit kept ── slot counted, swap PTE ── rmap,
//   reference
//
// A page that was used is left alone, and so is one that somebody holds by get_user_pages: a page of the swap cache
// has a reference for each PTE, one for the cache and one for reclaim, and not one more. Else the holder would
// write to a page that the program no longer has. 2.6.8 does all of it under PG_maplock, where page_remove_rmap
// cannot be called: the count is changed here. 2.6.6 goes by the chain, and takes what it has unmapped out of it;
// Linux has no guard against get_user_pages there, and it is here. anonmm goes by the lineage. Left out: VM_LOCKED,
// VM_RESERVED, nonlinear VMAs; so no VMA has to be found from an address.

import { read_once } from "../arch/atomic";
import { BUG_SWAP_CACHE, bug_on } from "../arch/bug";
import { FIX_GUP_GUARD, FIX_UNMAP_FLUSH, without } from "../arch/fixes";
import { this_cpu } from "../arch/percpu";
import { _PAGE_DIRTY, ptep_clear_young, ptep_get_and_clear, set_pte } from "../arch/pte";
import { this_reclaim } from "../arch/reclaim_state";
import { TRACE_UNMAP, trace } from "../arch/trace";
import { HAS_ANONMM, HAS_PTE_CHAINS } from "../generation";
import { anon_vma_lock_read, anon_vma_unlock_read, i_mmap_unlock_read } from "../lock/rmap_locks";
import { spin_trylock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { Inode, inode_i_mmap_lock } from "../mm/mapping";
import { MmStruct, VmArea, mm_ptl } from "../mm/mm_types";
import {
  PG_dirty,
  PG_swapcache,
  Page,
  page_count,
  page_mapping_addr,
  page_set_flag,
  page_test_flag,
} from "../mm/page";
import { put_page } from "../mm/put_page";
import { swap_duplicate } from "../mm/swap_slots";
import { swp_entry_to_pte } from "../mm/swap_types";
import { flush_tlb_page } from "../mm/tlb_flush";
import { methods_under_ptl } from "../notifier/context";
import { invalidate_page_listed, invalidate_page_locked, young_locked } from "../notifier/sites";
import {
  HAS_MAPLOCK,
  PTE_BUSY,
  lock_or_try_i_mmap,
  page_check_address,
  vma_address,
} from "./check_address";
import { anonmm_put } from "./anonmm";
import { anonmm_check_address, anonmm_walk } from "./anonmm_walk";
import { PageAnon, page_mapcount, page_mapped, page_remove_rmap } from "./index";
import { clear_page_anon, page_anon_owner } from "./page_anon";
import { mapcount_add, page_map_lock, page_map_unlock } from "./page_map_lock";
import { pte_chain_lock, pte_chain_unlock, ptep_to_address, ptep_to_mm } from "./pte_chain";
import { chain_take } from "./chain_walk";
import { page_lock_anon_vma, page_unlock_anon_vma } from "./referenced";
import {
  RMAP_HIT,
  RMAP_NONE,
  RMAP_STOP,
  rmap_hits,
  rmap_walk_anon,
  rmap_walk_file,
} from "./rmap_walk";

/** No PTE maps the page any more. */
export const SWAP_SUCCESS: u32 = 0;
/** Some PTE does, which could not be looked at, or was made meanwhile. */
export const SWAP_AGAIN: u32 = 1;
/** The page is in use. */
export const SWAP_FAIL: u32 = 2;

/** visit: the page is to be left alone. */
const FAIL: u64 = RMAP_HIT + RMAP_STOP;

/** Someone other than PTEs, the swap cache and reclaim has a reference to the page. */
@inline
function is_held(page: Page): bool {
  if (without(FIX_GUP_GUARD)) return false;
  return page_test_flag(page, PG_swapcache) && page_count(page) != page_mapcount(page) + 2;
}

/** The count of the PTE goes. 2.6.8: PG_maplock is held already. */
@inline
function remove_rmap(page: Page, ptep: usize): void {
  if (HAS_MAPLOCK) mapcount_add(page, -1);
  else page_remove_rmap(page, ptep);
}

/** The PTE of an anonymous page names the page's slot from here on. */
function set_swap_pte(page: Page, ptep: usize): void {
  bug_on(!page_test_flag(page, PG_swapcache), BUG_SWAP_CACHE, changetype<usize>(page), page.flags);
  swap_duplicate(page.private_);
  set_pte(ptep, swp_entry_to_pte(page.private_));
}

/** The PTE, whose page_table_lock is held, names the page's slot from here on, or is empty. */
@inline
function take_pte(page: Page, mm: MmStruct, address: u64, ptep: usize): void {
  trace(TRACE_UNMAP, address, changetype<usize>(page));
  const pte = ptep_get_and_clear(ptep);
  if (!without(FIX_UNMAP_FLUSH)) flush_tlb_page(mm, address);
  invalidate_page_locked(mm, address);
  if (pte & _PAGE_DIRTY) page_set_flag(page, PG_dirty);
  if (PageAnon(page)) set_swap_pte(page, ptep);
  mm.rss--;
  this_reclaim().pteunmap++;
}

/** Somebody has used the page, as the PTE or a secondary MMU says. Nobody is asked any more from patch 04 on. */
@inline
function is_young(mm: MmStruct, address: u64, ptep: usize): bool {
  if (!methods_under_ptl()) return false;
  const young = ptep_clear_young(ptep);
  if (young) flush_tlb_page(mm, address);
  return young_locked(mm, address, young);
}

/** try_to_unmap_one, of a PTE that was found. page_table_lock is held; unlocks. */
@inline
function unmap_one(page: Page, mm: MmStruct, address: u64, ptep: usize): u64 {
  if (is_young(mm, address, ptep) || is_held(page)) {
    spin_unlock_ptl(mm_ptl(mm));
    return FAIL;
  }
  take_pte(page, mm, address, ptep);
  remove_rmap(page, ptep);
  put_page(page);
  const last = page_mapcount(page) <= 0;
  spin_unlock_ptl(mm_ptl(mm));
  invalidate_page_listed(mm, address, PageAnon(page));
  return last ? RMAP_STOP : RMAP_NONE;
}

/** Takes the PTE of each VMA away. */
@unmanaged @final
class UnmapVisitor {
  /** try_to_unmap_one. */
  visit(page: Page, vma: VmArea): u64 {
    const ptep = page_check_address(page, vma);
    if (ptep == PTE_BUSY) this_reclaim().ptemissed++;
    if (ptep == 0 || ptep == PTE_BUSY) return RMAP_NONE;
    return unmap_one(page, changetype<MmStruct>(vma.vm_mm), vma_address(page, vma), ptep);
  }

  /** anonmm: in an address space that may map the page at its address. */
  visit_mm(page: Page, mm: MmStruct): u64 {
    const ptep = anonmm_check_address(page, mm);
    if (ptep == PTE_BUSY) this_reclaim().ptemissed++;
    if (ptep == 0 || ptep == PTE_BUSY) return RMAP_NONE;
    return unmap_one(page, mm, page.index << 12, ptep);
  }

  /** 2.6.6: a PTE of the chain: RMAP_HIT if it went, FAIL; RMAP_NONE if its page_table_lock was busy. */
  visit_pte(page: Page, ptep: usize): u64 {
    const mm = ptep_to_mm(ptep);
    if (!spin_trylock_ptl(mm_ptl(mm))) {
      this_reclaim().ptemissed++;
      return RMAP_NONE;
    }
    const held = is_held(page);
    if (!held) {
      take_pte(page, mm, ptep_to_address(ptep), ptep);
      put_page(page);
    }
    spin_unlock_ptl(mm_ptl(mm));
    return held ? FAIL : RMAP_HIT;
  }
}

/** Up to 2.6.8: the last PTE went. */
function note_unmapped(page: Page): void {
  const owner = HAS_ANONMM && PageAnon(page) ? page_anon_owner(page) : 0;
  if (PageAnon(page)) clear_page_anon(page);
  this_cpu().nr_mapped--;
  if (HAS_ANONMM && owner != 0) anonmm_put(owner);
}

/** The VMAs of the page's file. Its i_mmap_lock may be busy. */
function unmap_file(page: Page): u64 {
  const mapping = read_once<usize>(page_mapping_addr(page));
  if (mapping == 0) return RMAP_NONE;
  const lock = inode_i_mmap_lock(changetype<Inode>(mapping));
  if (!lock_or_try_i_mmap(lock)) {
    this_reclaim().ptemissed++;
    return RMAP_NONE;
  }
  const result = rmap_walk_file<UnmapVisitor>(page, changetype<Inode>(mapping));
  i_mmap_unlock_read(lock);
  return result;
}

/** 2.6.8: the VMAs of the page's anon_vma; PG_maplock keeps that while the page is mapped. */
function unmap_anon_maplocked(page: Page): u64 {
  if (HAS_ANONMM) return anonmm_walk<UnmapVisitor>(page);
  const anon_vma = page_anon_owner(page);
  anon_vma_lock_read(anon_vma);
  const result = rmap_walk_anon<UnmapVisitor>(page, anon_vma);
  anon_vma_unlock_read(anon_vma);
  return result;
}

function unmap_maplocked(page: Page): u64 {
  page_map_lock(page);
  let result = RMAP_NONE;
  if (page._mapcount != 0) {
    result = PageAnon(page) ? unmap_anon_maplocked(page) : unmap_file(page);
    if (page._mapcount == 0) note_unmapped(page);
  }
  page_map_unlock(page);
  return result;
}

/** 2.6.6: the PTEs of the chain, one by one. */
function unmap_chain(page: Page): u64 {
  pte_chain_lock(page);
  let failed = false;
  if (page.pte != 0) {
    failed = chain_take<UnmapVisitor>(page);
    if (page.pte == 0) {
      if (PageAnon(page)) clear_page_anon(page);
      this_cpu().nr_mapped--;
    }
  }
  pte_chain_unlock(page);
  return failed ? FAIL : RMAP_NONE;
}

function unmap_anon(page: Page): u64 {
  const anon_vma = page_lock_anon_vma(page);
  if (anon_vma == 0) return RMAP_NONE;
  const result = rmap_walk_anon<UnmapVisitor>(page, anon_vma);
  page_unlock_anon_vma(anon_vma);
  return result;
}

/** Takes a locked page away from all who map it: SWAP_*. An anonymous one is in the swap cache. */
export function try_to_unmap(page: Page): u32 {
  let result: u64 = 0;
  if (HAS_PTE_CHAINS) result = unmap_chain(page);
  else if (HAS_MAPLOCK) result = unmap_maplocked(page);
  else result = PageAnon(page) ? unmap_anon(page) : unmap_file(page);
  if (rmap_hits(result) != 0) return SWAP_FAIL;
  return page_mapped(page) ? SWAP_AGAIN : SWAP_SUCCESS;
}
