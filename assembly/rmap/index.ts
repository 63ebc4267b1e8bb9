// The contract of a reverse map, and the switch between its generations. The ones not chosen are
// not compiled.

import { VmArea } from "../mm/mm_types";
import { Page } from "../mm/page";
import * as atomic_mapcount from "./atomic_mapcount";
import * as page_map_lock from "./page_map_lock";

export { PageAnon } from "./page_anon";

/**
 * Counts a PTE that maps an anonymous page. page_table_lock is held, vma->anon_vma exists, the page
 * is not reserved.
 */
@inline
export function page_add_anon_rmap(page: Page, vma: VmArea, address: u64): void {
  if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_add_anon_rmap(page, vma, address);
  else page_map_lock.page_add_anon_rmap(page, vma, address);
}

/**
 * Counts a PTE that maps a page of the page cache; reserved pages are not counted. page_table_lock
 * is held.
 */
@inline
export function page_add_file_rmap(page: Page): void {
  if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_add_file_rmap(page);
  else page_map_lock.page_add_file_rmap(page);
}

/** Counts the child's PTE of a page that the parent maps. Both page_table_locks are held. */
@inline
export function page_dup_rmap(page: Page): void {
  if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_dup_rmap(page);
  else page_map_lock.page_dup_rmap(page);
}

/** Counts one PTE less; the page is not reserved. page_table_lock is held. */
@inline
export function page_remove_rmap(page: Page): void {
  if (CONFIG_KILL_PAGE_MAP_LOCK) atomic_mapcount.page_remove_rmap(page);
  else page_map_lock.page_remove_rmap(page);
}

/** PTEs that map the page. */
@inline
export function page_mapcount(page: Page): i32 {
  if (CONFIG_KILL_PAGE_MAP_LOCK) return atomic_mapcount.page_mapcount(page);
  return page_map_lock.page_mapcount(page);
}
