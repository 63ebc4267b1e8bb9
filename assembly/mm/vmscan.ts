// From a list of pages to free frames. Linux: shrink_list and pageout, mm/vmscan.c of 2.6.9.
//
//   page lock (tried) ── used? ── slot of swap ── try_to_unmap ── dirty? write, look again ── out of the cache if
//   nobody but the cache and we refer to it ── free
//
// The pages were taken off the LRU, each with a reference of ours. Whoever finds a page in a cache takes a
// reference under tree_lock, and whoever writes to it makes it dirty first: so "two references and clean", seen
// under tree_lock when no PTE is left, means that nobody will miss it. 2.6.8 held PG_maplock from page_referenced to
// try_to_unmap; here each takes it. Left out: buffers, congestion, laptop mode.

import { BUG_PAGE_LIST, bug_on } from "../arch/bug";
import { FIX_DIRTY_RECHECK, FIX_REMOVE_COUNT, without } from "../arch/fixes";
import { serve_ipis } from "../arch/ipi";
import { ReclaimState } from "../arch/reclaim_state";
import { list_add, list_del, list_empty, list_prev } from "../lib/list";
import { radix_tree_delete } from "../lib/radix_tree";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { i_mmap_lock_read, i_mmap_unlock_read } from "../lock/rmap_locks";
import { PageAnon, page_mapped } from "../rmap/index";
import { page_referenced } from "../rmap/referenced";
import { SWAP_FAIL, SWAP_SUCCESS, try_to_unmap } from "../rmap/unmap";
import {
  Inode,
  inode_i_mmap,
  inode_i_mmap_lock,
  inode_page_tree,
  inode_tree_lock,
} from "./mapping";
import {
  PG_active,
  PG_dirty,
  PG_lru,
  PG_swapcache,
  PG_writeback,
  Page,
  lru_to_page,
  page_count,
  page_lru,
  page_mapping_addr,
  page_set_flag,
  page_test_flag,
} from "./page";
import { clear_page_dirty_for_io, file_writepage, swap_writepage } from "./page_io";
import { trylock_page, unlock_page } from "./page_lock";
import { put_page } from "./put_page";
import { __delete_from_swap_cache, add_to_swap, remove_exclusive_swap_page } from "./swap_state";
import { swap_free } from "./swap_slots";
import { SWAPPER_SPACE, SWAPPER_TREE_LOCK } from "./swap_types";
import { read_once, write_once } from "../arch/atomic";

/** pageout: the page stays, still locked. */
const PAGE_KEEP: u32 = 0;
/** pageout: the page becomes active, still locked. */
const PAGE_ACTIVATE: u32 = 1;
/** pageout: the page was written, or is being written, and is unlocked. */
const PAGE_SUCCESS: u32 = 2;
/** pageout: the page is clean, still locked. */
const PAGE_CLEAN: u32 = 3;

@inline
export function page_list(state: ReclaimState): usize {
  return changetype<usize>(state) + offsetof<ReclaimState>("page_list_next");
}

@inline
export function ret_list(state: ReclaimState): usize {
  return changetype<usize>(state) + offsetof<ReclaimState>("ret_list_next");
}

/** The cache that a page is in: SWAPPER_SPACE, an Inode, or 0. The page is locked. */
export function page_mapping(page: Page): usize {
  if (page_test_flag(page, PG_swapcache)) return SWAPPER_SPACE;
  if (PageAnon(page)) return 0;
  return read_once<usize>(page_mapping_addr(page));
}

/** True if some VMA maps the file. The page lock keeps it. Linux looks without the lock. */
function mapping_mapped(inode: Inode): bool {
  i_mmap_lock_read(inode_i_mmap_lock(inode));
  const mapped = load<usize>(inode_i_mmap(inode)) != 0;
  i_mmap_unlock_read(inode_i_mmap_lock(inode));
  return mapped;
}

/** Whether it is worth while to keep a page that was used: somebody maps it, or its file. */
function page_mapping_inuse(page: Page): bool {
  if (page_mapped(page)) return true;
  const mapping = page_mapping(page);
  if (mapping == 0) return false;
  return mapping == SWAPPER_SPACE || mapping_mapped(changetype<Inode>(mapping));
}

/** Writes a dirty page that nobody maps: PAGE_*. */
function pageout(page: Page, mapping: usize): u32 {
  // Not worth while for one that will be kept.
  if (page_count(page) != 2 || mapping == 0) return PAGE_KEEP;
  if (!clear_page_dirty_for_io(page)) return PAGE_CLEAN;
  if (mapping != SWAPPER_SPACE) {
    return file_writepage(changetype<Inode>(mapping), page) ? PAGE_SUCCESS : PAGE_ACTIVATE;
  }
  // Nobody needs what it holds.
  if (remove_exclusive_swap_page(page)) unlock_page(page);
  else swap_writepage(page);
  return PAGE_SUCCESS;
}

