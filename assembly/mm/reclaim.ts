// When and how much is reclaimed. Linux: shrink_cache, refill_inactive_zone, shrink_zone, try_to_free_pages,
// balance_pgdat and wakeup_kswapd, mm/vmscan.c of 2.6.9.
//
//   active list ── tail: not used, or not mapped ──► inactive list ── tail ──► shrink_list
//
// Pages leave a list in batches under lru_lock, with a reference, and are worked on without it. Each round looks
// at a larger part of the lists, from 1/4096 on. kswapd runs on the last CPU, where its callbacks of RCU would:
// at the entry from a program, and when it is idle; an allocation that must not wait for that reclaims itself.
//
// Left out: shrinkers of slabs, throttling by congestion, all_unreclaimable, nodes.

import { atomic_and, read_once } from "../arch/atomic";
import { ATTENTION_KSWAPD } from "../arch/attention";
import { boot } from "../arch/boot_params";
import { serve_ipis } from "../arch/ipi";
import { KERNEL_GLOBALS } from "../arch/memory_map";
import { send_ipi } from "../arch/kick";
import {
  PAGEVEC_SIZE,
  PerCpu,
  percpu_attention,
  percpu_of,
  this_cpu,
  this_cpu_base,
} from "../arch/percpu";
import { RECLAIM_RELEASE, ReclaimState, this_reclaim } from "../arch/reclaim_state";
import { list_add, list_del, list_empty, list_init, list_prev } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { PageAnon, page_mapped } from "../rmap/index";
import { page_referenced } from "../rmap/referenced";
import { add_to_list, lru_add_drain } from "./lru";
import {
  PG_active,
  Page,
  get_page_unless_free,
  lru_to_page,
  page_lru,
  page_test_flag,
} from "./page";
import { zone_below } from "./page_alloc";
import { __lru_del, put_page } from "./put_page";
import { total_swap_pages } from "./swap_types";
import { page_list, ret_list, shrink_list } from "./vmscan";
import {
  MAX_NR_ZONES,
  ZONE_NORMAL,
  Zone,
  zone_active_list,
  zone_inactive_list,
  zone_lru_lock,
  zone_of,
} from "./zone";

/** What can be changed while the machine runs, and what people want to know. */
@unmanaged @final
export class VmControl {
  /** 0 to 100: how much rather mapped pages are swapped out than the page cache shrinks. */
  @atomic swappiness: u32;
  /** Processes killed for want of memory. */
  @atomic oom_kills: u32;
  /** The last one: its mm->serial. */
  oom_serial: u32;
  /** Its badness: pages it had mapped or swapped. */
  oom_badness: u32;
  /** Frames that were free then. */
  oom_free: u32;
  /** Slots of swap that were free then. */
  oom_swap: u32;
}

/** Where the VmControl of the machine stands. */
export const VM_CONTROL: usize = KERNEL_GLOBALS + 0x580;
/** Pages that leave a list at once. */
export const SWAP_CLUSTER_MAX: u32 = 32;
/** Rounds of reclaim, from the least to the most desperate. */
const DEF_PRIORITY: u32 = 12;

/** The VmControl of the machine. */
@inline
export function vm_control(): VmControl {
  return changetype<VmControl>(VM_CONTROL);
}

@inline
function l_inactive(state: ReclaimState): usize {
  return changetype<usize>(state) + offsetof<ReclaimState>("l_inactive_next");
}

/** Takes up to `nr` pages from the end of a list, each with a reference. lru_lock is held. How many it looked at. */
function isolate_pages(zone: Zone, head: usize, nr: u32, to: usize): u32 {
  let scanned: u32 = 0;
  while (scanned < nr && !list_empty(head)) {
    scanned++;
    const page = lru_to_page(list_prev(head));
    if (get_page_unless_free(page)) {
      __lru_del(zone, page);
      list_add(page_lru(page), to);
    } else {
      // Its last reference is gone, and who dropped it waits for the lock.
      list_del(page_lru(page));
      list_add(page_lru(page), head);
    }
  }
  return scanned;
}

/** Drops the references to the pages that went back to their lists. No lock is held. */
function release_noted(state: ReclaimState): void {
  for (let i: u32 = 0; i < state.nr_release; i++) {
    put_page(changetype<Page>(load<usize>(this_cpu_base() + RECLAIM_RELEASE + i * 4)));
  }
  state.nr_release = 0;
}

/**
 * Puts the pages of `from` back on the LRU: on the active list if `active`, or if that is what became of them; and
 * drops the references to them.
 */
