// The buddy system: free blocks of 2^order frames of a zone, merged with their buddies. Linux: __free_pages_bulk,
// expand and __rmqueue, mm/page_alloc.c of 2.6.9. A free block is marked by PG_buddy and its order in the first page
// (as from 2.6.11; the bitmaps of pairs of 2.6.9 say the same). zone->lock is held.

import { write_once } from "../arch/atomic";
import { list_add, list_del, list_empty, list_next } from "../lib/list";
import { PG_buddy, Page, lru_to_page, page_lru, page_to_pfn, pfn_to_page } from "./page";
import { MAX_ORDER, Zone, free_area } from "./zone";

@inline
function area_count_add(zone: Zone, order: u32, delta: i32): void {
  const count = free_area(zone, order) + 8;
  store<i32>(count, load<i32>(count) + delta);
}

@inline
function is_buddy(page: Page, order: u32): bool {
  return (page.flags & PG_buddy) != 0 && page.private_ == order;
}

/** Counts frames; who allocates looks at the count without the lock. */
@inline
function count_free(zone: Zone, delta: i32): void {
  // RELAXED. A stale count lets somebody reclaim a little too early or too late.
  const word = changetype<usize>(zone) + offsetof<Zone>("free_pages");
  write_once<u32>(word, zone.free_pages + delta);
}

/** Gives a block to its zone and merges it with its free buddies; zone->lock is held. */
export function free_one_block(zone: Zone, first: Page, first_order: u32): void {
  let pfn = page_to_pfn(first);
  let order = first_order;
  count_free(zone, 1 << order);
  while (order < MAX_ORDER - 1) {
    const buddy_pfn = pfn ^ (1 << order);
    if (buddy_pfn < zone.zone_start_pfn || buddy_pfn + (1 << order) > zone.zone_end_pfn) break;
    const buddy = pfn_to_page(buddy_pfn);
    if (!is_buddy(buddy, order)) break;
    list_del(page_lru(buddy));
    buddy.flags &= ~PG_buddy;
    area_count_add(zone, order, -1);
    pfn &= buddy_pfn;
    order++;
  }
  const page = pfn_to_page(pfn);
  page.flags |= PG_buddy;
  page.private_ = order;
  list_add(page_lru(page), free_area(zone, order));
  area_count_add(zone, order, 1);
}

/** Takes a block of 2^order frames out of the zone, or 0; zone->lock is held. */
export function rmqueue(zone: Zone, order: u32): Page {
  for (let from = order; from < MAX_ORDER; from++) {
    const head = free_area(zone, from);
    if (list_empty(head)) continue;
    const page = lru_to_page(list_next(head));
    list_del(page_lru(page));
    page.flags &= ~PG_buddy;
    area_count_add(zone, from, -1);
    count_free(zone, -(1 << order));
    expand(zone, page, order, from);
    return page;
  }
  return changetype<Page>(0);
}

/** Gives the upper halves of a block back until 2^order frames are left. */
function expand(zone: Zone, page: Page, order: u32, from: u32): void {
  while (from > order) {
    from--;
    const half = pfn_to_page(page_to_pfn(page) + (1 << from));
    half.flags |= PG_buddy;
    half.private_ = from;
    list_add(page_lru(half), free_area(zone, from));
    area_count_add(zone, from, 1);
  }
}
