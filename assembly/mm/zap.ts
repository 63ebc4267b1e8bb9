// Unmapping: clears the PTEs of a range, and frees page tables that map nothing any more. Linux:
// zap_pte_range and clear_page_tables, mm/memory.c of 2.6.9; tables are freed by range as from
// 2.6.12 (free_pgtables).
//
// Protocol: page_table_lock is held from tlb_gather_mmu to tlb_finish_mmu. For each PTE: clear it
// in one step, note what it said (dirty, young), drop rmap, hand the reference to the gather, which
// frees after the flush. No page lock. A slot of swap loses a user. Left out: nonlinear file mappings.

import { boot } from "../arch/boot_params";
import { PHASE_ZAP, phase_enter, phase_leave } from "../arch/phase";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  pte_pfn,
  pte_present,
  pte_read,
  ptep_get_and_clear,
  set_pte,
} from "../arch/pte";
import { this_cpu } from "../arch/percpu";
import { TRACE_ZAP_RANGE, trace } from "../arch/trace";
import { HAS_PTE_CHAINS } from "../generation";
import { PageAnon, page_remove_rmap } from "../rmap/index";
import { unmap_range_end, unmap_range_start } from "../notifier/sites";
import { pgtable_remove_rmap } from "../rmap/pte_chain";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { mark_page_accessed } from "./lru";
import { MmStruct, mm_ptl } from "./mm_types";
import {
  PG_dirty,
  PG_reserved,
  page_set_flag,
  page_test_flag,
  pfn_to_page,
  virt_to_page,
} from "./page";
import {
  PGD_SHIFT,
  PMD_SHIFT,
  PTRS_PER_TABLE,
  PUD_SHIFT,
  addr_end,
  next_pte_table,
  pte_offset,
  table_below,
  table_entry,
} from "./pgtable";
import { free_swap_and_cache } from "./swap_state";
import { pte_to_swp_entry } from "./swap_types";
import {
  tlb_finish_mmu,
  tlb_gather_mmu,
  tlb_remove_entry,
  tlb_remove_page,
  tlb_remove_table,
} from "./tlb_gather";

/** Clears `count` PTEs from `first` on. page_table_lock is held, a gather is open. */
export function zap_pte_range(first: usize, count: u32): void {
  const end = first + count * 8;
  for (let ptep = first; ptep < end; ptep += 8) {
    if (pte_read(ptep) == 0) continue;
    const pte = ptep_get_and_clear(ptep);
    if (!pte_present(pte)) {
      free_swap_and_cache(pte_to_swp_entry(pte));
      continue;
    }
    const pfn = pte_pfn(pte);
    if (pfn >= boot().max_mapnr) {
      tlb_remove_entry();
      continue;
    }
    const page = pfn_to_page(pfn);
    if (page.flags & PG_reserved) {
      tlb_remove_entry();
      continue;
    }
    if (pte & _PAGE_DIRTY) {
      if (!page_test_flag(page, PG_dirty)) page_set_flag(page, PG_dirty);
    }
    if (pte & _PAGE_ACCESSED && !PageAnon(page)) mark_page_accessed(page);
    this_cpu().gather_freed++;
    page_remove_rmap(page, ptep);
    tlb_remove_page(page);
  }
}

/** Clears the PTEs of [start, end). page_table_lock is held, a gather is open. */
export function unmap_page_range(mm: MmStruct, start: u64, end: u64): void {
  trace(TRACE_ZAP_RANGE, start, changetype<usize>(mm));
  const phase = phase_enter(PHASE_ZAP);
  let address = start;
  while (true) {
    address = next_pte_table(mm, address, end);
    if (address >= end) break;
    const next = addr_end(address, end, PMD_SHIFT);
    zap_pte_range(pte_offset(mm, address), <u32>((next - address) >> 12));
    address = next;
  }
  phase_leave(phase);
}

