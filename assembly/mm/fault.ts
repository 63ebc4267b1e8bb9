// Page faults: handle_mm_fault and what it calls. Linux: mm/memory.c of 2.6.8 and 2.6.9.
//
// Protocol: mmap_sem is held for reading. page_table_lock is dropped wherever Linux drops it, to
// allocate, copy or read, and after it is taken again the PTE is compared: another thread may have
// been faster. Order of steps as in those kernels: rss, rmap, then the PTE for a new anonymous
// page; the old page's rmap goes before the PTE is switched in a COW break, which is harmless
// because reuse is decided by page_count. Left out: nonlinear files.

import { read_once } from "../arch/atomic";
import { boot } from "../arch/boot_params";
import {
  FIX_COW_FLUSH,
  FIX_COW_FLUSH_FIRST,
  FIX_PTE_SAME,
  FIX_SPARE_FIRST,
  without,
} from "../arch/fixes";
import { memcpy } from "../arch/memory";
import { PAGE_SIZE } from "../arch/memory_map";
import { PHASE_COW, phase_enter, phase_leave } from "../arch/phase";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_RW,
  pfn_pte,
  pte_pfn,
  pte_present,
  pte_read,
  ptep_get_and_clear,
  ptep_set_bits,
  set_pte,
} from "../arch/pte";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { flush_tlb_page } from "./tlb_flush";
import { TRACE_ANON_PAGE, TRACE_NO_PAGE, TRACE_WP_PAGE, trace } from "../arch/trace";
import {
  invalidate_page_late,
  invalidate_page_locked,
  invalidate_page_unlocked,
} from "../notifier/sites";
import { HAS_ANONMM, HAS_PTE_CHAINS } from "../generation";
import {
  NO_SPARE,
  page_add_anon_rmap,
  page_add_file_rmap,
  page_remove_rmap,
  rmap_spare_alloc,
  rmap_spare_free,
} from "../rmap/index";
import { anonmm_move_page } from "../rmap/page_map_lock";
import { anon_vma_prepare } from "./anon_vma";
import { NOPAGE_OOM, NOPAGE_SIGBUS, filemap_nopage } from "./filemap";
import { lru_cache_add_active, mark_page_accessed } from "./lru";
import { Inode, inode_truncate_count } from "./mapping";
import { MmStruct, VM_SHARED, VM_WRITE, VmArea, linear_page_index, mm_ptl } from "./mm_types";
import {
  PG_reserved,
  Page,
  get_page,
  page_address,
  page_test_flag,
  page_to_pfn,
  pfn_to_page,
} from "./page";
import { GFP_HIGHUSER, GFP_ZERO, alloc_page, clear_highpage, page_has_content } from "./page_alloc";
import { put_page } from "./put_page";
import { trylock_page, unlock_page } from "./page_lock";
import { pte_alloc_map, pte_offset } from "./pgtable";
import {
  SWAP_FAULT_DONE,
  SWAP_FAULT_ELSEWHERE,
  SWAP_FAULT_MAPPED,
  SWAP_FAULT_OOM,
  do_swap_page,
} from "./swap_fault";
import { can_share_swap_page } from "./swap_state";

export const VM_FAULT_OOM: i32 = -1;
export const VM_FAULT_SIGBUS: i32 = 0;
export const VM_FAULT_MINOR: i32 = 1;

/** Writable and dirty, if the VMA may be written: maybe_mkwrite(pte_mkdirty(pte)). */
@inline
function mkwrite_dirty(vma: VmArea, pte: u64): u64 {
  const dirty = pte | _PAGE_DIRTY | _PAGE_ACCESSED;
  return vma.vm_flags & VM_WRITE ? dirty | _PAGE_RW : dirty;
}

/**
 * First touch of an anonymous page: the zero page for a read, a page of its own for a write.
 * Locked; unlocks.
 */
