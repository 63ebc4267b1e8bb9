// Swap areas come and go. Linux: sys_swapon, and of sys_swapoff all but what empties the area (try_to_unuse.ts), in
// mm/swapfile.c of 2.6.9. An area is a range of blocks of the disk and a count for each slot. swapoff closes the
// area first, so that no slot of it is taken any more; then nothing but what is there has to be looked for.

import { BUG_SWAP_SLOT, bug_on } from "../arch/bug";
import { EINVAL, ENOMEM } from "../lib/errno";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { NO_BLOCK, alloc_reserved, disk_alloc, disk_free, has_disk, order_of } from "./disk";
import { page_to_pfn, pfn_to_page, virt_to_page } from "./page";
import { free_pages } from "./page_alloc";
import {
  MAX_SWAPFILES,
  MAX_SWAP_SLOTS,
  NO_AREA,
  SWAP_LIST,
  SWAP_MAP_BAD,
  SWP_USED,
  SWP_WRITEOK,
  nr_swap_pages_add,
  set_swap_flags,
  swap_flags,
  swap_info,
  swap_list,
  total_swap_pages_add,
} from "./swap_types";

/** No area, at boot. */
export function swap_init(): void {
  swap_list().head = NO_AREA;
  swap_list().next = NO_AREA;
}

/** Puts an area where its priority belongs, and lets slots be taken. swap_list_lock is held. */
function insert_area(type: u32): void {
  const list = swap_list();
  const area = swap_info(type);
  let before = NO_AREA;
  let at = list.head;
  while (at != NO_AREA && swap_info(at).prio >= area.prio) {
    before = at;
    at = swap_info(at).next;
  }
  area.next = at;
  if (before == NO_AREA) list.head = type;
  else swap_info(before).next = type;
  list.next = list.head;
  set_swap_flags(area, SWP_USED | SWP_WRITEOK);
  nr_swap_pages_add(<i32>area.max - 1);
  total_swap_pages_add(<i32>area.max - 1);
}

/** Takes an area off the list; no slot of it is taken from here on. swap_list_lock is held. */
function remove_area(type: u32): void {
  const list = swap_list();
  const area = swap_info(type);
  if (list.head == type) {
    list.head = area.next;
  } else {
    let before = list.head;
    while (swap_info(before).next != type) before = swap_info(before).next;
    swap_info(before).next = area.next;
  }
  list.next = list.head;
  // Those in use are counted again when they are freed.
  nr_swap_pages_add(1 - <i32>area.max);
  total_swap_pages_add(1 - <i32>area.max);
  set_swap_flags(area, SWP_USED);
}

function free_swap_map(map: usize, max: u32): void {
  const order = order_of(max * 2);
  const first = virt_to_page(map);
  const pfn = page_to_pfn(first);
  for (let i: u32 = 0; i < 1 << order; i++) pfn_to_page(pfn + i).flags = 0;
  free_pages(first, order);
}

/** A number for an area, or NO_AREA when all are in use. */
function claim_area(): u32 {
  let type: u32 = 0;
  spin_lock(SWAP_LIST);
  while (type < MAX_SWAPFILES && swap_flags(swap_info(type)) != 0) type++;
  if (type < MAX_SWAPFILES) set_swap_flags(swap_info(type), SWP_USED);
  spin_unlock(SWAP_LIST);
  return type < MAX_SWAPFILES ? type : NO_AREA;
}

/** Adds a swap area of `pages` slots; its number, or -EINVAL or -ENOMEM (no room on the disk, or in memory). */
export function swapon(pages: u32, prio: i32): i32 {
  if (pages == 0 || pages >= MAX_SWAP_SLOTS || !has_disk()) return -EINVAL;
  const type = claim_area();
  if (type == NO_AREA) return -EINVAL;
  const area = swap_info(type);
  const max = pages + 1;
  const first_block = disk_alloc(pages);
  const map = first_block == NO_BLOCK ? 0 : alloc_reserved(max * 2);
  if (map == 0) {
    if (first_block != NO_BLOCK) disk_free(first_block, pages);
    spin_lock(SWAP_LIST);
    set_swap_flags(area, 0);
    spin_unlock(SWAP_LIST);
    return -ENOMEM;
  }
  store<u16>(map, SWAP_MAP_BAD);
  spin_lock(SWAP_LIST);
  spin_lock(changetype<usize>(area));
  area.prio = prio;
  area.first_block = first_block;
  area.swap_map = map;
  area.lowest_bit = 1;
  area.highest_bit = pages;
  area.inuse_pages = 0;
  area.max = max;
  spin_unlock(changetype<usize>(area));
  insert_area(type);
  spin_unlock(SWAP_LIST);
  return <i32>type;
}

/** Closes an area, which is to be emptied now: 0, or -EINVAL if there is none. */
export function swapoff_begin(type: u32): i32 {
  if (type >= MAX_SWAPFILES) return -EINVAL;
  spin_lock(SWAP_LIST);
  const is_open = (swap_flags(swap_info(type)) & SWP_WRITEOK) != 0;
  if (is_open) {
    remove_area(type);
    swap_info(type).unuse_offset = 0;
    swap_info(type).unuse_rounds = 0;
  }
  spin_unlock(SWAP_LIST);
  return is_open ? 0 : -EINVAL;
}

/** Opens an area again that could not be emptied. */
export function swapoff_abort(type: u32): void {
  spin_lock(SWAP_LIST);
  insert_area(type);
  spin_unlock(SWAP_LIST);
}

/** Gives an empty area back. */
export function swapoff_end(type: u32): void {
  const area = swap_info(type);
  spin_lock(SWAP_LIST);
  spin_lock(changetype<usize>(area));
  bug_on(area.inuse_pages != 0, BUG_SWAP_SLOT, changetype<usize>(area), area.inuse_pages);
  const map = area.swap_map;
  const max = area.max;
  area.swap_map = 0;
  area.max = 0;
  spin_unlock(changetype<usize>(area));
  spin_unlock(SWAP_LIST);
  disk_free(area.first_block, max - 1);
  free_swap_map(map, max);
  spin_lock(SWAP_LIST);
  set_swap_flags(area, 0);
  spin_unlock(SWAP_LIST);
}