/** True if the page, which is locked, is clean now; false: keep it, and it is unlocked. */
function write_dirty_page(page: Page, mapping: usize): u32 {
  const result = pageout(page, mapping);
  if (result != PAGE_SUCCESS) return result;
  if (page_test_flag(page, PG_writeback | PG_dirty)) return PAGE_SUCCESS;
  if (!trylock_page(page)) return PAGE_SUCCESS;
  if (!page_test_flag(page, PG_writeback | PG_dirty)) return PAGE_CLEAN;
  return PAGE_KEEP;
}

/** Takes a clean page that nobody uses out of its cache; false if somebody does. Linux: the end of shrink_list. */
function remove_mapping(page: Page, mapping: usize): bool {
  const is_swap = mapping == SWAPPER_SPACE;
  const lock = is_swap ? SWAPPER_TREE_LOCK : inode_tree_lock(changetype<Inode>(mapping));
  spin_lock(lock);
  const is_used = page_count(page) != 2 && !without(FIX_REMOVE_COUNT);
  if (is_used || (page_test_flag(page, PG_dirty) && !without(FIX_DIRTY_RECHECK))) {
    spin_unlock(lock);
    return false;
  }
  if (is_swap) {
    const entry = page.private_;
    __delete_from_swap_cache(page);
    spin_unlock(lock);
    swap_free(entry);
  } else {
    const inode = changetype<Inode>(mapping);
    radix_tree_delete(inode_page_tree(inode), page.index);
    // RELAXED. Who reads it without the page lock takes that lock, and reads again.
    write_once<usize>(page_mapping_addr(page), 0);
    inode.nrpages--;
    spin_unlock(lock);
  }
  put_page(page);
  return true;
}

/** What becomes of a page: it goes back to the LRU as it is. It is unlocked. */
const KEEP: u32 = 0;
/** The page is used: it becomes active. It is locked. */
const ACTIVATE: u32 = 1;
/** The page goes back, and is locked. */
const KEEP_LOCKED: u32 = 2;
/** Nothing but our reference is left. It is locked. */
const FREE: u32 = 3;

/** The way of one locked page. */
function shrink_locked(page: Page, state: ReclaimState): u32 {
  if (page_test_flag(page, PG_writeback)) return KEEP_LOCKED;
  const referenced = page_referenced(page, true) != 0;
  if (referenced && page_mapping_inuse(page)) return ACTIVATE;
  if (PageAnon(page) && !page_test_flag(page, PG_swapcache) && !add_to_swap(page)) return ACTIVATE;
  let mapping = page_mapping(page);
  if (page_mapped(page) && mapping != 0) {
    const unmapped = try_to_unmap(page);
    if (unmapped == SWAP_FAIL) return ACTIVATE;
    if (unmapped != SWAP_SUCCESS) return KEEP_LOCKED;
  }
  if (page_test_flag(page, PG_dirty)) {
    if (referenced || state.may_writepage == 0) return KEEP_LOCKED;
    const written = write_dirty_page(page, mapping);
    if (written == PAGE_SUCCESS) return KEEP;
    if (written == PAGE_KEEP) return KEEP_LOCKED;
    if (written == PAGE_ACTIVATE) return ACTIVATE;
    mapping = page_mapping(page);
  }
  // Truncation was faster.
  if (mapping == 0) return KEEP_LOCKED;
  return remove_mapping(page, mapping) ? FREE : KEEP_LOCKED;
}

/** Tries to free each page of the page list; the others are on the return list then. Returns how many were freed. */
export function shrink_list(state: ReclaimState): u32 {
  let reclaimed: u32 = 0;
  const pages = page_list(state);
  while (!list_empty(pages)) {
    const page = lru_to_page(list_prev(pages));
    list_del(page_lru(page));
    bug_on(page_test_flag(page, PG_lru), BUG_PAGE_LIST, changetype<usize>(page), page.flags);
    state.pgscan++;
    state.nr_scanned++;
    const fate = trylock_page(page) ? shrink_locked(page, state) : KEEP;
    if (fate == ACTIVATE) {
      page_set_flag(page, PG_active);
      state.pgactivate++;
    }
    if (fate != KEEP) unlock_page(page);
    if (fate == FREE) {
      reclaimed++;
      put_page(page);
    } else {
      list_add(page_lru(page), ret_list(state));
    }
    // Real processors take them anywhere. Who holds a page_table_lock and flushes TLBs waits for our answer: else
    // whoever only tries that lock would find it busy for all of these pages.
    if (!list_empty(pages)) serve_ipis();
  }
  state.nr_reclaimed += reclaimed;
  state.pgsteal += reclaimed;
  return reclaimed;
}
