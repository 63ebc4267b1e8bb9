// Slots of swap areas: taken, shared, given back. Linux: mm/swapfile.c of 2.6.9.
//
// Locks: swap_list_lock > swap_device_lock, both below page_table_lock.

import { BUG_SWAP_SLOT, bug_on } from "../arch/bug";
import { FIX_SWAP_COUNT, without } from "../arch/fixes";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import {
  MAX_SWAPFILES,
  NO_AREA,
  SWAP_LIST,
  SWAP_MAP_MAX,
  SWP_WRITEOK,
  SwapInfo,
  nr_swap_pages,
  nr_swap_pages_add,
  read_swap_map,
  swap_changed,
  swap_flags,
  swap_info,
  swap_list,
  swp_entry,
  swp_offset,
  swp_type,
  write_swap_map,
} from "./swap_types";

/** Takes a free slot of an area; its offset, or 0. Both locks are held. */
function scan_swap_map(area: SwapInfo): u32 {
  for (let offset = area.lowest_bit; offset <= area.highest_bit; offset++) {
    if (read_swap_map(area, offset) != 0) continue;
    if (offset == area.lowest_bit) area.lowest_bit++;
    if (offset == area.highest_bit) area.highest_bit--;
    write_swap_map(area, offset, 1);
    area.inuse_pages++;
    nr_swap_pages_add(-1);
    return offset;
  }
  area.lowest_bit = area.max;
  area.highest_bit = 0;
  return 0;
}

/** The area to look at after `type`, where a slot was or was not found; sets where to begin next time. */
function next_area(type: u32): u32 {
  const list = swap_list();
  const next = swap_info(type).next;
  const same = next != NO_AREA && swap_info(next).prio == swap_info(type).prio;
  list.next = same ? next : list.head;
  return next;
}

/** A slot with a count of 1, or 0 when swap is full. */
export function get_swap_page(): u32 {
  const list = swap_list();
  let entry: u32 = 0;
  spin_lock(SWAP_LIST);
  let type = nr_swap_pages() > 0 ? list.next : NO_AREA;
  let wrapped = false;
  while (entry == 0 && type != NO_AREA) {
    const area = swap_info(type);
    if (swap_flags(area) & SWP_WRITEOK) {
      spin_lock(changetype<usize>(area));
      const offset = scan_swap_map(area);
      spin_unlock(changetype<usize>(area));
      if (offset != 0) entry = swp_entry(type, offset);
    }
    type = next_area(type);
    if (entry == 0 && type == NO_AREA && !wrapped) {
      wrapped = true;
      type = list.head;
    }
  }
  spin_unlock(SWAP_LIST);
  return entry;
}

/** True if an entry names a slot of the area. Its lock is held: swapoff takes the slots away under it. */
@inline
function is_slot(area: SwapInfo, entry: u32): bool {
  return swp_offset(entry) != 0 && swp_offset(entry) < area.max;
}

/** One user more of a slot; false if nobody uses it any more. */
export function swap_duplicate(entry: u32): bool {
  bug_on(swp_type(entry) >= MAX_SWAPFILES, BUG_SWAP_SLOT, entry);
  const area = swap_info(swp_type(entry));
  const locks = !without(FIX_SWAP_COUNT);
  if (locks) spin_lock(changetype<usize>(area));
  const offset = swp_offset(entry);
  const count: u16 = is_slot(area, entry) ? read_swap_map(area, offset) : 0;
  bug_on(count >= SWAP_MAP_MAX, BUG_SWAP_SLOT, entry, count);
  if (count != 0) write_swap_map(area, offset, count + 1);
  if (locks) spin_unlock(changetype<usize>(area));
  return count != 0;
}

/** Takes both locks for an entry that is in use. */
export function swap_info_get(entry: u32): SwapInfo {
  bug_on(swp_type(entry) >= MAX_SWAPFILES, BUG_SWAP_SLOT, entry);
  const area = swap_info(swp_type(entry));
  spin_lock(SWAP_LIST);
  spin_lock(changetype<usize>(area));
  bug_on(!is_slot(area, entry), BUG_SWAP_SLOT, entry);
  bug_on(read_swap_map(area, swp_offset(entry)) == 0, BUG_SWAP_SLOT, entry, 0);
  return area;
}

/** Ends swap_info_get. */
export function swap_info_put(area: SwapInfo): void {
  spin_unlock(changetype<usize>(area));
  spin_unlock(SWAP_LIST);
}

/** One user less; returns how many are left. Both locks are held. */
export function swap_entry_free(area: SwapInfo, entry: u32): u32 {
  const offset = swp_offset(entry);
  const count = read_swap_map(area, offset) - 1;
  write_swap_map(area, offset, count);
  swap_changed();
  if (count != 0) return count;
  const list = swap_list();
  if (offset < area.lowest_bit) area.lowest_bit = offset;
  if (offset > area.highest_bit) area.highest_bit = offset;
  if (list.next != NO_AREA && area.prio > swap_info(list.next).prio) list.next = swp_type(entry);
  nr_swap_pages_add(1);
  area.inuse_pages--;
  return 0;
}

/** One user less of a slot. */
export function swap_free(entry: u32): void {
  const area = swap_info_get(entry);
  swap_entry_free(area, entry);
  swap_info_put(area);
}

/** Users of a slot, at this moment. */
export function swap_count(entry: u32): u32 {
  const area = swap_info(swp_type(entry));
  spin_lock(changetype<usize>(area));
  const count: u32 = is_slot(area, entry) ? read_swap_map(area, swp_offset(entry)) : 0;
  spin_unlock(changetype<usize>(area));
  return count;
}
