// What swap is made of: areas with a count for each slot, entries that name a slot, and swapper_space, the
// page cache of swapped pages. Linux: include/linux/swap.h, swapops.h and asm-x86_64/pgtable.h of 2.6.9.
//
//   entry (u32)    type:4 | offset:28        PTE    offset << 12 | type << 8, neither P nor PROTNONE
//
// Slot 0 of an area is never used (it held the header), so no entry and no swap PTE is 0.

import { atomic_inc, read_once, write_once } from "../arch/atomic";
import { KERNEL_GLOBALS } from "../arch/memory_map";

/** Areas, at most. */
export const MAX_SWAPFILES: u32 = 4;
/** SwapInfo.flags: the area exists. */
export const SWP_USED: u32 = 1;
/** SwapInfo.flags: slots may be taken. */
export const SWP_WRITEOK: u32 = 2;
/** SwapInfo.next and SwapList.head: none. */
export const NO_AREA: u32 = 0xffffffff;
/** read_swap_cache_async: nobody uses the slot any more. */
export const SWAP_GONE: usize = 1;
/** Most users of a slot that are counted. */
export const SWAP_MAP_MAX: u16 = 0x7fff;
/** swap_map of the slot that is never used. */
export const SWAP_MAP_BAD: u16 = 0x8000;

/** One swap area. */
@unmanaged @final
export class SwapInfo {
  /** swap_device_lock: spinlock of swap_map and what follows from it. */
  @atomic lock: u32;
  /** SWP_*. */
  @guarded("swap_list_lock") flags: u32;
  /** Areas of higher priority are filled first; equal ones in turn. */
  prio: i32;
  /** Next area in order of priority, or NO_AREA. */
  @guarded("swap_list_lock") next: u32;
  /** Slots, with slot 0. */
  max: u32;
  /** First block of the disk. */
  first_block: u32;
  /** A u16 for each slot: PTEs that name it, and 1 if it is in the swap cache. */
  @guarded("swap_device_lock") swap_map: usize;
  /** No free slot lies below. */
  @guarded("swap_device_lock") lowest_bit: u32;
  /** No free slot lies above. */
  @guarded("swap_device_lock") highest_bit: u32;
  /** Slots in use. */
  @guarded("swap_device_lock") inuse_pages: u32;
  /** swapoff: the slot it looked at last. This and what follows belongs to who has closed the area. */
  unuse_offset: u32;
  /** swapoff: the address space where slots were found last, which it uses (start_mm); 0: none. */
  unuse_mm: usize;
  /** swapoff: address spaces that wait for the host to unmap them, chained by mmlist_next. */
  unuse_gone: usize;
  /** swapoff: rounds without a slot that was emptied. */
  unuse_rounds: u32;
}

/** The areas in order of priority. */
@unmanaged @final
export class SwapList {
  /** swap_list_lock: spinlock of the list and of nr_swap_pages. */
  @atomic lock: u32;
  /** Area of the highest priority, or NO_AREA. */
  @guarded("swap_list_lock") head: u32;
  /** Area that the next slot is taken from. */
  @guarded("swap_list_lock") next: u32;
  /** Free slots of all areas. */
  @atomic nr_swap_pages: i32;
  /** Slots of all areas. */
  @atomic total_swap_pages: u32;
  /** Counts what swapoff may wait for: a user less of a slot, a page more in the swap cache. */
  @atomic changes: u32;
}

/** struct address_space swapper_space: a page cache whose index is the entry. */
@unmanaged @final
export class SwapperSpace {
  /** Height of the tree; the words of a RadixTreeRoot. */
  @guarded("tree_lock") page_tree_height: u32;
  /** Top node of the tree. */
  @guarded("tree_lock") page_tree_rnode: usize;
  /** Spinlock of the tree. */
  @atomic tree_lock: u32;
  /** Pages in the swap cache. */
  @guarded("tree_lock") nrpages: u32;
}

/** Where the SwapperSpace, the SwapList and the areas stand. */
export const SWAPPER_SPACE: usize = KERNEL_GLOBALS + 0x420;
export const SWAPPER_TREE_LOCK: usize = SWAPPER_SPACE + offsetof<SwapperSpace>("tree_lock");
export const SWAP_LIST: usize = KERNEL_GLOBALS + 0x440;
export const SWAP_INFO: usize = KERNEL_GLOBALS + 0x480;
/** Bytes from one area to the next. */
export const SWAP_INFO_STRIDE: usize = 0x40;

