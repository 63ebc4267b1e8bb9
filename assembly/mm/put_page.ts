// The end of a page's life. Linux: page_cache_release, __page_cache_release and release_pages,
// mm/swap.c of 2.6.9.

import { PAGEVEC_SIZE } from "../arch/percpu";
import { list_del } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import {
  PG_active,
  PG_lru,
  PG_reserved,
  Page,
  page_clear_flag,
  page_lru,
  put_page_testzero,
} from "./page";
import { free_hot_page } from "./page_alloc";
import { Zone, zone_lru_lock, zone_of } from "./zone";

/** Drops a reference; true if it was the last. Reserved pages are not counted. */
@inline
function put_page_was_last(page: Page): bool {
  return (page.flags & PG_reserved) == 0 && put_page_testzero(page);
}

/**
 * Takes a page off its LRU list; lru_lock is held. One that nobody references any more stays there until then:
 * reclaim gives back what it cannot take a reference to.
 */
@inline
export function __lru_del(zone: Zone, page: Page): void {
  list_del(page_lru(page));
  if (page.flags & PG_active) zone.nr_active--;
  else zone.nr_inactive--;
  page_clear_flag(page, PG_lru | PG_active);
}

/** The last reference is gone. */
function free_unreferenced(page: Page): void {
  if (page.flags & PG_lru) {
    const zone = zone_of(page.zone);
    spin_lock(zone_lru_lock(zone));
    __lru_del(zone, page);
    spin_unlock(zone_lru_lock(zone));
  }
  free_hot_page(page);
}

/**
 * Drops a reference; the last one takes the page off the LRU and frees it. Reserved pages are not
 * counted.
 */
@inline
export function put_page(page: Page): void {
  if (put_page_was_last(page)) free_unreferenced(page);
}

/**
 * put_page for each of the `nr` pages whose addresses stand at `pages`; the array is used up. Takes
 * lru_lock once for up to 16 pages that are freed, and frees them when it has dropped it.
 */
export function release_pages(pages: usize, nr: u32): void {
  let locked: usize = 0;
  let unreferenced: u32 = 0;
  for (let i: u32 = 0; i < nr; i++) {
    const page = changetype<Page>(load<usize>(pages + i * 4));
    if (!put_page_was_last(page)) continue;
    if (page.flags & PG_lru) locked = lru_del_locked(page, locked);
    store<usize>(pages + unreferenced++ * 4, changetype<usize>(page));
    if (unreferenced == PAGEVEC_SIZE) {
      free_pagevec(pages, unreferenced, locked);
      locked = 0;
      unreferenced = 0;
    }
  }
  free_pagevec(pages, unreferenced, locked);
}

/** Takes a page off its LRU list. `locked` is the lru_lock that is held, or 0; so is the result. */
@inline
function lru_del_locked(page: Page, locked: usize): usize {
  const zone = zone_of(page.zone);
  const lock = zone_lru_lock(zone);
  if (lock != locked) {
    if (locked != 0) spin_unlock(locked);
    spin_lock(lock);
  }
  __lru_del(zone, page);
  return lock;
}

/** Drops the lru_lock `locked`, if it is not 0, and frees `nr` pages that nobody references. */
function free_pagevec(pages: usize, nr: u32, locked: usize): void {
  if (locked != 0) spin_unlock(locked);
  for (let i: u32 = 0; i < nr; i++) free_hot_page(changetype<Page>(load<usize>(pages + i * 4)));
}
