// Reverse map by counting, 2.6.9: an atomic mapcount that starts at -1. Linux: mm/rmap.c of 2.6.9.
//
// Protocol: page_table_lock of the PTE's mm is held by every caller, so one PTE is counted once;
// two PTEs of one page race, and the atomic decides who was first and who was last: nr_mapped
// changes once for each transition. The anonymous mapping is one word with its mark in the low bit,
// is stored by the first mapper *after* its increment, and is not cleared by the last: a late clear
// could wipe what a new first mapper has stored. Left out: storage keys of s390.

import {
  atomic_add_negative,
  atomic_inc,
  atomic_inc_and_test,
  read_once,
  write_once,
} from "../arch/atomic";
import { BUG_MAPCOUNT_UNDERFLOW, bug_on } from "../arch/bug";
import { FIX_COUNT_TELLS, FIX_KEEP_MAPPING, FIX_MAPCOUNT, without } from "../arch/fixes";
import { this_cpu } from "../arch/percpu";
import { VmArea, linear_page_index } from "../mm/mm_types";
import { PAGE_MAPPING_ANON, PG_reserved, Page, page_mapcount_addr } from "../mm/page";

/** Adds to _mapcount, in two plain steps; returns what it becomes. For machines without FIX_MAPCOUNT. */
function plain_mapcount_add(page: Page, delta: i32): i32 {
  const count = page._mapcount + delta;
  page._mapcount = count;
  return count;
}

/** For machines without FIX_COUNT_TELLS: two CPUs may both find that theirs is the first PTE. */
function test_then_inc(page: Page): bool {
  const first = read_once<i32>(page_mapcount_addr(page)) < 0;
  atomic_inc(page_mapcount_addr(page));
  return first;
}

/** For machines without FIX_COUNT_TELLS: two CPUs may both find that theirs was the last PTE. */
function dec_then_test(page: Page): bool {
  atomic_add_negative(page_mapcount_addr(page), -1);
  return read_once<i32>(page_mapcount_addr(page)) < 0;
}

/** One PTE more; true if it is the first. */
@inline
function mapcount_inc_and_test(page: Page): bool {
  if (without(FIX_MAPCOUNT)) return plain_mapcount_add(page, 1) == 0;
  if (without(FIX_COUNT_TELLS)) return test_then_inc(page);
  return atomic_inc_and_test(page_mapcount_addr(page));
}

/** One PTE less; true if it was the last. */
@inline
function mapcount_dec_negative(page: Page): bool {
  if (without(FIX_MAPCOUNT)) return plain_mapcount_add(page, -1) < 0;
  if (without(FIX_COUNT_TELLS)) return dec_then_test(page);
  return atomic_add_negative(page_mapcount_addr(page), -1);
}

/** Counts a PTE that maps an anonymous page; the first one says where to find the others. */
export function page_add_anon_rmap(page: Page, vma: VmArea, address: u64): void {
  const mapping = vma.anon_vma + PAGE_MAPPING_ANON;
  const index = linear_page_index(vma, address);
  if (mapcount_inc_and_test(page)) {
    page.index = index;
    // RELAXED. A finder that sees the count but not yet the mapping reads 0 or a left-over, and
    // both are harmless.
    write_once<usize>(changetype<usize>(page) + offsetof<Page>("mapping"), mapping);
    this_cpu().nr_mapped++;
  }
  // Not first: nothing is checked, the first mapper may not have stored yet.
}

/** Counts a PTE that maps a page of the page cache. */
export function page_add_file_rmap(page: Page): void {
  if (page.flags & PG_reserved) return;
  if (mapcount_inc_and_test(page)) this_cpu().nr_mapped++;
}

/** Fork: one PTE more of a page that the parent maps, so it cannot be the first. */
@inline
export function page_dup_rmap(page: Page): void {
  if (without(FIX_MAPCOUNT)) plain_mapcount_add(page, 1);
  else atomic_inc(page_mapcount_addr(page));
}

/** Counts one PTE less. The mapping stays until the page is freed. */
@inline
export function page_remove_rmap(page: Page): void {
  if (mapcount_dec_negative(page)) {
    const count = read_once<i32>(page_mapcount_addr(page));
    bug_on(count < -1, BUG_MAPCOUNT_UNDERFLOW, changetype<usize>(page), count);
    this_cpu().nr_mapped--;
    if (without(FIX_KEEP_MAPPING)) page.mapping = 0;
  }
}

/** PTEs that map the page. */
@inline
export function page_mapcount(page: Page): i32 {
  return read_once<i32>(page_mapcount_addr(page)) + 1;
}
