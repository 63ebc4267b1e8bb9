// The LRU lists and the pagevecs in front of them. Linux: mm/swap.c of 2.6.9. A page is added
// through a pagevec of its CPU, so that lru_lock is taken once for 16 pages; while it waits there
// the pagevec holds a reference, and a COW fault that finds page_count 2 for that reason copies, as
// it did in those kernels. An
// inactive page that is used twice becomes active.

import { PAGEVEC_SIZE, PERCPU_PAGEVEC, this_cpu, this_cpu_base } from "../arch/percpu";
import { this_reclaim } from "../arch/reclaim_state";
import { list_add } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import {
  PG_active,
  PG_lru,
  PG_referenced,
  Page,
  get_page,
  page_clear_flag,
  page_lru,
  page_set_flag,
  page_test_flag,
} from "./page";
import { __lru_del, put_page } from "./put_page";
import { Zone, zone_active_list, zone_inactive_list, zone_lru_lock, zone_of } from "./zone";

/** Puts a page on a list of its zone; lru_lock is held. */
export function add_to_list(zone: Zone, page: Page, active: bool): void {
  page_set_flag(page, active ? PG_lru | PG_active : PG_lru);
  if (active) {
    list_add(page_lru(page), zone_active_list(zone));
    zone.nr_active++;
  } else {
    list_add(page_lru(page), zone_inactive_list(zone));
    zone.nr_inactive++;
  }
}

/** Moves the pages of this CPU's pagevec to the lists. Low bit of an entry: to the active list. */
export function lru_add_drain(): void {
  const cpu = this_cpu();
  const pagevec = this_cpu_base() + PERCPU_PAGEVEC;
  const nr = cpu.pagevec_nr;
  cpu.pagevec_nr = 0;
  for (let i: u32 = 0; i < nr; i++) {
    const entry = load<usize>(pagevec + i * 4);
    const page = changetype<Page>(entry & ~1);
    const zone = zone_of(page.zone);
    spin_lock(zone_lru_lock(zone));
    add_to_list(zone, page, (entry & 1) != 0);
    while (i + 1 < nr) {
      const next = load<usize>(pagevec + i * 4 + 4);
      if (changetype<Page>(next & ~1).zone != page.zone) break;
      i++;
      add_to_list(zone, changetype<Page>(next & ~1), (next & 1) != 0);
    }
    spin_unlock(zone_lru_lock(zone));
  }
  for (let i: u32 = 0; i < nr; i++) put_page(changetype<Page>(load<usize>(pagevec + i * 4) & ~1));
}

@inline
function pagevec_add(page: Page, active: usize): void {
  const cpu = this_cpu();
  get_page(page);
  store<usize>(
    this_cpu_base() + PERCPU_PAGEVEC + cpu.pagevec_nr * 4,
    changetype<usize>(page) | active,
  );
  if (++cpu.pagevec_nr == PAGEVEC_SIZE) lru_add_drain();
}

/** A new anonymous page: will be on the active list. */
export function lru_cache_add_active(page: Page): void {
  pagevec_add(page, 1);
}

/** A new page of the page cache: will be on the inactive list. */
export function lru_cache_add(page: Page): void {
  pagevec_add(page, 0);
}

/** Moves an inactive page to the active list. */
export function activate_page(page: Page): void {
  const zone = zone_of(page.zone);
  spin_lock(zone_lru_lock(zone));
  if (page_test_flag(page, PG_lru) && !page_test_flag(page, PG_active)) {
    __lru_del(zone, page);
    add_to_list(zone, page, true);
    this_reclaim().pgactivate++;
  }
  spin_unlock(zone_lru_lock(zone));
}

/** Notes a use; the second one makes an inactive page active. */
@inline
export function mark_page_accessed(page: Page): void {
  if (!page_test_flag(page, PG_referenced)) page_set_flag(page, PG_referenced);
  else if (!page_test_flag(page, PG_active) && page_test_flag(page, PG_lru)) {
    activate_page(page);
    page_clear_flag(page, PG_referenced);
  }
}
