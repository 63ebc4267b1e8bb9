// The border of the kernel: what the host can call. Nothing is decided here. Every argument and
// result is a number: kernel objects by address (i32), virtual addresses and lengths in bytes as
// f64, exact below 2^53.

import "./config";
import "./structs";
import { VmArea, MmStruct } from "./mm/mm_types";
import * as access from "./mm/uaccess";
import * as files from "./mm/filemap";
import { do_truncate as truncate_file } from "./mm/inode";
import * as gup from "./mm/gup";
import * as inodes from "./mm/mapping";
import * as mms from "./mm/mm";
import * as moving from "./mm/mremap";
import * as protection from "./mm/protect";
import * as trees from "./mm/vma_tree";
import * as zapping from "./mm/zap";
import { page_referenced as ask_referenced } from "./rmap/referenced";
import * as walking from "./rmap/walk";
import { Inode } from "./mm/mapping";
import { PG_dirty, Page, page_address, page_set_flag, pfn_to_page } from "./mm/page";
import { page_has_content } from "./mm/page_alloc";

// Not for the host: the explorer's wait loop calls it (src/engine/explore/instrument.ts). The first to be compiled:
// a handler takes locks, and waits for locks serve handlers; begun here, no lock is to be inlined into itself.
export { serve_ipis } from "./arch/ipi";
export { attach_disk, boot_machine, min_lowmem_pfns } from "./mm/boot";
export { cpu_idle, enter_rest, take_interrupts } from "./sched/idle";
export { rcu_barrier, rcu_drain, synchronize_kernel } from "./sched/rcu_tasklet";
export { cpu_kicks } from "./lock/sleep";
export { cpu_kick, send_ipi } from "./arch/kick";
export { leave_lazy } from "./arch/tlb_state";
export { has_fix } from "./arch/fixes";
export { local_flush_tlb } from "./arch/tlb";
export { flush_tlb_mm } from "./mm/tlb_flush";
export { phase_enter, phase_leave, phase_reset, phase_time } from "./arch/phase";
export { panic } from "./arch/bug";
export { cpu_waits } from "./arch/wait";

export { spin_lock, spin_trylock, spin_unlock, spin_is_locked } from "./lock/spinlock";
export { spin_lock_ptl, spin_unlock_ptl } from "./lock/spinlock_classes";
export {
  anon_vma_lock_write,
  anon_vma_unlock_write,
  i_mmap_lock_write,
  i_mmap_unlock_write,
} from "./lock/rmap_locks";
export { bit_spin_lock, bit_spin_trylock, bit_spin_unlock } from "./lock/bit_spinlock";
export {
  down_read,
  down_read_trylock,
  down_write,
  down_write_trylock,
  downgrade_write,
  init_rwsem,
  up_read,
  up_write,
} from "./lock/mmap_sem";
export { mutex_init, mutex_lock, mutex_trylock, mutex_unlock } from "./lock/mutex";
export { lock_page, trylock_page, unlock_page, wait_on_page_writeback } from "./mm/page_lock";

export { alloc_pages, free_pages, drain_local_pages } from "./mm/page_alloc";
export { put_page } from "./mm/put_page";
export {
  kmem_cache_alloc,
  kmem_cache_drain_others,
  kmem_cache_free,
  kmem_cache_reap_all,
} from "./mm/slab";
export { kmem_cache_destroy } from "./mm/slab_destroy";
export { pte_chain_drain } from "./rmap/pte_chain";
export { activate_page, lru_add_drain } from "./mm/lru";
export { kswapd, try_to_free_pages } from "./mm/reclaim";
export {
  swapoff_abort,
  swapoff_begin,
  swapoff_end,
  swapon,
} from "./mm/swapon";
export { swap_count, swap_duplicate, swap_free } from "./mm/swap_slots";
export {
  add_to_swap,
  delete_from_swap_cache,
  lookup_swap_cache,
} from "./mm/swap_state";
export { swap_writepage } from "./mm/page_io";
export { try_to_unuse, unuse_next_gone } from "./mm/try_to_unuse";
export { try_to_unmap } from "./rmap/unmap";
export { shrink_page } from "./mm/shrink_page";
export { page_mapcount } from "./rmap/index";

