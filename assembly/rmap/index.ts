// The contract of a reverse map, and the switch between its generations. The ones not chosen are
// not compiled.
//
// Chains of PTEs (2.6.6) need memory for one more PTE: the caller gets a spare before it takes
// page_table_lock, and gives back what it is told was left. The other generations need nothing; their spare
// is NO_SPARE, which is never 0, and compiled away.

import { HAS_PTE_CHAINS } from "../generation";
import { VmArea } from "../mm/mm_types";
import { Page } from "../mm/page";
import { GFP_KERNEL } from "../mm/page_alloc";
import * as atomic_mapcount from "./atomic_mapcount";
import * as page_map_lock from "./page_map_lock";
import { pte_chain_alloc, pte_chain_free } from "./pte_chain";
import * as pte_chains from "./pte_chains";

export { PageAnon } from "./page_anon";

/** The spare of a generation that needs none. */
export const NO_SPARE: usize = 1;

/** What page_add_*_rmap may need; 0 when out of memory. */
@inline
export function rmap_spare_alloc(): usize {
  return HAS_PTE_CHAINS ? pte_chain_alloc(GFP_KERNEL) : NO_SPARE;
}

/** Gives back what was not needed; 0: all was. */
@inline
export function rmap_spare_free(spare: usize): void {
  if (HAS_PTE_CHAINS) pte_chain_free(spare);
}

/**
 * Counts a PTE, `ptep`, that maps an anonymous page. page_table_lock is held, vma->anon_vma exists, the
 * page is not reserved. Returns what is left of `spare`.
 */
@inline
export function page_add_anon_rmap(
  page: Page,
  vma: VmArea,
  address: u64,
  ptep: usize,
  spare: usize,
): usize {
  if (HAS_PTE_CHAINS) return pte_chains.page_add_rmap(page, ptep, spare);
  if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_add_anon_rmap(page, vma, address);
  else page_map_lock.page_add_anon_rmap(page, vma, address);
  return NO_SPARE;
}

/**
 * Counts a PTE, `ptep`, that maps a page of the page cache; reserved pages are not counted.
 * page_table_lock is held. Returns what is left of `spare`.
 */
@inline
export function page_add_file_rmap(page: Page, ptep: usize, spare: usize): usize {
  if (HAS_PTE_CHAINS) return pte_chains.page_add_rmap(page, ptep, spare);
  if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_add_file_rmap(page);
  else page_map_lock.page_add_file_rmap(page);
  return NO_SPARE;
}

/**
 * Counts the child's PTE, `ptep`, of a page that the parent maps. Both page_table_locks are held. Returns
 * what is left of `spare`.
 */
@inline
export function page_dup_rmap(page: Page, ptep: usize, spare: usize): usize {
  if (HAS_PTE_CHAINS) return pte_chains.page_add_rmap(page, ptep, spare);
  if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_dup_rmap(page);
  else page_map_lock.page_dup_rmap(page);
  return NO_SPARE;
}

/** Counts one PTE, `ptep`, less; the page is not reserved. page_table_lock is held. */
@inline
export function page_remove_rmap(page: Page, ptep: usize): void {
  if (HAS_PTE_CHAINS) pte_chains.page_remove_rmap(page, ptep);
  else if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_remove_rmap(page);
  else page_map_lock.page_remove_rmap(page);
}

/** Some PTE maps the page. A moment's truth, without a lock. */
@inline
export function page_mapped(page: Page): bool {
  if (HAS_PTE_CHAINS) return pte_chains.page_mapped(page);
  return page_mapcount(page) > 0;
}

/** PTEs that map the page. With chains of PTEs: PG_maplock is held, or the machine is quiet. */
@inline
export function page_mapcount(page: Page): i32 {
  if (HAS_PTE_CHAINS) return pte_chains.page_mapcount(page);
  if (CONFIG_KILL_PAGE_MAP_LOCK) return atomic_mapcount.page_mapcount(page);
  return page_map_lock.page_mapcount(page);
}