if (offsetof<SwapInfo>() > SWAP_INFO_STRIDE) ERROR("a SwapInfo is too large");

/** Bits that an offset has in an entry. */
const OFFSET_BITS: u32 = 28;
/** Slots of an area, at most. */
export const MAX_SWAP_SLOTS: u32 = 1 << 21;

/** The areas' list. */
@inline
export function swap_list(): SwapList {
  return changetype<SwapList>(SWAP_LIST);
}

/** The swap cache. */
@inline
export function swapper_space(): SwapperSpace {
  return changetype<SwapperSpace>(SWAPPER_SPACE);
}

/** Area number `type`. */
@inline
export function swap_info(type: u32): SwapInfo {
  return changetype<SwapInfo>(SWAP_INFO + type * SWAP_INFO_STRIDE);
}

/** The entry of a slot. */
@inline
export function swp_entry(type: u32, offset: u32): u32 {
  return (type << OFFSET_BITS) | offset;
}

/** Area of an entry. */
@inline
export function swp_type(entry: u32): u32 {
  return entry >> OFFSET_BITS;
}

/** Slot of an entry. */
@inline
export function swp_offset(entry: u32): u32 {
  return entry & ((1 << OFFSET_BITS) - 1);
}

/** The PTE that names a slot. */
@inline
export function swp_entry_to_pte(entry: u32): u64 {
  return ((<u64>swp_offset(entry)) << 12) | ((<u64>swp_type(entry)) << 8);
}

/** The entry of a PTE that is neither present nor 0. */
@inline
export function pte_to_swp_entry(pte: u64): u32 {
  return swp_entry(<u32>(pte >> 8) & 15, <u32>(pte >> 12) & ((1 << OFFSET_BITS) - 1));
}

/** Address of the count of a slot. */
@inline
export function swap_map_of(area: SwapInfo, offset: u32): usize {
  return area.swap_map + (offset << 1);
}

/** Slots of all areas, at this moment. */
@inline
export function total_swap_pages(): u32 {
  return read_once<u32>(SWAP_LIST + offsetof<SwapList>("total_swap_pages"));
}

/** Free slots of all areas, at this moment. */
@inline
export function nr_swap_pages(): i32 {
  return read_once<i32>(SWAP_LIST + offsetof<SwapList>("nr_swap_pages"));
}

/** So many slots more are free. swap_list_lock is held, but others may look. */
@inline
export function nr_swap_pages_add(delta: i32): void {
  write_once<i32>(
    SWAP_LIST + offsetof<SwapList>("nr_swap_pages"),
    swap_list().nr_swap_pages + delta,
  );
}

/** So many slots more exist. swap_list_lock is held, but others may look. */
@inline
export function total_swap_pages_add(delta: i32): void {
  write_once<u32>(
    SWAP_LIST + offsetof<SwapList>("total_swap_pages"),
    swap_list().total_swap_pages + delta,
  );
}

/** Address of SwapList.changes. */
@inline
export function swap_changes(): usize {
  return SWAP_LIST + offsetof<SwapList>("changes");
}

/** A slot has a user less, or a page is in the swap cache. */
@inline
export function swap_changed(): void {
  atomic_inc(swap_changes());
}

/** The swap cache does not keep slots any more when less than half of them is free. Linux: vm_swap_full. */
@inline
export function vm_swap_full(): bool {
  return nr_swap_pages() * 2 < <i32>total_swap_pages();
}

/** SWP_* of an area, at this moment. */
@inline
export function swap_flags(area: SwapInfo): u32 {
  return read_once<u32>(changetype<usize>(area) + offsetof<SwapInfo>("flags"));
}

/** Changes SWP_*. swap_list_lock is held, but others may look. */
@inline
export function set_swap_flags(area: SwapInfo, flags: u32): void {
  write_once<u32>(changetype<usize>(area) + offsetof<SwapInfo>("flags"), flags);
}

/** The count of a slot, at this moment. */
@inline
export function read_swap_map(area: SwapInfo, offset: u32): u16 {
  return read_once<u16>(swap_map_of(area, offset));
}

/** Counts the users of a slot. swap_device_lock is held, but others may look. */
@inline
export function write_swap_map(area: SwapInfo, offset: u32, count: u16): void {
  write_once<u16>(swap_map_of(area, offset), count);
}

/** The block that a slot lies in. */
@inline
export function swap_block(entry: u32): u32 {
  return swap_info(swp_type(entry)).first_block + swp_offset(entry) - 1;
}
