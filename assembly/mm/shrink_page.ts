// One page by hand: what reclaim does with a page that has come to the end of the inactive list, for scenarios, tests
// and experiments that want to say which. Left out: nothing; it is shrink_list with a list of one.

import { this_reclaim } from "../arch/reclaim_state";
import { list_add, list_del, list_init } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { add_to_list, lru_add_drain } from "./lru";
import {
  PG_active,
  PG_lru,
  PG_referenced,
  Page,
  page_clear_flag,
  page_lru,
  page_test_flag,
} from "./page";
import { __lru_del, put_page } from "./put_page";
import { page_list, ret_list, shrink_list } from "./vmscan";
import { zone_lru_lock, zone_of } from "./zone";

/**
 * Works on a page that the caller has a reference to, and drops that: true if the page was freed. It must lie on a
 * list of the LRU; else nothing is done.
 */
export function shrink_page(page: Page): bool {
  lru_add_drain();
  const state = this_reclaim();
  const zone = zone_of(page.zone);
  spin_lock(zone_lru_lock(zone));
  const listed = page_test_flag(page, PG_lru);
  if (listed) __lru_del(zone, page);
  spin_unlock(zone_lru_lock(zone));
  if (!listed) {
    put_page(page);
    return false;
  }
  page_clear_flag(page, PG_referenced | PG_active);
  state.memalloc++;
  state.may_writepage = 1;
  list_init(page_list(state));
  list_init(ret_list(state));
  list_add(page_lru(page), page_list(state));
  const freed = shrink_list(state) != 0;
  state.memalloc--;
  if (freed) return true;
  list_del(page_lru(page));
  spin_lock(zone_lru_lock(zone));
  add_to_list(zone, page, page_test_flag(page, PG_active));
  spin_unlock(zone_lru_lock(zone));
  put_page(page);
  return false;
}
