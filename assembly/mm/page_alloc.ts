// The buddy allocator and its per-CPU lists. Linux: mm/page_alloc.c of 2.6.9.
//
// Single frames come from and go to a hot list of the CPU, which is filled and drained in batches
// under zone->lock. A free block is marked by PG_buddy and its order in the first page (as from
// 2.6.11; the bitmaps of pairs of 2.6.9 say the same). A batch is one block when there is one, so
// that the struct pages of one CPU's frames lie together (decision 0011). A frame may be reused as soon as it is free:
// whoever frees one has flushed before. Left out: cold lists, watermarks, reclaim on failure: an
// allocation that finds nothing returns 0.

import { atomic_fetch_add } from "../arch/atomic";
import { memscan, memset } from "../arch/memory";
import {
  BUG_BAD_PAGE_STATE,
  BUG_DOUBLE_FREE_PAGE,
  BUG_FRAME_POISON,
  BUG_MAPCOUNT_AT_FREE,
  bug_on,
  check_bug_on,
  panic,
} from "../arch/bug";
import { boot } from "../arch/boot_params";
import { PAGE_SIZE } from "../arch/memory_map";
import { PERCPU_PAGESETS, this_cpu_base } from "../arch/percpu";
import { TRACE_FREE_PAGE, trace } from "../arch/trace";
import { shadow_allocated, shadow_freed } from "../check/shadow";
import {
  list_add,
  list_add_tail,
  list_del,
  list_empty,
  list_init,
  list_next,
  list_prev,
} from "../lib/list";
import { spin_lock_irq, spin_unlock_irq } from "../lock/spinlock";
import {
  PAGE_MAPPING_ANON,
  PG_active,
  PG_buddy,
  PG_free_checked,
  PG_locked,
  PG_lru,
  PG_maplock,
  PG_reserved,
  PG_slab,
  Page,
  UNMAPPED,
  lru_to_page,
  page_address,
  page_count_addr,
  page_lru,
  page_to_pfn,
  pfn_to_page,
} from "./page";
import { MAX_ORDER, ZONE_HIGHMEM, ZONE_NORMAL, Zone, free_area, zone_of } from "./zone";

/** The caller can use a frame without content. */
export const GFP_HIGHMEM: u32 = 0x02;
/** The frame is filled with zeros. */
export const GFP_ZERO: u32 = 0x8000;
export const GFP_KERNEL: u32 = 0xd0;
export const GFP_HIGHUSER: u32 = GFP_KERNEL | GFP_HIGHMEM;

/** Byte that fills free frames in checking builds. */
const POISON_FREE_FRAME: u8 = 0x6b;

/** Flags that no page may have when it is freed. */
const BAD_AT_FREE: u32 =
  PG_locked | PG_lru | PG_active | PG_slab | PG_reserved | PG_maplock | PG_buddy;

/** per_cpu_pages: one for each zone in the per-CPU area. */
@unmanaged @final
export class PerCpuPages {
  /** Frames on the list. */
  count: u32;
  /** More than this many: a batch goes back. */
  high: u32;
  /** Frames moved at a time. */
  batch: u32;
  /** Hot frames, the hottest first: list head. */
  list_next: usize;
  /** See list_next. */
  list_prev: usize;
}
export const PERCPU_PAGES_STRIDE: usize = 32;

@inline
function pageset(cpu_base: usize, zone_index: u32): PerCpuPages {
  return changetype<PerCpuPages>(cpu_base + PERCPU_PAGESETS + zone_index * PERCPU_PAGES_STRIDE);
}

@inline
function pageset_list(pcp: PerCpuPages): usize {
  return changetype<usize>(pcp) + offsetof<PerCpuPages>("list_next");
}

/** Makes the empty hot list of one CPU and zone. */
export function pageset_init(cpu_base: usize, zone_index: u32, batch: u32): void {
  const pcp = pageset(cpu_base, zone_index);
  pcp.count = 0;
  pcp.batch = batch;
  pcp.high = 6 * batch;
  list_init(pageset_list(pcp));
}

@inline
function area_count_add(zone: Zone, order: u32, delta: i32): void {
  const count = free_area(zone, order) + 8;
  store<i32>(count, load<i32>(count) + delta);
}

@inline
function is_buddy(page: Page, order: u32): bool {
  return (page.flags & PG_buddy) != 0 && page.private_ == order;
}

