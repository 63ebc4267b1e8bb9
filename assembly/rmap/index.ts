// The contract of a reverse map, and the switch between its generations. The ones not chosen are
// not compiled.

import { RMAP_ATOMIC_MAPCOUNT, RMAP_PAGE_MAP_LOCK } from "../config";
import { VmArea } from "../mm/mm_types";
import { Page } from "../mm/page";
import * as atomic_mapcount from "./atomic_mapcount";
import * as page_map_lock from "./page_map_lock";

/**
 * Counts a PTE that maps an anonymous page. page_table_lock is held, vma->anon_vma exists, the page
 * is not reserved.
 */
@inline
export function page_add_anon_rmap(page: Page, vma: VmArea, address: u64): void {
  if (CONFIG_RMAP == RMAP_ATOMIC_MAPCOUNT) atomic_mapcount.page_add_anon_rmap(page, vma, address);
  else if (CONFIG_RMAP == RMAP_PAGE_MAP_LOCK) page_map_lock.page_add_anon_rmap(page, vma, address);
  else ERROR("CONFIG_RMAP names no reverse map");
}

/**
 * Counts a PTE that maps a page of the page cache; reserved pages are not counted. page_table_lock
 * is held.
 */
@inline
export function page_add_file_rmap(page: Page): void {
  if (CONFIG_RMAP == RMAP_ATOMIC_MAPCOUNT) atomic_mapcount.page_add_file_rmap(page);
  else if (CONFIG_RMAP == RMAP_PAGE_MAP_LOCK) page_map_lock.page_add_file_rmap(page);
  else ERROR("CONFIG_RMAP names no reverse map");
}

/** Counts the child's PTE of a page that the parent maps. Both page_table_locks are held. */
@inline
export function page_dup_rmap(page: Page): void {
  if (CONFIG_RMAP == RMAP_ATOMIC_MAPCOUNT) atomic_mapcount.page_dup_rmap(page);
  else if (CONFIG_RMAP == RMAP_PAGE_MAP_LOCK) page_map_lock.page_dup_rmap(page);
  else ERROR("CONFIG_RMAP names no reverse map");
}

/** Counts one PTE less; the page is not reserved. page_table_lock is held. */
@inline
export function page_remove_rmap(page: Page): void {
  if (CONFIG_RMAP == RMAP_ATOMIC_MAPCOUNT) atomic_mapcount.page_remove_rmap(page);
  else if (CONFIG_RMAP == RMAP_PAGE_MAP_LOCK) page_map_lock.page_remove_rmap(page);
  else ERROR("CONFIG_RMAP names no reverse map");
}

/** PTEs that map the page. */
@inline
export function page_mapcount(page: Page): i32 {
  if (CONFIG_RMAP == RMAP_ATOMIC_MAPCOUNT) return atomic_mapcount.page_mapcount(page);
  else if (CONFIG_RMAP == RMAP_PAGE_MAP_LOCK) return page_map_lock.page_mapcount(page);
  else ERROR("CONFIG_RMAP names no reverse map");
  return 0;
}

/** True for an anonymous page that is mapped. */
@inline
export function PageAnon(page: Page): bool {
  if (CONFIG_RMAP == RMAP_ATOMIC_MAPCOUNT) return atomic_mapcount.PageAnon(page);
  else if (CONFIG_RMAP == RMAP_PAGE_MAP_LOCK) return page_map_lock.PageAnon(page);
  else ERROR("CONFIG_RMAP names no reverse map");
  return false;
}
