// The swap cache: pages that have a slot of swap, found by their entry. Linux: mm/swap_state.c of 2.6.9, and
// the part of mm/swapfile.c that asks who else uses a page.
//
// A page in the swap cache is locked by whoever puts it there, takes it out, or decides by its counts. The
// cache holds a reference to the page and a count of the slot.
//
// Locks: page lock > swap_list_lock > swap_device_lock > tree_lock.

import { read_once, write_once } from "../arch/atomic";
import { BUG_SWAP_CACHE, bug_on } from "../arch/bug";
import { FIX_REUSE_COUNT, FIX_SHARE_CHECK, without } from "../arch/fixes";
import { this_reclaim } from "../arch/reclaim_state";
import { cpu_wait_while } from "../arch/wait";
import { EEXIST, ENOENT, ENOMEM } from "../lib/errno";
import { radix_tree_delete, radix_tree_insert, radix_tree_lookup } from "../lib/radix_tree";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { page_mapcount } from "../rmap/index";
import { lru_cache_add_active } from "./lru";
import {
  PG_dirty,
  PG_locked,
  PG_reserved,
  PG_swapcache,
  PG_uptodate,
  PG_writeback,
  Page,
  get_page,
  page_clear_flag,
  page_count,
  page_set_flag,
  page_test_flag,
} from "./page";
import { GFP_HIGHUSER, alloc_page } from "./page_alloc";
import { swap_readpage } from "./page_io";
import { __clear_page_locked, __set_page_locked, trylock_page, unlock_page } from "./page_lock";
import { put_page } from "./put_page";
import { radix_tree_preload } from "./radix_preload";
import {
  get_swap_page,
  swap_count,
  swap_duplicate,
  swap_entry_free,
  swap_free,
  swap_info_get,
  swap_info_put,
} from "./swap_slots";
import {
  SWAPPER_SPACE,
  SWAPPER_TREE_LOCK,
  SWAP_GONE,
  SwapperSpace,
  read_swap_map,
  swap_changed,
  swap_changes,
  swapper_space,
  swp_offset,
  vm_swap_full,
} from "./swap_types";

/** So many pages more. tree_lock is held, but others may look. */
@inline
function nrpages_add(delta: i32): void {
  const at = SWAPPER_SPACE + offsetof<SwapperSpace>("nrpages");
  write_once<u32>(at, swapper_space().nrpages + delta);
}

/** Enters a locked page whose slot is counted. 0, -EEXIST or -ENOMEM. */
function __add_to_swap_cache(page: Page, entry: u32): i32 {
  spin_lock(SWAPPER_TREE_LOCK);
  const error = radix_tree_insert(SWAPPER_SPACE, entry, changetype<usize>(page));
  if (error == 0) {
    get_page(page);
    page_set_flag(page, PG_swapcache);
    page.private_ = entry;
    nrpages_add(1);
    swap_changed();
  }
  spin_unlock(SWAPPER_TREE_LOCK);
  return error;
}

/** Enters a locked page that is to be read. 0, -ENOENT if nobody uses the slot any more, -EEXIST or -ENOMEM. */
function add_to_swap_cache(page: Page, entry: u32): i32 {
  if (!swap_duplicate(entry)) return -ENOENT;
  const error = __add_to_swap_cache(page, entry);
  if (error != 0) swap_free(entry);
  return error;
}

/** Gives a locked anonymous page a slot; false when swap is full or memory is. */
export function add_to_swap(page: Page): bool {
  bug_on(!page_test_flag(page, PG_locked), BUG_SWAP_CACHE, changetype<usize>(page), page.flags);
  while (true) {
    const entry = get_swap_page();
    if (entry == 0) return false;
    const error = __add_to_swap_cache(page, entry);
    if (error == 0) {
      page_set_flag(page, PG_uptodate | PG_dirty);
      return true;
    }
    swap_free(entry);
    // Somebody reads a slot that nobody used: he was late.
    if (error != -EEXIST) return false;
  }
}

/** Takes a locked page out; tree_lock is held. */
export function __delete_from_swap_cache(page: Page): void {
  const found = radix_tree_delete(SWAPPER_SPACE, page.private_);
  bug_on(found != changetype<usize>(page), BUG_SWAP_CACHE, changetype<usize>(page), page.private_);
  page_clear_flag(page, PG_swapcache);
  page.private_ = 0;
  nrpages_add(-1);
}

/** Takes a locked page out, with its count of the slot and its reference. */
export function delete_from_swap_cache(page: Page): void {
  const entry = page.private_;
  spin_lock(SWAPPER_TREE_LOCK);
  __delete_from_swap_cache(page);
  spin_unlock(SWAPPER_TREE_LOCK);
  swap_free(entry);
  put_page(page);
}

/** The page of an entry with a reference, or 0 if it is not in the swap cache. */
export function lookup_swap_cache(entry: u32): Page {
  spin_lock(SWAPPER_TREE_LOCK);
  const page = changetype<Page>(radix_tree_lookup(SWAPPER_SPACE, entry));
  if (changetype<usize>(page) != 0) get_page(page);
  spin_unlock(SWAPPER_TREE_LOCK);
  return page;
}