export { mm_alloc, mm_alloc_child, mm_get_user, mm_put_user } from "./mm/mm";
export { exit_mmap_tables, vma_alloc, vma_dup, vma_free } from "./mm/mm";
export { copy_page_range, copy_pte_range } from "./mm/copy";
export { zap_pte_range } from "./mm/zap";
export { tlb_gather_mmu, tlb_finish_mmu } from "./mm/tlb_gather";
export { vma_tree_insert, vma_tree_erase } from "./mm/vma_tree";
export {
  __anon_vma_link,
  __anon_vma_merge,
  anon_vma_link,
  anon_vma_prepare,
  anon_vma_unlink,
} from "./mm/anon_vma";
export {
  __vma_link_file,
  __vma_unlink_file,
  inode_get,
  inode_is_open,
  inode_references,
  vma_link_file,
  vma_unlink_file,
} from "./mm/mapping";

export { fget, inode_close, inode_put } from "./mm/inode";

export {
  drop_lazy_mm,
  has_children,
  mmdrop,
  pick_next_task,
  switch_to,
  task_alloc,
  task_exit,
  task_free,
  wait_task_zombie,
  wake_up_new_task,
} from "./sched/task";

export { take_fault_signal } from "./mm/uaccess";

export {
  get_task_mm,
  mmget_not_zero,
  mmgrab,
  mmu_notifier_register,
  mmu_notifier_unregister,
  unuse_mm,
  use_mm,
} from "./notifier/register";
export {
  client_down_read_both,
  client_up_read_both,
  client_zap_page_range,
} from "./notifier/for_xpmem";
export {
  client_alloc,
  client_cmpxchg,
  client_fetch_add,
  client_free,
  client_might_sleep,
  client_of_mm,
  client_queue_init,
  client_read,
  client_sleep,
  client_spin,
  client_wake,
} from "./notifier/client";
export {
  flush_secondary,
  secondary_clear,
  secondary_clear_young,
  secondary_load32,
  secondary_load64,
  secondary_missed,
  secondary_set,
  secondary_store32,
  secondary_store64,
  secondary_walk_load32,
  secondary_walk_load64,
  secondary_walk_store32,
  secondary_walk_store64,
} from "./notifier/secondary";

/**
 * Virtual addresses are positive and below 2^47: the signed conversion is exact and one
 * instruction.
 */
@inline
function address_of(value: f64): u64 {
  return <u64>(<i64>value);
}

/** See inode_alloc of mm/mapping.ts. */
export function inode_alloc(kind: u32, seed: u32, size_bytes: f64, ino: u32): Inode {
  return inodes.inode_alloc(kind, seed, address_of(size_bytes), ino);
}

/** See do_truncate of mm/inode.ts. */
export function do_truncate(inode: Inode, size_bytes: f64): void {
  truncate_file(inode, address_of(size_bytes));
}

/** See read_cache_page of mm/filemap.ts. */
export function read_cache_page(inode: Inode, index: f64): Page {
  return files.read_cache_page(inode, address_of(index));
}

/** Address of what a page holds, or 0 for one without content. */
export function page_content(page: Page): usize {
  return page_has_content(page) ? page_address(page) : 0;
}

/** Length of a file in bytes. */
export function inode_size(inode: Inode): f64 {
  return <f64>inodes.inode_size(inode);
}

/** See seed_word of mm/filemap.ts. */
export function seed_word(seed: u32, index: f64, word: u32): u32 {
  return files.seed_word(seed, address_of(index), word);
}

/** See find_vma of mm/vma_tree.ts. */
export function find_vma(mm: MmStruct, address: f64): VmArea {
  return trees.find_vma(mm, address_of(address));
}

/** See find_vma_before of mm/vma_tree.ts. */
export function find_vma_before(mm: MmStruct, address: f64): usize {
  return trees.find_vma_before(mm, address_of(address));
}

/** See get_unmapped_area of mm/vma_tree.ts. */
export function get_unmapped_area(mm: MmStruct, length: f64, hint: f64): f64 {
  return <f64>trees.get_unmapped_area(mm, address_of(length), address_of(hint));
}

