// Slots of swap areas: taken, shared, given back. Linux: mm/swapfile.c of 2.6.9.
//
// Locks: swap_list_lock > swap_device_lock, both below page_table_lock.

import { BUG_SWAP_SLOT, bug_on } from "../arch/bug";
import { FIX_SWAP_COUNT, without } from "../arch/fixes";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import {
  NO_AREA,
  SWAP_LIST,
  SWAP_MAP_MAX,
  SWP_USED,
  SWP_WRITEOK,
  SwapInfo,
  swap_info,
  swap_list,
  swap_map_of,
  swp_entry,
  swp_offset,
  swp_type,
  MAX_SWAPFILES,
} from "./swap_types";

/** Takes a free slot of an area; its offset, or 0. Both locks are held. */
function scan_swap_map(area: SwapInfo): u32 {
  for (let offset = area.lowest_bit; offset <= area.highest_bit; offset++) {
    if (load<u16>(swap_map_of(area, offset)) != 0) continue;
    if (offset == area.lowest_bit) area.lowest_bit++;
    if (offset == area.highest_bit) area.highest_bit--;
    store<u16>(swap_map_of(area, offset), 1);
    area.inuse_pages++;
    swap_list().nr_swap_pages--;
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
  let type = list.nr_swap_pages > 0 ? list.next : NO_AREA;
  let wrapped = false;
  while (entry == 0 && type != NO_AREA) {
    const area = swap_info(type);
    if (area.flags & SWP_WRITEOK) {
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

/** True if an entry names a slot that exists. */
function is_slot(entry: u32): bool {
  if (swp_type(entry) >= MAX_SWAPFILES) return false;
  const area = swap_info(swp_type(entry));
  return (area.flags & SWP_USED) != 0 && swp_offset(entry) != 0 && swp_offset(entry) < area.max;
}

/** One user more of a slot; false if nobody uses it any more. */
export function swap_duplicate(entry: u32): bool {
  if (!is_slot(entry)) return false;
  const area = swap_info(swp_type(entry));
  if (!without(FIX_SWAP_COUNT)) spin_lock(changetype<usize>(area));
  const at = swap_map_of(area, swp_offset(entry));
  const count = load<u16>(at);
  bug_on(count >= SWAP_MAP_MAX, BUG_SWAP_SLOT, entry, count);
  if (count != 0) store<u16>(at, count + 1);
  if (!without(FIX_SWAP_COUNT)) spin_unlock(changetype<usize>(area));
  return count != 0;
}

/** Takes both locks for an entry that is in use. */
export function swap_info_get(entry: u32): SwapInfo {
  bug_on(!is_slot(entry), BUG_SWAP_SLOT, entry);
  const area = swap_info(swp_type(entry));
  spin_lock(SWAP_LIST);
  spin_lock(changetype<usize>(area));
  bug_on(load<u16>(swap_map_of(area, swp_offset(entry))) == 0, BUG_SWAP_SLOT, entry, 0);
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
  const at = swap_map_of(area, offset);
  const count = load<u16>(at) - 1;
  store<u16>(at, count);
  if (count != 0) return count;
  const list = swap_list();
  if (offset < area.lowest_bit) area.lowest_bit = offset;
  if (offset > area.highest_bit) area.highest_bit = offset;
  if (list.next != NO_AREA && area.prio > swap_info(list.next).prio) list.next = swp_type(entry);
  list.nr_swap_pages++;
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
  const count = load<u16>(swap_map_of(area, swp_offset(entry)));
  spin_unlock(changetype<usize>(area));
  return count;
}