/**
 * The page of an entry with a reference, read in if need be; 0 when out of memory; SWAP_GONE when nobody uses the slot
 * any more. Whoever gets it locks it to wait for its content. No spinlock is held.
 */
export function read_swap_cache_async(entry: u32): Page {
  while (true) {
    const found = lookup_swap_cache(entry);
    if (changetype<usize>(found) != 0) return found;
    if (!radix_tree_preload()) return changetype<Page>(0);
    const page = alloc_page(GFP_HIGHUSER);
    if (changetype<usize>(page) == 0) return page;
    __set_page_locked(page);
    const error = add_to_swap_cache(page, entry);
    if (error == 0) {
      this_reclaim().pswpin++;
      lru_cache_add_active(page);
      swap_readpage(page);
      unlock_page(page);
      return page;
    }
    __clear_page_locked(page);
    put_page(page);
    if (error == -ENOENT) return changetype<Page>(SWAP_GONE);
    if (error == -ENOMEM) return changetype<Page>(0);
  }
}

/** True if the locked page, which has two references, is used by nobody but the caller and the swap cache. */
function exclusive_swap_page(page: Page): bool {
  if (without(FIX_SHARE_CHECK)) return true;
  if (swap_count(page.private_) != 1) return false;
  spin_lock(SWAPPER_TREE_LOCK);
  const exclusive = page_count(page) == 2;
  spin_unlock(SWAPPER_TREE_LOCK);
  return exclusive;
}

/** The question of 2.6.24: PTEs and slots count, and who holds the page for a moment does not. */
function is_mapped_once(page: Page): bool {
  if (page_test_flag(page, PG_reserved)) return false;
  let users = page_mapcount(page);
  // One of them is the swap cache.
  if (page_test_flag(page, PG_swapcache)) users += <i32>swap_count(page.private_) - 1;
  return users == 1;
}

/** Whether who maps a locked page by one PTE may write to it: nobody else refers to it. */
export function can_share_swap_page(page: Page): bool {
  if (without(FIX_REUSE_COUNT)) return is_mapped_once(page);
  switch (page_count(page)) {
    case 1:
      return !page_test_flag(page, PG_reserved);
    case 2:
      return page_test_flag(page, PG_swapcache) && exclusive_swap_page(page);
    default:
      return false;
  }
}

/**
 * Takes a locked page that nobody but the caller refers to out of the swap cache, so that its slot is free. True
 * if it was so.
 */
export function remove_exclusive_swap_page(page: Page): bool {
  if (!page_test_flag(page, PG_swapcache) || page_test_flag(page, PG_writeback)) return false;
  if (page_count(page) != 2) return false;
  const entry = page.private_;
  const area = swap_info_get(entry);
  let removed = false;
  if (read_swap_map(area, swp_offset(entry)) == 1) {
    spin_lock(SWAPPER_TREE_LOCK);
    if (page_count(page) == 2 && !page_test_flag(page, PG_writeback)) {
      __delete_from_swap_cache(page);
      page_set_flag(page, PG_dirty);
      removed = true;
    }
    spin_unlock(SWAPPER_TREE_LOCK);
  }
  swap_info_put(area);
  if (!removed) return false;
  swap_free(entry);
  put_page(page);
  return true;
}

/**
 * Somebody has counted a slot that no PTE names, and is on his way: lets others go on until something changes, or for
 * a while. No lock is held.
 */
export function wait_for_slot(entry: u32): void {
  const seen = read_once<u32>(swap_changes());
  const page = lookup_swap_cache(entry);
  if (changetype<usize>(page) != 0) put_page(page);
  else if (swap_count(entry) != 0) cpu_wait_while<u32>(swap_changes(), seen);
}

/** True if any page is in the swap cache. */
@inline
export function swap_cache_is_used(): bool {
  return read_once<u32>(SWAPPER_SPACE + offsetof<SwapperSpace>("nrpages")) != 0;
}

/** Somebody unmaps a page and will drop the reference of the PTE: nobody may want its slot any more. */
export function free_swap_cache(page: Page): void {
  if (!trylock_page(page)) return;
  remove_exclusive_swap_page(page);
  unlock_page(page);
}

/** The page of an entry, locked and with a reference; 0 if it is not in the swap cache, or is locked. */
function find_trylock_swap_page(entry: u32): Page {
  spin_lock(SWAPPER_TREE_LOCK);
  let page = changetype<Page>(radix_tree_lookup(SWAPPER_SPACE, entry));
  if (changetype<usize>(page) != 0 && !trylock_page(page)) page = changetype<Page>(0);
  if (changetype<usize>(page) != 0) get_page(page);
  spin_unlock(SWAPPER_TREE_LOCK);
  return page;
}

/** A PTE that named the slot is gone: its count, and the page if only the swap cache wants it. */
export function free_swap_and_cache(entry: u32): void {
  const area = swap_info_get(entry);
  const left = swap_entry_free(area, entry);
  const page = left == 1 ? find_trylock_swap_page(entry) : changetype<Page>(0);
  swap_info_put(area);
  if (changetype<usize>(page) == 0) return;
  const one_user = page_count(page) == 2;
  if (!page_test_flag(page, PG_writeback) && (one_user || vm_swap_full())) {
    delete_from_swap_cache(page);
    page_set_flag(page, PG_dirty);
  }
  unlock_page(page);
  put_page(page);
}
