// Four-level page tables: allocate, walk, free. Linux: include/asm-x86_64/pgtable.h and mm/memory.c
// of 2.6.9, with the four generic levels of 2.6.11.
//
//    47      39 38      30 29      21 20      12 11       0
//   |   pgd    |   pud    |   pmd    |   pte    |  offset  |      9 bits a level, 512 entries of 8 bytes
//
// Protocol: page_table_lock of the mm is held by every function here that says "locked". A table is
// allocated with the lock dropped, and given back if another thread was faster. Tables are freed
// only by free_pgtables.

import { memset } from "../arch/memory";
import { PAGE_SIZE } from "../arch/memory_map";
import { PHASE_PAGE_TABLES, phase_enter, phase_leave } from "../arch/phase";
import { _PAGE_TABLE, pfn_pte, pte_pfn, pte_read, set_pte } from "../arch/pte";
import { HAS_PTE_CHAINS } from "../generation";
import { pgtable_add_rmap } from "../rmap/pte_chain";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { MmStruct, mm_ptl } from "./mm_types";
import {
  PG_table,
  page_address,
  page_clear_flag,
  page_set_flag,
  page_to_pfn,
  pfn_to_page,
  virt_to_page,
} from "./page";
import { GFP_KERNEL, GFP_ZERO, alloc_page, free_pages } from "./page_alloc";

export const PTRS_PER_TABLE: u32 = 512;
export const PGD_SHIFT: u64 = 39;
export const PUD_SHIFT: u64 = 30;
export const PMD_SHIFT: u64 = 21;
export const PTE_SHIFT: u64 = 12;
/** Bytes that one page of PTEs maps. */
export const PMD_SIZE: u64 = 1 << 21;
/** First byte that a program cannot have: one page below 2^47. */
export const TASK_SIZE: u64 = 0x7ffffffff000;

/** Address of the entry for `address` in the table at `table`. */
@inline
export function table_entry(table: usize, address: u64, shift: u64): usize {
  return table + ((<usize>(address >> shift) & (PTRS_PER_TABLE - 1)) << 3);
}

/** The table that an entry of an upper level points to. */
@inline
export function table_of(entry: u64): usize {
  return (<usize>pte_pfn(entry)) << 12;
}

/** A frame of zeros to be used as a table, or 0. */
export function alloc_table(): usize {
  const page = alloc_page(GFP_KERNEL | GFP_ZERO);
  if (changetype<usize>(page) == 0) return 0;
  page_set_flag(page, PG_table);
  return page_address(page);
}

/** Gives a table back. */
export function free_table(table: usize): void {
  const page = virt_to_page(table);
  page_clear_flag(page, PG_table);
  free_pages(page, 0);
}

/** The table below `entry`, or 0. */
@inline
export function table_below(entry: usize): usize {
  const value = pte_read(entry);
  return value == 0 ? 0 : table_of(value);
}

/**
 * The table below `entry`, allocated if need be; 0 when out of memory. Locked; drops the lock to
 * allocate.
 */
export function table_alloc(mm: MmStruct, entry: usize): usize {
  const below = table_below(entry);
  return below != 0 ? below : table_alloc_slow(mm, entry);
}

function table_alloc_slow(mm: MmStruct, entry: usize): usize {
  const phase = phase_enter(PHASE_PAGE_TABLES);
  spin_unlock_ptl(mm_ptl(mm));
  const table = alloc_table();
  spin_lock_ptl(mm_ptl(mm));
  const raced = table_below(entry);
  if (raced != 0) {
    if (table != 0) free_table(table);
  } else if (table != 0) {
    set_pte(entry, pfn_pte(page_to_pfn(virt_to_page(table)), _PAGE_TABLE));
    mm.nr_tables++;
  }
  phase_leave(phase);
  return raced != 0 ? raced : table;
}

/**
 * Address of the PTE for `address`, with all tables above it allocated; 0 when out of memory.
 * Locked, see table_alloc.
 */
export function pte_alloc_map(mm: MmStruct, address: u64): usize {
  const pud_table = table_alloc(mm, table_entry(mm.pgd, address, PGD_SHIFT));
  if (pud_table == 0) return 0;
  const pmd_table = table_alloc(mm, table_entry(pud_table, address, PUD_SHIFT));
  if (pmd_table == 0) return 0;
  const pte_table = table_alloc(mm, table_entry(pmd_table, address, PMD_SHIFT));
  if (pte_table == 0) return 0;
  if (HAS_PTE_CHAINS) pgtable_add_rmap(pte_table, mm, address);
  return table_entry(pte_table, address, PTE_SHIFT);
}

/**
 * Address of the PTE for `address`, or 0 where no table reaches. Locked, or the caller can do with
 * a moment's truth.
 */
export function pte_offset(mm: MmStruct, address: u64): usize {
  const pud_table = table_below(table_entry(mm.pgd, address, PGD_SHIFT));
  if (pud_table == 0) return 0;
  const pmd_table = table_below(table_entry(pud_table, address, PUD_SHIFT));
  if (pmd_table == 0) return 0;
  const pte_table = table_below(table_entry(pmd_table, address, PMD_SHIFT));
  return pte_table == 0 ? 0 : table_entry(pte_table, address, PTE_SHIFT);
}

/** First address after `address` that lies in another entry of a level, but not beyond `end`. */
@inline
export function addr_end(address: u64, end: u64, shift: u64): u64 {
  const boundary = ((address >> shift) + 1) << shift;
  return boundary < end ? boundary : end;
}

/**
 * First address at or after `address`, before `end`, that has a table of PTEs; `end` if there is
 * none. Locked.
 */
export function next_pte_table(mm: MmStruct, from: u64, end: u64): u64 {
  let address = from;
  while (address < end) {
    const pud_table = table_below(table_entry(mm.pgd, address, PGD_SHIFT));
    if (pud_table == 0) {
      address = addr_end(address, end, PGD_SHIFT);
      continue;
    }
    const pmd_table = table_below(table_entry(pud_table, address, PUD_SHIFT));
    if (pmd_table == 0) {
      address = addr_end(address, end, PUD_SHIFT);
      continue;
    }
    if (table_below(table_entry(pmd_table, address, PMD_SHIFT)) != 0) return address;
    address = addr_end(address, end, PMD_SHIFT);
  }
  return end;
}

/** A top table of zeros, or 0. */
export function pgd_alloc(): usize {
  return alloc_table();
}

/** Frees an empty top table. */
export function pgd_free(pgd: usize): void {
  free_table(pgd);
}

/** Fills a frame with zeros. */
@inline
export function clear_frame(frame: usize): void {
  memset(frame, 0, PAGE_SIZE);
}

/** The page of a PTE, or 0 when the frame has none. */
@inline
export function pte_page_addr(pte: u64): usize {
  return changetype<usize>(pfn_to_page(pte_pfn(pte)));
}