function putback(state: ReclaimState, zone: Zone, from: usize, active: bool): void {
  while (!list_empty(from)) {
    spin_lock(zone_lru_lock(zone));
    while (state.nr_release < PAGEVEC_SIZE && !list_empty(from)) {
      const page = lru_to_page(list_prev(from));
      list_del(page_lru(page));
      add_to_list(zone, page, active || page_test_flag(page, PG_active));
      const slot = this_cpu_base() + RECLAIM_RELEASE + state.nr_release++ * 4;
      store<usize>(slot, changetype<usize>(page));
    }
    spin_unlock(zone_lru_lock(zone));
    release_noted(state);
  }
}

/** Works on up to `nr` pages from the end of the inactive list. Linux: shrink_cache. */
function shrink_cache(state: ReclaimState, zone: Zone, nr: u32): void {
  lru_add_drain();
  let left = nr;
  while (left != 0 && state.nr_reclaimed < SWAP_CLUSTER_MAX) {
    spin_lock(zone_lru_lock(zone));
    const batch = left < SWAP_CLUSTER_MAX ? left : SWAP_CLUSTER_MAX;
    const scanned = isolate_pages(zone, zone_inactive_list(zone), batch, page_list(state));
    zone.pages_scanned += scanned;
    spin_unlock(zone_lru_lock(zone));
    if (scanned == 0) return;
    left -= scanned;
    shrink_list(state);
    putback(state, zone, ret_list(state), false);
  }
}

/** Pages that some PTE maps, of the whole machine: each CPU knows its share. */
function nr_mapped(): i32 {
  let sum: i32 = 0;
  for (let id: u32 = 0; id < boot().nr_cpus; id++) sum += percpu_of(id).nr_mapped;
  return sum;
}

/** Whether mapped pages may become inactive: if they are many, or the need is great. */
function reclaims_mapped(zone: Zone): bool {
  const distress = 100 >> zone.prev_priority;
  const present = zone_of(0).present_pages + zone_of(1).present_pages;
  const mapped_ratio = (nr_mapped() * 100) / <i32>present;
  return mapped_ratio / 2 + <i32>distress + <i32>vm_control().swappiness >= 100;
}

/** True if a page of the active list stays there. */
function stays_active(page: Page, reclaim_mapped: bool): bool {
  if (!page_mapped(page)) return false;
  if (!reclaim_mapped || (total_swap_pages() == 0 && PageAnon(page))) return true;
  return page_referenced(page, false) != 0;
}

/** Looks at up to `nr` pages from the end of the active list. Linux: refill_inactive_zone. */
function refill_inactive_zone(state: ReclaimState, zone: Zone, nr: u32): void {
  lru_add_drain();
  const reclaim_mapped = reclaims_mapped(zone);
  const hold = page_list(state);
  spin_lock(zone_lru_lock(zone));
  isolate_pages(zone, zone_active_list(zone), nr, hold);
  spin_unlock(zone_lru_lock(zone));
  while (!list_empty(hold)) {
    const page = lru_to_page(list_prev(hold));
    list_del(page_lru(page));
    const stays = stays_active(page, reclaim_mapped);
    if (!stays) state.pgdeactivate++;
    list_add(page_lru(page), stays ? ret_list(state) : l_inactive(state));
    // As in shrink_list.
    if (!list_empty(hold)) serve_ipis();
  }
  putback(state, zone, l_inactive(state), false);
  putback(state, zone, ret_list(state), true);
}

/** What of `pending` is due now: whole batches, so that lru_lock is taken once for many pages. */
function due(pending: usize): u32 {
  const waiting = load<u32>(pending);
  if (waiting < SWAP_CLUSTER_MAX) return 0;
  store<u32>(pending, 0);
  return waiting;
}

/** One round on one zone. */
function shrink_zone(state: ReclaimState, zone: Zone): void {
  zone.nr_scan_active += (zone.nr_active >> state.priority) + 1;
  zone.nr_scan_inactive += (zone.nr_inactive >> state.priority) + 1;
  let active = due(changetype<usize>(zone) + offsetof<Zone>("nr_scan_active"));
  let inactive = due(changetype<usize>(zone) + offsetof<Zone>("nr_scan_inactive"));
  while (active != 0 || inactive != 0) {
    if (active != 0) {
      const batch = active < SWAP_CLUSTER_MAX ? active : SWAP_CLUSTER_MAX;
      active -= batch;
      refill_inactive_zone(state, zone, batch);
    }
    if (inactive != 0) {
      const batch = inactive < SWAP_CLUSTER_MAX ? inactive : SWAP_CLUSTER_MAX;
      inactive -= batch;
      shrink_cache(state, zone, batch);
      if (state.nr_reclaimed >= SWAP_CLUSTER_MAX) return;
    }
  }
}

