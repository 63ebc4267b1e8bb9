// Reverse map by chains of PTEs, 2.6.6. Linux: page_add_rmap and page_remove_rmap, mm/rmap.c of 2.6.0 to
// 2.6.6, with what 2.6.6 has of the way to object rmap: PG_anon, which the first PTE of a page without a
// mapping sets and the last one clears. Pages of files have chains too.
//
// Protocol: page_table_lock of the PTE's mm is held. An element to put the PTE in, the spare, was allocated
// before that lock was taken; what is not used comes back. Linux looks away when a PTE is not in the chain,
// since drivers map pages that have none; here that is a bug. Left out: storage keys of s390.

import { read_once } from "../arch/atomic";
import { BUG_MAPCOUNT_UNDERFLOW, bug_on } from "../arch/bug";
import { this_cpu } from "../arch/percpu";
import { PG_anon, PG_reserved, Page, page_clear_flag, page_set_flag } from "../mm/page";
import {
  NOT_IN_CHAIN,
  chain_add,
  chain_length,
  chain_referenced,
  chain_remove,
  chain_strangers,
  pte_chain_free,
  pte_chain_lock,
  pte_chain_unlock,
} from "./pte_chain";

/** Records a PTE of a page. Returns `spare` if it was not needed, else 0. */
export function page_add_rmap(page: Page, ptep: usize, spare: usize): usize {
  if (page.flags & PG_reserved) return spare;
  pte_chain_lock(page);
  if (page.pte == 0) {
    if (page.mapping == 0) page_set_flag(page, PG_anon);
    this_cpu().nr_mapped++;
  }
  const left = chain_add(page, ptep, spare);
  pte_chain_unlock(page);
  return left;
}

/** Forgets a PTE of a page. */
export function page_remove_rmap(page: Page, ptep: usize): void {
  pte_chain_lock(page);
  const freed = chain_remove(page, ptep);
  bug_on(freed == NOT_IN_CHAIN, BUG_MAPCOUNT_UNDERFLOW, changetype<usize>(page), <u32>ptep);
  if (page.pte == 0) {
    if (page.flags & PG_anon) page_clear_flag(page, PG_anon);
    this_cpu().nr_mapped--;
  }
  pte_chain_unlock(page);
  pte_chain_free(freed);
}

/**
 * mremap: a PTE moves. Out and in again, under one PG_maplock: so the element that the first may have
 * emptied is there for the second, and no spare is needed.
 */
export function page_move_rmap(page: Page, from: usize, to: usize): void {
  if (page.flags & PG_reserved) return;
  pte_chain_lock(page);
  const freed = chain_remove(page, from);
  bug_on(freed == NOT_IN_CHAIN, BUG_MAPCOUNT_UNDERFLOW, changetype<usize>(page), <u32>from);
  const left = chain_add(page, to, freed);
  pte_chain_unlock(page);
  pte_chain_free(left);
}

/** Some PTE maps the page. */
@inline
export function page_mapped(page: Page): bool {
  return read_once<usize>(changetype<usize>(page) + offsetof<Page>("pte")) != 0;
}

/** PTEs that map the page. */
export function page_mapcount(page: Page): i32 {
  return chain_length(page);
}

/** PTEs of the page that were young. */
export function page_referenced_chain(page: Page): u32 {
  pte_chain_lock(page);
  const referenced = chain_referenced(page);
  pte_chain_unlock(page);
  return referenced;
}

/** Of the PTEs in the chain of a page, those that do not map it. */
export function missing_in_chain(page: Page): i32 {
  pte_chain_lock(page);
  const missing = chain_strangers(page);
  pte_chain_unlock(page);
  return missing;
}