function do_anonymous_page(mm: MmStruct, vma: VmArea, ptep: usize, address: u64, write: bool): i32 {
  if (!write) {
    set_pte(ptep, pfn_pte(boot().zero_pfn, vma.vm_page_prot & ~_PAGE_RW));
    spin_unlock_ptl(mm_ptl(mm));
    return VM_FAULT_MINOR;
  }
  spin_unlock_ptl(mm_ptl(mm));
  if (!anon_vma_prepare(vma)) return VM_FAULT_OOM;
  const page = alloc_page(GFP_HIGHUSER | GFP_ZERO);
  if (changetype<usize>(page) == 0) return VM_FAULT_OOM;
  let spare = without(FIX_SPARE_FIRST) ? NO_SPARE : rmap_spare_alloc();
  if (spare == 0) {
    put_page(page);
    return VM_FAULT_OOM;
  }

  spin_lock_ptl(mm_ptl(mm));
  if (pte_read(ptep) != 0 && !without(FIX_PTE_SAME)) {
    spin_unlock_ptl(mm_ptl(mm));
    put_page(page);
    if (!without(FIX_SPARE_FIRST)) rmap_spare_free(spare);
    return VM_FAULT_MINOR;
  }
  if (without(FIX_SPARE_FIRST)) spare = late_spare(mm);
  trace(TRACE_ANON_PAGE, address, changetype<usize>(page));
  mm.rss++;
  lru_cache_add_active(page);
  mark_page_accessed(page);
  const left = page_add_anon_rmap(page, vma, address, ptep, spare);
  set_pte(ptep, mkwrite_dirty(vma, pfn_pte(page_to_pfn(page), vma.vm_page_prot)));
  spin_unlock_ptl(mm_ptl(mm));
  rmap_spare_free(left);
  return VM_FAULT_MINOR;
}

/** For machines without FIX_SPARE_FIRST: the PTE that was looked at may be another one afterwards. */
function late_spare(mm: MmStruct): usize {
  spin_unlock_ptl(mm_ptl(mm));
  const spare = rmap_spare_alloc();
  spin_lock_ptl(mm_ptl(mm));
  return spare;
}

function copy_user_page(to: Page, from: Page): void {
  if (!page_has_content(to)) return;
  if (page_has_content(from)) memcpy(page_address(to), page_address(from), PAGE_SIZE);
  else clear_highpage(to);
}

/** A page of its own with the content of `old`, or 0 when out of memory. No lock is held. */
function cow_user_page(vma: VmArea, old: Page): Page {
  if (!anon_vma_prepare(vma)) return changetype<Page>(0);
  const zero = page_to_pfn(old) == boot().zero_pfn;
  const page = alloc_page(zero ? GFP_HIGHUSER | GFP_ZERO : GFP_HIGHUSER);
  if (changetype<usize>(page) != 0 && !zero) copy_user_page(page, old);
  return page;
}

/** Only the bits of the PTE change: ptep_set_access_flags, then a flush of the page. */
function wp_reuse(mm: MmStruct, vma: VmArea, ptep: usize, address: u64): void {
  ptep_set_bits(ptep, mkwrite_dirty(vma, 0));
  flush_tlb_page(mm, address);
}

/**
 * Puts `page` where `old` was: break_cow. Locked; the PTE was compared. The old PTE goes from every
 * TLB before the new one can be walked, or else one thread would store to the new page and tell a
 * third one, which still reads the old page. Linux has this since 2.6.19; 2.6.9 wrote the new PTE
 * and then flushed. Returns what is left of `spare`.
 */
function wp_switch(
  mm: MmStruct,
  vma: VmArea,
  ptep: usize,
  address: u64,
  old: Page,
  page: Page,
  spare: usize,
): usize {
  if (page_test_flag(old, PG_reserved)) mm.rss++;
  else page_remove_rmap(old, ptep);
  const late = without(FIX_COW_FLUSH_FIRST);
  const flushes = !without(FIX_COW_FLUSH);
  if (!late) {
    ptep_get_and_clear(ptep);
    if (flushes) flush_tlb_page(mm, address);
  }
  invalidate_page_locked(mm, address);
  set_pte(ptep, mkwrite_dirty(vma, pfn_pte(page_to_pfn(page), vma.vm_page_prot)));
  if (late && flushes) flush_tlb_page(mm, address);
  lru_cache_add_active(page);
  return page_add_anon_rmap(page, vma, address, ptep, spare);
}

