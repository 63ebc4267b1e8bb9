// Emptying a swap area that is closed: try_to_unuse, mm/swapfile.c of 2.6.8 and 2.6.9.
//
//   slot in use ─ page read into the swap cache, locked ─ start_mm ─ next mm ─ … once round the list of all
//
// Neighbouring slots mostly belong to one process. So the round of mmlist begins where a slot was found last, at
// start_mm, and moves on, when that has not got the slot, to the first that has. An address space is kept by a
// user of its own while it is looked at, without mmlist_lock; start_mm for longer, until nobody else uses it. One
// that forks or exits may hold a slot that was not found: so it goes round until no slot is in use.
//
// Where the last user of an address space is dropped here, the host has to unmap it: those wait in a list, which
// the host empties after each slot that left one (src/mm/swapoff.ts). No lock is held at the border.

import { read_once } from "../arch/atomic";
import { EINTR, ENOMEM } from "../lib/errno";
import { list_next } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { take_interrupts } from "../sched/idle";
import {
  MMLIST,
  MMLIST_LOCK,
  mm_get_user,
  mm_get_user_unless_gone,
  mm_put_user,
  mmlist_mm,
  mmlist_node,
} from "./mm";
import { MmStruct, mm_users_addr } from "./mm_types";
import { swap_writepage } from "./page_io";
import { PG_dirty, PG_swapcache, Page, page_set_flag, page_test_flag } from "./page";
import { lock_page, unlock_page, wait_on_page_writeback } from "./page_lock";
import { put_page } from "./put_page";
import { delete_from_swap_cache, read_swap_cache_async, wait_for_slot } from "./swap_state";
import { swap_count } from "./swap_slots";
import {
  SWAP_GONE,
  SWAP_MAP_BAD,
  SwapInfo,
  read_swap_map,
  swap_info,
  swp_entry,
  swp_offset,
} from "./swap_types";
import { unuse_process } from "./unuse";

/** try_to_unuse: address spaces wait for the host to unmap them; then it goes on. */
export const UNUSE_AGAIN: i32 = 1;
/** Rounds without a slot that was emptied, after which swapoff gives up: somebody sleeps with a slot in hand. */
const MOST_ROUNDS: u32 = 100_000;

/** One user less; if it was the last, the host will unmap the address space. */
function put_mm(area: SwapInfo, mm: MmStruct): void {
  if (!mm_put_user(mm)) return;
  // It is on no list any more, and nobody else knows it.
  store<usize>(mmlist_node(mm), area.unuse_gone);
  area.unuse_gone = changetype<usize>(mm);
}

/** An address space that the host has to unmap, and to drop; 0 if there is none. */
export function unuse_next_gone(type: u32): usize {
  const area = swap_info(type);
  const mm = area.unuse_gone;
  if (mm != 0) area.unuse_gone = load<usize>(mmlist_node(changetype<MmStruct>(mm)));
  return mm;
}

/** start_mm is another one, which the caller is a user of; or none. */
function set_start(area: SwapInfo, mm: usize): void {
  const old = area.unuse_mm;
  area.unuse_mm = mm;
  if (old != 0) put_mm(area, changetype<MmStruct>(old));
}

/** start_mm is given up when nobody but swapoff uses it any more. */
function leave_unused_start(area: SwapInfo): void {
  const start = area.unuse_mm;
  if (start == 0 || read_once<i32>(mm_users_addr(changetype<MmStruct>(start))) > 1) return;
  set_start(area, 0);
}

/** The list's node of an address space; of none, the head. */
@inline
function node_of(mm: usize): usize {
  return mm == 0 ? MMLIST : mmlist_node(changetype<MmStruct>(mm));
}

/**
 * The address space after `mm` on the list of all, which goes round and ends before `start`, with the caller as a
 * user; 0 at the end. `start` 0 is the head of the list. The caller is a user of both, so that they are still there.
 */
function next_user(mm: usize, start: usize): usize {
  const end = node_of(start);
  let found: usize = 0;
  spin_lock(MMLIST_LOCK);
  let node = list_next(node_of(mm));
  while (node != end && found == 0) {
    const next = mmlist_mm(node);
    // One without users is taken off the list as soon as we let go of it.
    if (node != MMLIST && mm_get_user_unless_gone(next)) found = changetype<usize>(next);
    node = list_next(node);
  }
  spin_unlock(MMLIST_LOCK);
  return found;
}

