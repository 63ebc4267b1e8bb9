// What marks a page as anonymous. Linux: PageAnon, page-flags.h and mm.h of 2.6.6 to 2.6.9.
//
// Before "rmaplock: PageAnon in mapping" it is a flag, beside the pointer: two words, which only PG_maplock
// keeps in step. With it the mark is the low bit of the pointer, and one read tells both.

import { read_once } from "../arch/atomic";
import {
  PAGE_MAPPING_ANON,
  PG_anon,
  Page,
  page_clear_flag,
  page_mapping_addr,
  page_set_flag,
} from "../mm/page";

/** The page is anonymous. Exact while it is mapped; see rmap/index.ts. */
@inline
export function PageAnon(page: Page): bool {
  if (CONFIG_ANON_IN_MAPPING)
    return (read_once<usize>(page_mapping_addr(page)) & PAGE_MAPPING_ANON) != 0;
  return (page.flags & PG_anon) != 0;
}

/** What the mapping of an anonymous page points at. The caller keeps it from changing. */
@inline
export function page_anon_owner(page: Page): usize {
  return CONFIG_ANON_IN_MAPPING ? page.mapping - PAGE_MAPPING_ANON : page.mapping;
}

/** Marks a page that was not mapped, and says where its PTEs are to be found. PG_maplock is held. */
@inline
export function set_page_anon(page: Page, owner: usize, index: u64): void {
  if (!CONFIG_ANON_IN_MAPPING) page_set_flag(page, PG_anon);
  page.index = index;
  page.mapping = CONFIG_ANON_IN_MAPPING ? owner + PAGE_MAPPING_ANON : owner;
}

/** Takes mark and owner away. PG_maplock is held. */
@inline
export function clear_page_anon(page: Page): void {
  page.mapping = 0;
  if (!CONFIG_ANON_IN_MAPPING) page_clear_flag(page, PG_anon);
}
