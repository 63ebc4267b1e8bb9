// Reverse map by counting, 2.6.8: a plain mapcount under a bit lock of the page. Linux: mm/rmap.c
// of 2.6.7 and 2.6.8.
//
// Protocol: the caller holds page_table_lock of the mm whose PTE it changes. PG_maplock guards
// _mapcount, the anonymous mark and the anonymous mapping: while it is held, _mapcount > 0 and "flag and
// mapping are valid" are the same thing, and the last removal clears both. Left out: storage keys
// of s390.

import { write_once } from "../arch/atomic";
import { BUG_ANON_RMAP_MISMATCH, BUG_MAPCOUNT_UNDERFLOW, bug_on } from "../arch/bug";
import { FIX_MAPCOUNT, without } from "../arch/fixes";
import { this_cpu } from "../arch/percpu";
import { HAS_ANONMM } from "../generation";
import { LOCK_IS_BIT } from "../lock/lock_class";
import { lock_stat_acquired, lock_stat_clock, lock_stat_release } from "../lock/lock_stat";
import { page_bit_lock, page_bit_trylock, page_bit_unlock } from "../lock/page_bit";
import { MmStruct, VmArea, linear_page_index } from "../mm/mm_types";
import { PG_reserved, Page, page_flags_addr, page_mapcount_addr } from "../mm/page";
import { anonmm_get, anonmm_put } from "./anonmm";
import { PageAnon, clear_page_anon, page_anon_owner, set_page_anon } from "./page_anon";

/** Takes the bit lock of the page's reverse map. */
@inline
export function page_map_lock(page: Page): void {
  if (without(FIX_MAPCOUNT)) return;
  if (CONFIG_LOCK_STAT) page_map_lock_timed(page_flags_addr(page));
  else page_bit_lock(page_flags_addr(page));
}

function page_map_lock_timed(flags: usize): void {
  let since: f64 = 0;
  if (!page_bit_trylock(flags)) {
    since = lock_stat_clock();
    page_bit_lock(flags);
  }
  lock_stat_acquired(flags | LOCK_IS_BIT, false, since);
}

/** Frees the bit lock of the page's reverse map. */
@inline
export function page_map_unlock(page: Page): void {
  if (without(FIX_MAPCOUNT)) return;
  if (CONFIG_LOCK_STAT) lock_stat_release(page_flags_addr(page) | LOCK_IS_BIT);
  page_bit_unlock(page_flags_addr(page));
}

/** What an anonymous page of a VMA points at. */
@inline
function anon_owner(vma: VmArea): usize {
  return HAS_ANONMM ? changetype<MmStruct>(vma.vm_mm).anonmm : vma.anon_vma;
}

/** Where it says that it is: its address, or its place in the VMA's object. */
@inline
function anon_index(vma: VmArea, address: u64): u64 {
  return HAS_ANONMM ? address >> 12 : linear_page_index(vma, address);
}

/** Changes the count; PG_maplock is held, but on machines without FIX_MAPCOUNT. */
@inline
export function mapcount_add(page: Page, delta: i32): void {
  // RELAXED. Reclaim looks at the count without the lock, and again with it.
  if (without(FIX_MAPCOUNT)) page._mapcount += delta;
  else write_once<i32>(page_mapcount_addr(page), page._mapcount + delta);
}

/** Counts a PTE that maps an anonymous page; the first one says where to find the others. */
export function page_add_anon_rmap(page: Page, vma: VmArea, address: u64): void {
  const index = anon_index(vma, address);
  const owner = anon_owner(vma);
  page_map_lock(page);
  if (page._mapcount == 0) {
    bug_on(PageAnon(page) || page.mapping != 0, BUG_ANON_RMAP_MISMATCH, changetype<usize>(page));
    set_page_anon(page, owner, index);
    if (HAS_ANONMM) anonmm_get(owner);
    this_cpu().nr_mapped++;
  } else {
    // Another mm of the lineage may have been the first; and mremap may have moved what was on swap.
    const placed = page.index == index && page_anon_owner(page) == owner;
    const same = PageAnon(page) && (HAS_ANONMM || placed);
    bug_on(!same, BUG_ANON_RMAP_MISMATCH, changetype<usize>(page));
  }
  mapcount_add(page, 1);
  page_map_unlock(page);
}

/** Counts a PTE that maps a page of the page cache. */
export function page_add_file_rmap(page: Page): void {
  if (page.flags & PG_reserved) return;
  page_map_lock(page);
  if (page._mapcount == 0) this_cpu().nr_mapped++;
  mapcount_add(page, 1);
  page_map_unlock(page);
}

/** Fork: one PTE more of a page that the parent maps. */
@inline
export function page_dup_rmap(page: Page): void {
  page_map_lock(page);
  mapcount_add(page, 1);
  page_map_unlock(page);
}

/** Counts one PTE less; the last one clears the anonymous mapping. */
@inline
export function page_remove_rmap(page: Page): void {
  page_map_lock(page);
  bug_on(page._mapcount <= 0, BUG_MAPCOUNT_UNDERFLOW, changetype<usize>(page), page._mapcount);
  mapcount_add(page, -1);
  let left: usize = 0;
  if (page._mapcount == 0) {
    if (PageAnon(page)) {
      if (HAS_ANONMM) left = page_anon_owner(page);
      clear_page_anon(page);
    }
    this_cpu().nr_mapped--;
  }
  page_map_unlock(page);
  if (HAS_ANONMM && left != 0) anonmm_put(left);
}

/** anonmm: a PTE at `address` maps the page, whose index says something else, for the sake of others. */
export function is_elsewhere(page: Page, address: u64): bool {
  page_map_lock(page);
  const elsewhere = PageAnon(page) && page.index != address >> 12;
  page_map_unlock(page);
  return elsewhere;
}

/** mremap: an anonymous page that only one PTE maps goes to another address. False: others map it. */
export function anonmm_move_page(page: Page, address: u64): bool {
  page_map_lock(page);
  const moves = PageAnon(page) && page._mapcount == 1;
  if (moves) page.index = address >> 12;
  page_map_unlock(page);
  return moves;
}

/** PTEs that map the page. */
@inline
export function page_mapcount(page: Page): i32 {
  return page._mapcount;
}