/** Every address space gives up its PTE of the slot, start_mm first. The page is locked. */
function unuse_everywhere(area: SwapInfo, entry: u32, page: Page): void {
  const offset = swp_offset(entry);
  const start = area.unuse_mm;
  // Where start_mm has not got the slot, it will hardly have the next ones.
  let moves = start == 0 || !unuse_process(changetype<MmStruct>(start), entry, page);
  let at = start;
  while (read_swap_map(area, offset) > 1) {
    const mm = next_user(at, start);
    if (at != start) put_mm(area, changetype<MmStruct>(at));
    at = start;
    if (mm == 0) break;
    at = mm;
    const found = unuse_process(changetype<MmStruct>(mm), entry, page);
    if (!moves || !found) continue;
    moves = false;
    mm_get_user(changetype<MmStruct>(mm));
    area.unuse_mm = mm;
  }
  if (at != start) put_mm(area, changetype<MmStruct>(at));
  if (area.unuse_mm != start && start != 0) put_mm(area, changetype<MmStruct>(start));
}

/** True while the locked page is that of the slot. */
@inline
function in_cache(page: Page, entry: u32): bool {
  return page_test_flag(page, PG_swapcache) && page.private_ == entry;
}

/** Takes one slot out of use, as far as it can be found. 0, or -ENOMEM. */
function unuse_slot(area: SwapInfo, entry: u32): i32 {
  const page = read_swap_cache_async(entry);
  // Freed meanwhile: it will not be used again.
  if (changetype<usize>(page) == SWAP_GONE) return 0;
  if (changetype<usize>(page) == 0) return swap_count(entry) == 0 ? 0 : -ENOMEM;
  lock_page(page);
  wait_on_page_writeback(page);
  if (swap_count(entry) > 1) unuse_everywhere(area, entry, page);
  if (swap_count(entry) > 1 && in_cache(page, entry) && page_test_flag(page, PG_dirty)) {
    swap_writepage(page);
    lock_page(page);
    wait_on_page_writeback(page);
  }
  if (in_cache(page, entry)) delete_from_swap_cache(page);
  // PTEs were made clean, and the slot goes: the page is all that holds the content.
  page_set_flag(page, PG_dirty);
  unlock_page(page);
  put_page(page);
  return 0;
}

/** The next slot in use after `offset`, from the first on again behind the last; 0 if there is none. */
function find_next_to_unuse(area: SwapInfo, offset: u32): u32 {
  for (let i: u32 = 0; i < area.max; i++) {
    offset = offset + 1 >= area.max ? 1 : offset + 1;
    if (area.max == 1) return 0;
    const count = read_swap_map(area, offset);
    if (count != 0 && count != SWAP_MAP_BAD) return offset;
  }
  return 0;
}

/** A slot is still in use: its address space was not found, or has no PTE for it yet. Waits; false: no longer. */
function wait_for_user(area: SwapInfo, entry: u32): bool {
  if (area.unuse_rounds++ > MOST_ROUNDS) return false;
  wait_for_slot(entry);
  return true;
}

/** try_to_unuse, until an address space waits for the host. */
function unuse_slots(type: u32): i32 {
  const area = swap_info(type);
  while (true) {
    const offset = find_next_to_unuse(area, area.unuse_offset);
    if (offset == 0) return 0;
    area.unuse_offset = offset;
    const entry = swp_entry(type, offset);
    leave_unused_start(area);
    const error = unuse_slot(area, entry);
    if (error != 0) return error;
    take_interrupts();
    if (swap_count(entry) == 0) area.unuse_rounds = 0;
    else if (!wait_for_user(area, entry)) return -EINTR;
    if (area.unuse_gone != 0) return UNUSE_AGAIN;
  }
}

/**
 * Empties a closed area, whose swapoff the caller is: 0, -ENOMEM, or -EINTR when somebody does not let go; or
 * UNUSE_AGAIN. Whatever it returns, unuse_next_gone has to be asked.
 */
export function try_to_unuse(type: u32): i32 {
  const result = unuse_slots(type);
  if (result != UNUSE_AGAIN) set_start(swap_info(type), 0);
  return result;
}