/**
 * Takes the table below `entry` away if it maps nothing of interest, that is if all its range is in
 * [floor, ceiling).
 */
function free_table_below(mm: MmStruct, entry: usize): void {
  const table = table_below(entry);
  set_pte(entry, 0);
  if (HAS_PTE_CHAINS) pgtable_remove_rmap(table);
  mm.nr_tables--;
  tlb_remove_table(virt_to_page(table));
}

/** True if the entry of a level that holds `address` lies in [floor, ceiling) as a whole. */
@inline
function entry_within(address: u64, floor: u64, ceiling: u64, shift: u64): bool {
  const start = (address >> shift) << shift;
  const end = start + ((<u64>1) << shift);
  return start >= floor && end <= ceiling;
}

function free_pmd_range(
  mm: MmStruct,
  pmd_table: usize,
  start: u64,
  end: u64,
  floor: u64,
  ceiling: u64,
): void {
  let address = start;
  while (address < end) {
    const entry = table_entry(pmd_table, address, PMD_SHIFT);
    if (table_below(entry) != 0 && entry_within(address, floor, ceiling, PMD_SHIFT)) {
      free_table_below(mm, entry);
    }
    address = addr_end(address, end, PMD_SHIFT);
  }
}

function free_pud_range(
  mm: MmStruct,
  pud_table: usize,
  start: u64,
  end: u64,
  floor: u64,
  ceiling: u64,
): void {
  let address = start;
  while (address < end) {
    const entry = table_entry(pud_table, address, PUD_SHIFT);
    const next = addr_end(address, end, PUD_SHIFT);
    const pmd_table = table_below(entry);
    if (pmd_table != 0) {
      free_pmd_range(mm, pmd_table, address, next, floor, ceiling);
      if (entry_within(address, floor, ceiling, PUD_SHIFT)) free_table_below(mm, entry);
    }
    address = next;
  }
}

/**
 * Frees the tables of [start, end) that no VMA can need: the neighbours end at `floor` and begin at
 * `ceiling`. Locked.
 */
export function free_pgtables(mm: MmStruct, start: u64, end: u64, floor: u64, ceiling: u64): void {
  const phase = phase_enter(PHASE_ZAP);
  let address = start;
  while (address < end) {
    const entry = table_entry(mm.pgd, address, PGD_SHIFT);
    const next = addr_end(address, end, PGD_SHIFT);
    const pud_table = table_below(entry);
    if (pud_table != 0) {
      free_pud_range(mm, pud_table, address, next, floor, ceiling);
      if (entry_within(address, floor, ceiling, PGD_SHIFT)) free_table_below(mm, entry);
    }
    address = next;
  }
  phase_leave(phase);
}

/**
 * Patch 05 of mmn-v13: free_pgtables in a gather of its own, with a flush of its own. No lock but mmap_sem, or nobody
 * uses the mm any more: nothing is mapped there, and nobody maps something meanwhile.
 */
export function free_pgtables_gathered(
  mm: MmStruct,
  start: u64,
  end: u64,
  floor: u64,
  ceiling: u64,
): void {
  spin_lock_ptl(mm_ptl(mm));
  tlb_gather_mmu(mm, false);
  free_pgtables(mm, start, end, floor, ceiling);
  tlb_finish_mmu();
  spin_unlock_ptl(mm_ptl(mm));
}

/**
 * Clears the PTEs of [start, end) and frees what they mapped, after the flush: madvise(DONTNEED).
 */
export function zap_page_range(mm: MmStruct, start: u64, end: u64): void {
  unmap_range_start(mm, start, end);
  spin_lock_ptl(mm_ptl(mm));
  tlb_gather_mmu(mm, false);
  unmap_page_range(mm, start, end);
  tlb_finish_mmu();
  spin_unlock_ptl(mm_ptl(mm));
  unmap_range_end(mm, start, end);
}

/** Entries of a table, for the checker. */
export const ENTRIES: u32 = PTRS_PER_TABLE;