/** See free_area_lower of mm/vma_tree.ts. */
export function free_area_lower(mm: MmStruct, start: f64): void {
  trees.free_area_lower(mm, address_of(start));
}

/** See unmap_region of mm/mm.ts. */
export function unmap_region(mm: MmStruct, start: f64, end: f64, floor: f64, ceiling: f64): void {
  mms.unmap_region(mm, address_of(start), address_of(end), address_of(floor), address_of(ceiling));
}

/** See zap_page_range of mm/zap.ts. */
export function zap_page_range(mm: MmStruct, start: f64, end: f64): void {
  zapping.zap_page_range(mm, address_of(start), address_of(end));
}

/** See change_protection of mm/protect.ts; the bits are those of `vm_flags`. */
export function change_protection(mm: MmStruct, start: f64, end: f64, vm_flags: u32): void {
  protection.change_protection(
    mm,
    address_of(start),
    address_of(end),
    protection.vm_page_prot(vm_flags),
  );
}

/** Stores vm_page_prot for the VMA's own flags. */
export function vma_set_page_prot(vma: VmArea): void {
  vma.vm_page_prot = protection.vm_page_prot(vma.vm_flags);
}

/** See move_page_tables of mm/mremap.ts. */
export function move_page_tables(vma: VmArea, from: f64, to: f64, length: f64): f64 {
  return <f64>moving.move_page_tables(vma, address_of(from), address_of(to), address_of(length));
}

/** See rmap_missing of rmap/walk.ts. */
export function rmap_missing(address: f64): i32 {
  return walking.rmap_missing(address_of(address));
}

/** See page_referenced of rmap/referenced.ts. */
export function page_referenced(page: Page, is_locked: u32): u32 {
  return ask_referenced(page, is_locked != 0);
}

/** See user_touch of mm/uaccess.ts. */
export function user_touch(start: f64, length: f64, write: bool): f64 {
  return <f64>access.user_touch(address_of(start), address_of(length), write);
}

/** See user_copy of mm/uaccess.ts. */
export function user_copy(dst: f64, src: f64, length: f64): f64 {
  return <f64>access.user_copy(address_of(dst), address_of(src), address_of(length));
}

/** Loads a byte of the program; fault_signal tells whether it could. */
export function user_load8(address: f64): u32 {
  return <u32>access.user_load<u8>(address_of(address));
}

/** Loads 16 bits. */
export function user_load16(address: f64): u32 {
  return <u32>access.user_load<u16>(address_of(address));
}

/** Loads 32 bits. */
export function user_load32(address: f64): u32 {
  return access.user_load<u32>(address_of(address));
}

/** Loads 64 bits; a BigInt for the host. */
export function user_load64(address: f64): u64 {
  return access.user_load<u64>(address_of(address));
}

/** Stores a byte of the program; fault_signal tells whether it could. */
export function user_store8(address: f64, value: u32): void {
  access.user_store<u8>(address_of(address), <u8>value);
}

/** Stores 16 bits. */
export function user_store16(address: f64, value: u32): void {
  access.user_store<u16>(address_of(address), <u16>value);
}

/** Stores 32 bits. */
export function user_store32(address: f64, value: u32): void {
  access.user_store<u32>(address_of(address), value);
}

/** Stores 64 bits; a BigInt from the host. */
export function user_store64(address: f64, value: u64): void {
  access.user_store<u64>(address_of(address), value);
}

/** Marks that a page holds what the disk does not. */
export function set_page_dirty(page: Page): void {
  page_set_flag(page, PG_dirty);
}

/** See get_user_page of mm/gup.ts. */
export function get_user_page(mm: MmStruct, address: f64, write: u32): Page {
  return gup.get_user_page(mm, address_of(address), write != 0);
}

/** See follow_page of rmap/walk.ts. */
export function follow_page(address: f64): Page {
  return walking.follow_page(address_of(address));
}

/** Address of the page of frame `pfn`. */
export function page_of_pfn(pfn: u32): Page {
  return pfn_to_page(pfn);
}
