// Reverse map by counting, 2.6.8: a plain mapcount under a bit lock of the page. Linux: mm/rmap.c
// of 2.6.7 and 2.6.8.
//
// Protocol: the caller holds page_table_lock of the mm whose PTE it changes. PG_maplock guards
// _mapcount, the anonymous mark and the anonymous mapping: while it is held, _mapcount > 0 and "flag and
// mapping are valid" are the same thing, and the last removal clears both. Left out: storage keys
// of s390.

import { BUG_ANON_RMAP_MISMATCH, BUG_MAPCOUNT_UNDERFLOW, bug_on } from "../arch/bug";
import { FIX_MAPCOUNT, without } from "../arch/fixes";
import { this_cpu } from "../arch/percpu";
import { bit_spin_lock, bit_spin_trylock, bit_spin_unlock } from "../lock/bit_spinlock";
import { LOCK_IS_BIT } from "../lock/lock_class";
import { lock_stat_acquired, lock_stat_clock, lock_stat_release } from "../lock/lock_stat";
import { VmArea, linear_page_index } from "../mm/mm_types";
import { PG_maplock, PG_reserved, Page, page_flags_addr } from "../mm/page";
import { PageAnon, clear_page_anon, page_anon_owner, set_page_anon } from "./page_anon";

/** Takes the bit lock of the page's reverse map. */
@inline
export function page_map_lock(page: Page): void {
  if (without(FIX_MAPCOUNT)) return;
  if (CONFIG_LOCK_STAT) page_map_lock_timed(page_flags_addr(page));
  else bit_spin_lock(PG_maplock, page_flags_addr(page));
}

function page_map_lock_timed(flags: usize): void {
  let since: f64 = 0;
  if (!bit_spin_trylock(PG_maplock, flags)) {
    since = lock_stat_clock();
    bit_spin_lock(PG_maplock, flags);
  }
  lock_stat_acquired(flags | LOCK_IS_BIT, false, since);
}

/** Frees the bit lock of the page's reverse map. */
@inline
export function page_map_unlock(page: Page): void {
  if (without(FIX_MAPCOUNT)) return;
  if (CONFIG_LOCK_STAT) lock_stat_release(page_flags_addr(page) | LOCK_IS_BIT);
  bit_spin_unlock(PG_maplock, page_flags_addr(page));
}

/** Counts a PTE that maps an anonymous page; the first one says where to find the others. */
export function page_add_anon_rmap(page: Page, vma: VmArea, address: u64): void {
  const index = linear_page_index(vma, address);
  page_map_lock(page);
  if (page._mapcount == 0) {
    bug_on(PageAnon(page) || page.mapping != 0, BUG_ANON_RMAP_MISMATCH, changetype<usize>(page));
    set_page_anon(page, vma.anon_vma, index);
    this_cpu().nr_mapped++;
  } else {
    const same =
      PageAnon(page) && page.index == index && page_anon_owner(page) == vma.anon_vma;
    bug_on(!same, BUG_ANON_RMAP_MISMATCH, changetype<usize>(page));
  }
  page._mapcount++;
  page_map_unlock(page);
}

/** Counts a PTE that maps a page of the page cache. */
export function page_add_file_rmap(page: Page): void {
  if (page.flags & PG_reserved) return;
  page_map_lock(page);
  if (page._mapcount == 0) this_cpu().nr_mapped++;
  page._mapcount++;
  page_map_unlock(page);
}

/** Fork: one PTE more of a page that the parent maps. */
@inline
export function page_dup_rmap(page: Page): void {
  page_map_lock(page);
  page._mapcount++;
  page_map_unlock(page);
}

/** Counts one PTE less; the last one clears the anonymous mapping. */
@inline
export function page_remove_rmap(page: Page): void {
  page_map_lock(page);
  bug_on(page._mapcount <= 0, BUG_MAPCOUNT_UNDERFLOW, changetype<usize>(page), page._mapcount);
  page._mapcount--;
  if (page._mapcount == 0) {
    if (PageAnon(page)) clear_page_anon(page);
    this_cpu().nr_mapped--;
  }
  page_map_unlock(page);
}

/** PTEs that map the page. */
@inline
export function page_mapcount(page: Page): i32 {
  return page._mapcount;
}