/** Write to a write-protected page. Locked; unlocks. */
function do_wp_page(mm: MmStruct, vma: VmArea, ptep: usize, address: u64, pte: u64): i32 {
  const old = pfn_to_page(pte_pfn(pte));
  trace(TRACE_WP_PAGE, address, changetype<usize>(old));
  if (trylock_page(old)) {
    const reuse = can_share_swap_page(old);
    unlock_page(old);
    if (reuse) {
      // With anonmm, who mapped the page elsewhere may have gone just now.
      if (HAS_ANONMM) anonmm_move_page(old, address);
      wp_reuse(mm, vma, ptep, address);
      spin_unlock_ptl(mm_ptl(mm));
      return VM_FAULT_MINOR;
    }
  }
  const counted = !page_test_flag(old, PG_reserved);
  if (counted) get_page(old);
  spin_unlock_ptl(mm_ptl(mm));

  const page = cow_user_page(vma, old);
  let spare = changetype<usize>(page) == 0 ? 0 : rmap_spare_alloc();
  if (spare == 0) {
    if (HAS_PTE_CHAINS && changetype<usize>(page) != 0) put_page(page);
    if (counted) put_page(old);
    return VM_FAULT_OOM;
  }
  spin_lock_ptl(mm_ptl(mm));
  const same = pte_read(ptep) == pte || without(FIX_PTE_SAME);
  if (same) spare = wp_switch(mm, vma, ptep, address, old, page, spare);
  spin_unlock_ptl(mm_ptl(mm));
  rmap_spare_free(spare);
  if (same) invalidate_page_unlocked(mm, address);
  // The PTE's own reference to the old page, or the new page that nobody needs; then ours.
  if (!same) put_page(page);
  else if (counted) put_page(old);
  if (counted) put_page(old);
  if (same) invalidate_page_late(mm, address);
  return VM_FAULT_MINOR;
}

/**
 * The page to map for a fault in a file mapping: of the cache, or a private copy; or NOPAGE_*. No
 * lock is held.
 */
function nopage(vma: VmArea, address: u64, early_cow: bool): usize {
  const found = filemap_nopage(changetype<Inode>(vma.vm_file), linear_page_index(vma, address));
  if (found == NOPAGE_SIGBUS || found == NOPAGE_OOM || !early_cow) return found;
  const page = cow_user_page(vma, changetype<Page>(found));
  put_page(changetype<Page>(found));
  return changetype<usize>(page) == 0 ? NOPAGE_OOM : changetype<usize>(page);
}

/** First touch of a page of a file mapping. Locked; unlocks. */
function do_no_page(mm: MmStruct, vma: VmArea, ptep: usize, address: u64, write: bool): i32 {
  if (vma.vm_file == 0) return do_anonymous_page(mm, vma, ptep, address, write);
  spin_unlock_ptl(mm_ptl(mm));
  const truncations = inode_truncate_count(changetype<Inode>(vma.vm_file));
  const early_cow = write && (vma.vm_flags & VM_SHARED) == 0;
  while (true) {
    // ACQUIRE. Pairs with unmap_mapping_range(), which counts up before it looks at the PTEs: sampled
    // before nopage. Pairs with vmtruncate(): the length is new when the count is.
    const sequence = read_once<u32>(truncations);
    const found = nopage(vma, address, early_cow);
    if (found == NOPAGE_SIGBUS) return VM_FAULT_SIGBUS;
    if (found == NOPAGE_OOM) return VM_FAULT_OOM;
    const page = changetype<Page>(found);
    const spare = rmap_spare_alloc();
    if (spare == 0) {
      put_page(page);
      return VM_FAULT_OOM;
    }
    spin_lock_ptl(mm_ptl(mm));
    if (read_once<u32>(truncations) == sequence) {
      const left = map_file_page(mm, vma, ptep, address, page, write, early_cow, spare);
      spin_unlock_ptl(mm_ptl(mm));
      rmap_spare_free(left);
      return VM_FAULT_MINOR;
    }
    spin_unlock_ptl(mm_ptl(mm));
    rmap_spare_free(spare);
    put_page(page);
  }
}

