// Zones: NORMAL holds the frames with content, HIGHMEM those without. Linux: include/linux/mmzone.h
// of 2.6.9. Left out: ZONE_DMA, NUMA nodes.

import { ZONE_TABLE } from "../arch/memory_map";

export const ZONE_NORMAL: u32 = 0;
export const ZONE_HIGHMEM: u32 = 1;
export const MAX_NR_ZONES: u32 = 2;
/** Orders 0 to 10: blocks of 4 KiB to 4 MiB. */
export const MAX_ORDER: u32 = 11;
/** Bytes of one entry of the zone table. */
export const ZONE_STRIDE: usize = 0x180;
/** Bytes of one free_area: list head, number of blocks. */
export const FREE_AREA_SIZE: usize = 12;

@unmanaged @final
export class Zone {
  /** Spinlock of the free areas; interrupts off. */
  @atomic lock: u32;
  /** Free frames in the free areas; those on per-CPU lists are not counted. */
  @guarded("lock") free_pages: u32;
  /** First frame. */
  zone_start_pfn: u32;
  /** First frame after the zone. */
  zone_end_pfn: u32;
  /** Frames given to the buddy allocator at boot. */
  present_pages: u32;
  /** Fewer free frames than this are for those who reclaim and for who cannot wait. 0: nothing is reclaimed. */
  pages_min: u32;
  /** Fewer free frames than this: kswapd is woken. */
  pages_low: u32;
  /** kswapd goes on until so many frames are free. */
  pages_high: u32;
  /** Unused; lru_lock gets a cache line of its own, since CPUs fight for both locks. */
  _pad2: u64;
  /** Unused; see _pad2. */
  _pad3: u64;
  /** Unused; see _pad2. */
  _pad4: u64;
  /** Unused; see _pad2. */
  _pad5: u64;
  /** Spinlock of the LRU lists. */
  @atomic lru_lock: u32;
  /** Pages on the active list. */
  @guarded("lru_lock") nr_active: u32;
  /** Pages on the inactive list. */
  @guarded("lru_lock") nr_inactive: u32;
  /** Active pages, the most recent first: list head. */
  @guarded("lru_lock") active_next: usize;
  /** See active_next. */
  @guarded("lru_lock") active_prev: usize;
  /** Inactive pages: list head. */
  @guarded("lru_lock") inactive_next: usize;
  /** See inactive_next. */
  @guarded("lru_lock") inactive_prev: usize;
  /** Pages of the active list that wait to be scanned. */
  @atomic nr_scan_active: u32;
  /** Pages of the inactive list that wait to be scanned. */
  @atomic nr_scan_inactive: u32;
  /** How desperate the last round of reclaim became, 12 to 0. */
  @atomic prev_priority: u32;
  /** Pages scanned since one was freed. */
  @atomic pages_scanned: u32;
}

/** Bytes of a cache line. */
const L1_CACHE_BYTES: u32 = 64;
/** Where the free areas stand in an entry of the zone table. */
export const ZONE_FREE_AREAS: usize = 0x80;
if (offsetof<Zone>("lru_lock") != L1_CACHE_BYTES) ERROR("lru_lock shares a line with lock");
if (offsetof<Zone>() > ZONE_FREE_AREAS) ERROR("the fields of Zone run into its free areas");
if (ZONE_FREE_AREAS + MAX_ORDER * FREE_AREA_SIZE > ZONE_STRIDE) ERROR("a zone is too large");

/** Zone number `index`. */
@inline
export function zone_of(index: u32): Zone {
  return changetype<Zone>(ZONE_TABLE + index * ZONE_STRIDE);
}

/** Blocks of 2^order free frames: the list head; the count follows. */
@inline
export function free_area(zone: Zone, order: u32): usize {
  return changetype<usize>(zone) + ZONE_FREE_AREAS + order * FREE_AREA_SIZE;
}

/** Address of the LRU spinlock. */
@inline
export function zone_lru_lock(zone: Zone): usize {
  return changetype<usize>(zone) + offsetof<Zone>("lru_lock");
}

/** Head of the active list. */
@inline
export function zone_active_list(zone: Zone): usize {
  return changetype<usize>(zone) + offsetof<Zone>("active_next");
}

/** Head of the inactive list. */
@inline
export function zone_inactive_list(zone: Zone): usize {
  return changetype<usize>(zone) + offsetof<Zone>("inactive_next");
}