/** This CPU begins to reclaim; false if it does already. */
function begin_reclaim(gfp_mask: u32): bool {
  const state = this_reclaim();
  if (state.memalloc != 0) return false;
  state.memalloc = 1;
  state.gfp_mask = gfp_mask;
  list_init(page_list(state));
  list_init(ret_list(state));
  list_init(l_inactive(state));
  return true;
}

/** A round of a priority on all zones for which `mark` is missed, or on all. */
function shrink_zones(state: ReclaimState, priority: u32, only_low: bool): void {
  state.priority = priority;
  state.nr_scanned = 0;
  // At first only what is clean: dirty pages take time.
  state.may_writepage = priority < DEF_PRIORITY || only_low ? 1 : 0;
  for (let i: u32 = 0; i < MAX_NR_ZONES; i++) {
    const zone = zone_of(i);
    if (zone.present_pages == 0 || (only_low && !zone_below(zone, zone.pages_high))) continue;
    zone.prev_priority = priority;
    shrink_zone(state, zone);
  }
}

/**
 * Frees some pages for an allocation that may wait, on this CPU; returns how many. No spinlock is held. Linux:
 * try_to_free_pages.
 */
export function try_to_free_pages(gfp_mask: u32): u32 {
  if (!begin_reclaim(gfp_mask)) return 0;
  const state = this_reclaim();
  state.allocstall++;
  let total: u32 = 0;
  for (let priority = <i32>DEF_PRIORITY; priority >= 0; priority--) {
    state.nr_reclaimed = 0;
    shrink_zones(state, <u32>priority, false);
    total += state.nr_reclaimed;
    if (total >= SWAP_CLUSTER_MAX) break;
  }
  for (let i: u32 = 0; i < MAX_NR_ZONES; i++) zone_of(i).prev_priority = DEF_PRIORITY;
  state.memalloc = 0;
  return total;
}

/** True when every zone has what it should have. */
function zones_balanced(): bool {
  for (let i: u32 = 0; i < MAX_NR_ZONES; i++) {
    if (zone_below(zone_of(i), zone_of(i).pages_high)) return false;
  }
  return true;
}

/** True if the machine reclaims memory: it has a disk. */
@inline
export function is_reclaiming(): bool {
  return zone_of(ZONE_NORMAL).pages_min != 0;
}

/** The CPU that kswapd runs on. */
@inline
function kswapd_cpu(): PerCpu {
  return percpu_of(boot().nr_cpus - 1);
}

/** True if kswapd is wanted here. */
@inline
export function kswapd_pending(): bool {
  return (read_once<u32>(percpu_attention(this_cpu())) & ATTENTION_KSWAPD) != 0;
}

/** Reclaims until the zones have enough free, or little comes of it. No lock is held. Linux: balance_pgdat. */
export function kswapd(): void {
  const cpu = this_cpu();
  const state = this_reclaim();
  if (!begin_reclaim(0)) return;
  state.kswapd++;
  for (let priority = <i32>DEF_PRIORITY; priority >= 0 && !zones_balanced(); priority--) {
    state.nr_reclaimed = 0;
    shrink_zones(state, <u32>priority, true);
    if (state.nr_reclaimed >= SWAP_CLUSTER_MAX) priority = DEF_PRIORITY;
  }
  for (let i: u32 = 0; i < MAX_NR_ZONES; i++) zone_of(i).prev_priority = DEF_PRIORITY;
  state.memalloc = 0;
  // Last, so that nobody wakes a kswapd that is awake.
  atomic_and<u32>(percpu_attention(cpu), ~ATTENTION_KSWAPD);
}

/** Memory is low: kswapd runs when its CPU comes by. */
export function wakeup_kswapd(): void {
  const cpu = kswapd_cpu();
  if (read_once<u32>(percpu_attention(cpu)) & ATTENTION_KSWAPD) return;
  send_ipi(cpu, ATTENTION_KSWAPD);
}

/** Frames of a zone that only those who must not wait get. Linux: min_free_kbytes, the root of 16 times the KiB. */
function min_pages(present: u32): u32 {
  const kbytes = <u32>sqrt<f64>(<f64>present * 4.0 * 16.0);
  const pages = kbytes / 4;
  return pages < 16 ? 16 : pages;
}

/** From now on memory is reclaimed. At boot, when there is a disk. Linux: setup_per_zone_pages_min. */
export function setup_watermarks(): void {
  vm_control().swappiness = 60;
  for (let i: u32 = 0; i < MAX_NR_ZONES; i++) {
    const zone = zone_of(i);
    zone.prev_priority = DEF_PRIORITY;
    if (zone.present_pages == 0) continue;
    zone.pages_min = min_pages(zone.present_pages);
    zone.pages_low = zone.pages_min * 2;
    zone.pages_high = zone.pages_min * 3;
  }
}