/**
 * Maps `page`, whose reference it consumes, unless another thread was faster. Locked. Returns what is left
 * of `spare`.
 */
function map_file_page(
  mm: MmStruct,
  vma: VmArea,
  ptep: usize,
  address: u64,
  page: Page,
  write: bool,
  anonymous: bool,
  spare: usize,
): usize {
  if (pte_read(ptep) != 0) {
    put_page(page);
    return spare;
  }
  trace(TRACE_NO_PAGE, address, changetype<usize>(page));
  mm.rss++;
  const pte = pfn_pte(page_to_pfn(page), vma.vm_page_prot);
  set_pte(ptep, write ? mkwrite_dirty(vma, pte) : pte);
  if (anonymous) {
    lru_cache_add_active(page);
    return page_add_anon_rmap(page, vma, address, ptep, spare);
  }
  return page_add_file_rmap(page, ptep, spare);
}

/**
 * A PTE is there already: the access was a write, or another thread was faster. Locked; unlocks.
 */
function handle_present_pte(
  mm: MmStruct,
  vma: VmArea,
  ptep: usize,
  address: u64,
  pte: u64,
  write: bool,
): i32 {
  if (write && (pte & _PAGE_RW) == 0) {
    const phase = phase_enter(PHASE_COW);
    const result = do_wp_page(mm, vma, ptep, address, pte);
    phase_leave(phase);
    return result;
  }
  ptep_set_bits(ptep, write ? _PAGE_ACCESSED | _PAGE_DIRTY : _PAGE_ACCESSED);
  flush_tlb_page(mm, address);
  spin_unlock_ptl(mm_ptl(mm));
  return VM_FAULT_MINOR;
}

/** The PTE names a slot of swap. Locked; unlocks. */
function handle_swap_pte(
  mm: MmStruct,
  vma: VmArea,
  ptep: usize,
  address: u64,
  pte: u64,
  write: bool,
): i32 {
  const done = do_swap_page(mm, vma, ptep, address, pte, write ? mkwrite_dirty(vma, 0) : 0);
  if (done == SWAP_FAULT_OOM) return VM_FAULT_OOM;
  if (done == SWAP_FAULT_DONE) return VM_FAULT_MINOR;
  if ((write && done == SWAP_FAULT_MAPPED) || done == SWAP_FAULT_ELSEWHERE) {
    return do_wp_page(mm, vma, ptep, address, pte_read(ptep));
  }
  spin_unlock_ptl(mm_ptl(mm));
  return VM_FAULT_MINOR;
}

/**
 * Resolves a fault at `address` of `vma`, which allows the access. mmap_sem is held for reading.
 * VM_FAULT_*.
 */
export function handle_mm_fault(mm: MmStruct, vma: VmArea, address: u64, write: bool): i32 {
  spin_lock_ptl(mm_ptl(mm));
  let ptep = pte_offset(mm, address);
  if (ptep == 0) ptep = pte_alloc_map(mm, address);
  if (ptep == 0) {
    spin_unlock_ptl(mm_ptl(mm));
    return VM_FAULT_OOM;
  }
  const pte = pte_read(ptep);
  if (pte_present(pte)) return handle_present_pte(mm, vma, ptep, address, pte, write);
  if (pte != 0) return handle_swap_pte(mm, vma, ptep, address, pte, write);
  return do_no_page(mm, vma, ptep, address, write);
}