/** Gives a block to its zone and merges it with its free buddies; zone->lock is held. */
export function free_one_block(zone: Zone, first: Page, first_order: u32): void {
  let pfn = page_to_pfn(first);
  let order = first_order;
  zone.free_pages += 1 << order;
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
function rmqueue(zone: Zone, order: u32): Page {
  for (let from = order; from < MAX_ORDER; from++) {
    const head = free_area(zone, from);
    if (list_empty(head)) continue;
    const page = lru_to_page(list_next(head));
    list_del(page_lru(page));
    page.flags &= ~PG_buddy;
    area_count_add(zone, from, -1);
    zone.free_pages -= 1 << order;
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

/** Puts the frames of a block at the end of a hot list. */
function add_block(pcp: PerCpuPages, block: Page, order: u32): void {
  const pfn = page_to_pfn(block);
  for (let i: u32 = 0; i < 1 << order; i++) {
    list_add_tail(page_lru(pfn_to_page(pfn + i)), pageset_list(pcp));
  }
  pcp.count += 1 << order;
}

/** Puts a batch of frames, from wherever they lie, at the end of a hot list. */
function add_singles(zone: Zone, pcp: PerCpuPages): void {
  for (let i: u32 = 0; i < pcp.batch; i++) {
    const page = rmqueue(zone, 0);
    if (changetype<usize>(page) == 0) break;
    list_add_tail(page_lru(page), pageset_list(pcp));
    pcp.count++;
  }
}

/** Fills a hot list with a batch. */
function rmqueue_bulk(zone: Zone, pcp: PerCpuPages): void {
  spin_lock_irq(changetype<usize>(zone));
  const order = 31 - clz(pcp.batch);
  const block = rmqueue(zone, order);
  if (changetype<usize>(block) != 0) add_block(pcp, block, order);
  else add_singles(zone, pcp);
  spin_unlock_irq(changetype<usize>(zone));
}

function free_pages_bulk(zone: Zone, pcp: PerCpuPages, count: u32): void {
  spin_lock_irq(changetype<usize>(zone));
  for (let i: u32 = 0; i < count && pcp.count > 0; i++) {
    const node = list_prev(pageset_list(pcp));
    list_del(node);
    pcp.count--;
    free_one_block(zone, lru_to_page(node), 0);
  }
  spin_unlock_irq(changetype<usize>(zone));
}

function buffered_rmqueue(zone_index: u32, order: u32): Page {
  const zone = zone_of(zone_index);
  if (order != 0) {
    spin_lock_irq(changetype<usize>(zone));
    const block = rmqueue(zone, order);
    spin_unlock_irq(changetype<usize>(zone));
    return block;
  }
  const pcp = pageset(this_cpu_base(), zone_index);
  if (pcp.count == 0) {
    rmqueue_bulk(zone, pcp);
    if (pcp.count == 0) return changetype<Page>(0);
  }
  const node = list_next(pageset_list(pcp));
  list_del(node);
  pcp.count--;
  return lru_to_page(node);
}

/**
 * The state that a page has while it is free, but for its list: checked and set again on the way
 * out.
 */
function prep_new_page(page: Page): void {
  bug_on(
    page._count != -1 || page._mapcount != UNMAPPED || page.mapping != 0,
    BUG_BAD_PAGE_STATE,
    changetype<usize>(page),
    page.flags,
  );
  if (CONFIG_CHECK) check_poison(page);
  page.flags = 0;
  page._count = 0;
  page.private_ = 0;
}

/**
 * Checking builds: nobody wrote to the frame while it was free. One that was never used holds
 * zeros.
 */
function check_poison(page: Page): void {
  bug_on(
    (page.flags & PG_free_checked) == 0,
    BUG_DOUBLE_FREE_PAGE,
    changetype<usize>(page),
    page.flags,
  );
  if (page.zone != ZONE_NORMAL) return;
  const frame = page_address(page);
  shadow_allocated(frame, PAGE_SIZE);
  const expected: u8 = load<u64>(frame) == 0 ? 0 : POISON_FREE_FRAME;
  const found = memscan(frame, expected, PAGE_SIZE);
  if (found == PAGE_SIZE) return;
  const at = (frame + found) & ~7;
  panic(BUG_FRAME_POISON, at, load<u32>(at));
}

/** Checking builds: marks a page free and fills its frame with poison. */
function poison_free_page(page: Page): void {
  page.flags = PG_free_checked;
  if (page.zone != ZONE_NORMAL) return;
  memset(page_address(page), POISON_FREE_FRAME, PAGE_SIZE);
  shadow_freed(page_address(page), PAGE_SIZE);
}

/**
 * A block of 2^order frames with one reference, or 0. With order > 0 every page of it is set up.
 */
export function alloc_pages(gfp_mask: u32, order: u32): Page {
  let page = changetype<Page>(0);
  if (gfp_mask & GFP_HIGHMEM && zone_of(ZONE_HIGHMEM).present_pages != 0) {
    page = buffered_rmqueue(ZONE_HIGHMEM, order);
  }
  if (changetype<usize>(page) == 0) page = buffered_rmqueue(ZONE_NORMAL, order);
  if (changetype<usize>(page) == 0) return page;
  const pfn = page_to_pfn(page);
  for (let i: u32 = 0; i < 1 << order; i++) {
    const each = pfn_to_page(pfn + i);
    prep_new_page(each);
    if (gfp_mask & GFP_ZERO) clear_highpage(each);
  }
  return page;
}

/** One frame with one reference, or 0. */
@inline
export function alloc_page(gfp_mask: u32): Page {
  return alloc_pages(gfp_mask, 0);
}

/** True when a page has a frame with content. */
@inline
export function page_has_content(page: Page): bool {
  return page_to_pfn(page) < boot().lowmem_pfns;
}

/** Fills a page with zeros, if it has content. */
@inline
export function clear_highpage(page: Page): void {
  if (page_has_content(page)) memset(page_address(page), 0, PAGE_SIZE);
}

/** Stops the machine if something about the page says that it is still in use. */
function free_pages_check(page: Page): void {
  const free = (page.flags & PG_free_checked) != 0;
  check_bug_on(free, BUG_DOUBLE_FREE_PAGE, changetype<usize>(page), page.flags);
  bug_on(page._mapcount != UNMAPPED, BUG_MAPCOUNT_AT_FREE, changetype<usize>(page), page._mapcount);
  bug_on(
    page.mapping != 0 || page._count != -1 || (page.flags & BAD_AT_FREE) != 0,
    BUG_BAD_PAGE_STATE,
    changetype<usize>(page),
    page.flags,
  );
}

/** Frees one frame whose last reference is gone, to the hot list of this CPU. */
export function free_hot_page(page: Page): void {
  // 2.6.9 does not clear an anonymous mapping at the last unmap, so it happens here.
  if (CONFIG_KILL_PAGE_MAP_LOCK && page.mapping & PAGE_MAPPING_ANON) page.mapping = 0;
  free_pages_check(page);
  trace(TRACE_FREE_PAGE, page_to_pfn(page), changetype<usize>(page));
  page.flags = 0;
  if (CONFIG_CHECK) poison_free_page(page);
  const pcp = pageset(this_cpu_base(), page.zone);
  list_add(page_lru(page), pageset_list(pcp));
  if (++pcp.count >= pcp.high) free_pages_bulk(zone_of(page.zone), pcp, pcp.batch);
}

/**
 * The caller's reference goes. Checking builds: it was the only one, and of two CPUs that free the same
 * page one is found.
 */
function drop_only_reference(page: Page): void {
  if (!CONFIG_CHECK) {
    page._count = -1;
    return;
  }
  const others = atomic_fetch_add<i32>(page_count_addr(page), -1);
  bug_on(others < 0, BUG_DOUBLE_FREE_PAGE, changetype<usize>(page), page.flags);
  bug_on(others > 0, BUG_BAD_PAGE_STATE, changetype<usize>(page), page.flags);
}

/** Frees a block of alloc_pages; the caller holds the only reference to each page of it. */
export function free_pages(first: Page, order: u32): void {
  const pfn = page_to_pfn(first);
  for (let i: u32 = 0; i < 1 << order; i++) {
    const page = pfn_to_page(pfn + i);
    drop_only_reference(page);
    if (order == 0) return free_hot_page(page);
    free_pages_check(page);
    page.flags = 0;
    if (CONFIG_CHECK) poison_free_page(page);
  }
  const zone = zone_of(first.zone);
  spin_lock_irq(changetype<usize>(zone));
  free_one_block(zone, first, order);
  spin_unlock_irq(changetype<usize>(zone));
}

/** Gives the hot lists of this CPU back to the zones. */
export function drain_local_pages(): void {
  for (let zone_index = ZONE_NORMAL; zone_index <= ZONE_HIGHMEM; zone_index++) {
    const pcp = pageset(this_cpu_base(), zone_index);
    if (pcp.count != 0) free_pages_bulk(zone_of(zone_index), pcp, pcp.count);
  }
}
