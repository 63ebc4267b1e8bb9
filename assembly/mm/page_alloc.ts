// The buddy allocator and its per-CPU lists. Linux: mm/page_alloc.c of 2.6.9.
//
// Single frames come from and go to a hot list of the CPU, which is filled and drained in batches
// under zone->lock (buddy.ts has the blocks). A batch is one block when there is one, so
// that the struct pages of one CPU's frames lie together (decision 0011). A frame may be reused as soon as it is free:
// whoever frees one has flushed before.
//
// Watermarks. Below pages_low kswapd is woken; below pages_min only who reclaims or cannot wait gets a frame,
// the others reclaim first (mm/vmscan.ts), so they hold no spinlock. A machine without a disk has no watermarks
// and gives its last frame. Left out: cold lists, lower_zone_protection.

import { atomic_fetch_add, read_once, write_once } from "../arch/atomic";
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
import { this_reclaim } from "../arch/reclaim_state";
import { TRACE_FREE_PAGE, trace } from "../arch/trace";
import { HAS_PTE_CHAINS } from "../generation";
import { shadow_allocated, shadow_freed } from "../check/shadow";
import {
  list_add,
  list_add_tail,
  list_del,
  list_init,
  list_next,
  list_prev,
} from "../lib/list";
import { no_spinlocks_held } from "../lock/lockdep";
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
  PG_swapcache,
  PG_writeback,
  Page,
  UNMAPPED,
  lru_to_page,
  page_address,
  page_count_addr,
  page_flags_addr,
  page_lru,
  page_to_pfn,
  pfn_to_page,
} from "./page";
import { free_one_block, rmqueue } from "./buddy";
import { is_reclaiming, try_to_free_pages, wakeup_kswapd } from "./reclaim";
import { ZONE_HIGHMEM, ZONE_NORMAL, Zone, zone_of } from "./zone";

/** The caller can use a frame without content. */
export const GFP_HIGHMEM: u32 = 0x02;
/** The frame is filled with zeros. */
export const GFP_ZERO: u32 = 0x8000;
/** The caller may sleep, so it may reclaim: it holds no spinlock. */
export const GFP_WAIT: u32 = 0x10;
/** The caller cannot wait. */
export const GFP_ATOMIC: u32 = 0x20;
export const GFP_KERNEL: u32 = 0xd0;
export const GFP_HIGHUSER: u32 = GFP_KERNEL | GFP_HIGHMEM;

/** How often an allocation reclaims before it gives up. */
const RECLAIM_ROUNDS: u32 = 8;
/** Byte that fills free frames in checking builds. */
const POISON_FREE_FRAME: u8 = 0x6b;

/** Flags that no page may have when it is freed. */
const BAD_AT_FREE: u32 =
  PG_locked |
  PG_lru |
  PG_active |
  PG_slab |
  PG_reserved |
  PG_maplock |
  PG_buddy |
  PG_swapcache |
  PG_writeback;

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
  write_once<u32>(page_flags_addr(page), PG_free_checked);
  if (page.zone != ZONE_NORMAL) return;
  memset(page_address(page), POISON_FREE_FRAME, PAGE_SIZE);
  shadow_freed(page_address(page), PAGE_SIZE);
}

/** True if fewer frames of a zone are free than `mark`: those on hot lists are not counted. */
@inline
export function zone_below(zone: Zone, mark: u32): bool {
  return read_once<u32>(changetype<usize>(zone) + offsetof<Zone>("free_pages")) < mark;
}

/** A block of the first zone that has more free than the caller must leave, or 0. */
function rmqueue_zones(gfp_mask: u32, order: u32, may_use_reserve: bool): Page {
  if (gfp_mask & GFP_HIGHMEM && zone_of(ZONE_HIGHMEM).present_pages != 0) {
    const zone = zone_of(ZONE_HIGHMEM);
    if (may_use_reserve || !zone_below(zone, zone.pages_min)) {
      const page = buffered_rmqueue(ZONE_HIGHMEM, order);
      if (changetype<usize>(page) != 0) return page;
    }
  }
  const zone = zone_of(ZONE_NORMAL);
  if (!may_use_reserve && zone_below(zone, zone.pages_min)) return changetype<Page>(0);
  return buffered_rmqueue(ZONE_NORMAL, order);
}

/** The zones are low, or have nothing: wakes kswapd, and reclaims if it must and may. Linux: __alloc_pages. */
function get_free_block_slow(gfp_mask: u32, order: u32): Page {
  if (!is_reclaiming()) return rmqueue_zones(gfp_mask, order, true);
  wakeup_kswapd();
  const may_wait = (gfp_mask & GFP_WAIT) != 0;
  const may_use_reserve = this_reclaim().memalloc != 0 || !may_wait;
  let page = rmqueue_zones(gfp_mask, order, may_use_reserve);
  if (changetype<usize>(page) != 0 || may_use_reserve) return page;
  if (CONFIG_CHECK) no_spinlocks_held();
  for (let round: u32 = 0; round < RECLAIM_ROUNDS; round++) {
    const progress = try_to_free_pages(gfp_mask);
    page = rmqueue_zones(gfp_mask, order, false);
    if (changetype<usize>(page) != 0) return page;
    if (progress == 0) break;
  }
  // What others have freed meanwhile may lie on the hot list of this CPU.
  drain_local_pages();
  return rmqueue_zones(gfp_mask, order, false);
}

/** A block, or 0. */
@inline
function get_free_block(gfp_mask: u32, order: u32): Page {
  const zone = zone_of(ZONE_NORMAL);
  const high = zone_of(ZONE_HIGHMEM);
  const is_low = zone_below(zone, zone.pages_low) || zone_below(high, high.pages_low);
  if (is_low) return get_free_block_slow(gfp_mask, order);
  const page = rmqueue_zones(gfp_mask, order, true);
  return changetype<usize>(page) != 0 ? page : get_free_block_slow(gfp_mask, order);
}

/**
 * A block of 2^order frames with one reference, or 0. With order > 0 every page of it is set up.
 */
export function alloc_pages(gfp_mask: u32, order: u32): Page {
  const page = get_free_block(gfp_mask, order);
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
  if (HAS_PTE_CHAINS) bug_on(page.pte != 0, BUG_MAPCOUNT_AT_FREE, changetype<usize>(page));
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
  // RELAXED. Who frees its buddy looks at the flags under zone->lock, which is not held here.
  write_once<u32>(page_flags_addr(page), 0);
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
