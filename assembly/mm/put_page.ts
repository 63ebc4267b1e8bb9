// The end of a page's life. Linux: page_cache_release and __page_cache_release, mm/swap.c of 2.6.9.

import { read_once } from "../arch/atomic";
import { list_del } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import {
  PG_active,
  PG_lru,
  PG_reserved,
  Page,
  page_clear_flag,
  page_flags_addr,
  page_lru,
  put_page_testzero,
} from "./page";
import { free_hot_page } from "./page_alloc";
import { zone_lru_lock, zone_of } from "./zone";

/** Takes a page that nobody references any more off its LRU list. */
function lru_del(page: Page): void {
  const zone = zone_of(page.zone);
  spin_lock(zone_lru_lock(zone));
  list_del(page_lru(page));
  if (page.flags & PG_active) zone.nr_active--;
  else zone.nr_inactive--;
  page_clear_flag(page, PG_lru | PG_active);
  spin_unlock(zone_lru_lock(zone));
}

/**
 * Drops a reference; the last one takes the page off the LRU and frees it. Reserved pages are not
 * counted.
 */
export function put_page(page: Page): void {
  const flags = read_once<u32>(page_flags_addr(page));
  if (flags & PG_reserved || !put_page_testzero(page)) return;
  if (page.flags & PG_lru) lru_del(page);
  free_hot_page(page);
}
