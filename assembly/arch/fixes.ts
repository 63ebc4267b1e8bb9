// What a machine can be booted without, so that the explorer shows what it is for: each bit takes
// one measure against a race away. BootParams.without holds the bits; the host sets them after
// boot. Only checking builds ask: elsewhere the question is folded to false and compiled away.

import { boot } from "./boot_params";

/** Frames are freed after the TLBs were flushed (mm/tlb_gather.ts). */
export const FIX_FLUSH_BEFORE_FREE: u64 = 1;
/** A flush reaches the TLBs of other CPUs too (mm/tlb_flush.ts). */
export const FIX_SHOOTDOWN: u64 = 2;
/** Fork write-protects the parent's PTE as well as the child's (mm/copy.ts). */
export const FIX_WRITE_PROTECT: u64 = 4;
/** A VMA gets its anon_vma under locks, after a second look (mm/anon_vma.ts). */
export const FIX_ANON_VMA_RECHECK: u64 = 8;
/** 2.6.9: _mapcount changes in one step. 2.6.8: under PG_maplock (rmap/). */
export const FIX_MAPCOUNT: u64 = 16;
/** A fault that has dropped page_table_lock compares the PTE again (mm/fault.ts). */
export const FIX_PTE_SAME: u64 = 32;
/** A COW break takes the old PTE away and flushes before it sets the new one (mm/fault.ts). */
export const FIX_COW_FLUSH_FIRST: u64 = 64;
/** 2.6.9: anon_vma.lock is taken outside page_table_lock (mm/anon_vma.ts). */
export const FIX_LOCK_ORDER: u64 = 128;
/** 2.6.9: first and last PTE are told by the result of the count itself (rmap/atomic_mapcount.ts). */
export const FIX_COUNT_TELLS: u64 = 0x100;
/** A PTE is read and cleared in one step (arch/pte.ts). */
export const FIX_PTE_XCHG: u64 = 0x200;
/** A CPU that wakes reads and sets its TLB state in one step (arch/tlb_state.ts). */
export const FIX_LAZY_XCHG: u64 = 0x400;
/** A flush waits until the other CPUs have answered (mm/tlb_flush.ts). */
export const FIX_FLUSH_WAIT: u64 = 0x800;
/** A page enters the page cache under tree_lock (mm/filemap.ts). */
export const FIX_TREE_LOCK: u64 = 0x1000;
/** Who finds a page in the page cache waits until it has been read (mm/filemap.ts). */
export const FIX_UPTODATE: u64 = 0x2000;
/** Who goes to sleep on the page lock looks at it again first (mm/page_lock.ts). */
export const FIX_SECOND_LOOK: u64 = 0x4000;
/** A fault holds mmap_sem for reading (mm/page_fault.ts). */
export const FIX_MMAP_SEM: u64 = 0x8000;
/** A VMA joins the anon_vma of its neighbour under that one's lock (mm/anon_vma.ts). */
export const FIX_ADOPT_LOCK: u64 = 0x10000;
/** A COW fault flushes the page that it replaces (mm/fault.ts). */
export const FIX_COW_FLUSH: u64 = 0x20000;
/** Fork links a VMA for the reverse map before its PTEs are copied (src/mm/fork.ts). */
export const FIX_LINK_FIRST: u64 = 0x40000;
/** The bounds of a file's VMA change under i_mmap_lock (src/mm/vma-adjust.ts). */
export const FIX_ADJUST_LOCK: u64 = 0x80000;
/** Whether an anon_vma has become empty is seen under its lock (mm/anon_vma.ts). */
export const FIX_ANON_VMA_EMPTY: u64 = 0x100000;
/** A bit lock is freed by an atomic that orders what came before (lock/bit_spinlock.ts). */
export const FIX_BIT_UNLOCK: u64 = 0x200000;

/** 2.6.9: memory of anon_vmas goes back only after a grace period (mm/slab.ts). */
export const FIX_TYPESAFE_SLAB: u64 = 0x400000;
/** 2.6.9: an anon_vma is handed out as it came back, and not made anew (mm/slab.ts). */
export const FIX_REINIT: u64 = 0x800000;
/** 2.6.9: the way from a page to its anon_vma is a read section of RCU (rmap/referenced.ts). */
export const FIX_RCU: u64 = 0x1000000;
/** 2.6.9: that section begins before the page's mapping is read (rmap/referenced.ts). */
export const FIX_RCU_FIRST: u64 = 0x2000000;
/** 2.6.9: a VMA joins an anon_vma under its lock even if it is fresh (mm/anon_vma.ts). */
export const FIX_FRESH_LOCK: u64 = 0x4000000;

/** Truncation is counted, and a fault looks at the count again (mm/truncate.ts). */
export const FIX_TRUNCATE_COUNT: u64 = 0x8000000;
/** 2.6.9: the page lock keeps the file of a page that reclaim asks about (rmap/referenced.ts). */
export const FIX_REFERENCED_LOCK: u64 = 0x10000000;
/** 2.6.9: page->mapping is read again when the page lock is held (rmap/referenced.ts). */
export const FIX_MAPPING_RECHECK: u64 = 0x20000000;
/** 2.6.9: the page lock is given back on every way out (rmap/referenced.ts). */
export const FIX_REFERENCED_UNLOCK: u64 = 0x40000000;

/** A VMA of a file comes after all that begin with the same page: a child after its parent (lib/interval_tree.ts). */
export const FIX_CHILD_AFTER: u64 = 0x80000000;
/** A PTE of a file moves under i_mmap_lock (mm/mremap.ts). */
export const FIX_MOVE_LOCK: u64 = 0x100000000;
/** The lock of a slab cache, which an interrupt takes too, is held with interrupts off (mm/slab.ts). */
export const FIX_CACHE_IRQ: u64 = 0x400000000;

/** The count of a slot of swap changes under swap_device_lock (mm/swap_slots.ts). */
export const FIX_SWAP_COUNT: u64 = 0x10000000000;
/** A page that somebody holds is not taken away from its program (rmap/unmap.ts). */
export const FIX_GUP_GUARD: u64 = 0x20000000000;
/** try_to_unmap flushes a page that it takes away (rmap/unmap.ts). */
export const FIX_UNMAP_FLUSH: u64 = 0x40000000000;
/** 2.6.9: the last unmap leaves page->mapping as it is (rmap/atomic_mapcount.ts). */
export const FIX_KEEP_MAPPING: u64 = 0x80000000000;
/** Reclaim looks at the references of a page under tree_lock before it frees it (mm/vmscan.ts). */
export const FIX_REMOVE_COUNT: u64 = 0x100000000000;
/** Reclaim looks again whether a page is dirty before it frees it (mm/vmscan.ts). */
export const FIX_DIRTY_RECHECK: u64 = 0x200000000000;
/** A page that is being written is marked, and not freed (mm/page_io.ts). */
export const FIX_WRITEBACK: u64 = 0x400000000000;
/** A fault looks at the swap-cache page again when it has locked it (mm/swap_fault.ts). */
export const FIX_SWAP_RECHECK: u64 = 0x800000000000;
/** Whether a page is written to in place goes by its references, not by its PTEs (mm/swap_state.ts). */
export const FIX_REUSE_COUNT: u64 = 0x2000000000;
/** A page of the swap cache is written to in place only if its slot has no other user (mm/swap_state.ts). */
export const FIX_SHARE_CHECK: u64 = 0x1000000000000;
/** Fork counts the slot of a PTE that it copies (mm/copy.ts). */
export const FIX_FORK_SWAP: u64 = 0x2000000000000;
/** swapoff tries mmap_sem, and unlocks the page before it waits for it (mm/unuse.ts). */
export const FIX_UNUSE_TRYLOCK: u64 = 0x8000000000000;
/** 2.6.6: a chain of PTEs changes under PG_maplock (rmap/pte_chain.ts). */
export const FIX_CHAINLOCK: u64 = 0x800000000;
/** 2.6.6: an element for the chain is there before page_table_lock is taken (mm/fault.ts). */
export const FIX_SPARE_FIRST: u64 = 0x1000000000;
/** anonmm: whether the head of a lineage is the last is seen under its lock (rmap/anonmm.ts). A bit of 2.6.6, too. */
export const FIX_ANONMM_SAMPLE: u64 = 0x800000000;
/** anonmm: a page moves to another member under PG_maplock (rmap/anonmm_walk.ts). A bit of 2.6.6, too. */
export const FIX_ANONMM_MIGRATE: u64 = 0x1000000000;
/** 2.6.9: who comes from a page is in a read section until it unlocks the anon_vma (rmap/referenced.ts). */
export const FIX_RCU_LOCKED: u64 = 0x4000000000000;
/** Who destroys a cache of typesafe slabs waits until all callbacks have been called (mm/slab_destroy.ts). */
export const FIX_DESTROY_BARRIER: u64 = 0x8000000000000000;

/** A task's mm is taken only while somebody uses it (notifier/register.ts). */
export const FIX_GET_TASK_MM: u64 = 0x8000000000;
/** A notifier is registered under all locks of the mm (notifier/register.ts). */
export const FIX_REGISTER_LOCKS: u64 = 0x10000000000000;
/** Who unregisters a notifier waits for those who are in its methods (notifier/register.ts). */
export const FIX_UNREGISTER_SYNC: u64 = 0x20000000000000;
/** Notifiers are released before they leave the list (notifier/register.ts). */
export const FIX_RELEASE_FIRST: u64 = 0x40000000000000;
/** All locks are taken in one order: sorted, or by one taker at a time (notifier/all_locks.ts). */
export const FIX_ALL_LOCKS_ORDER: u64 = 0x80000000000000;
/** Those of files are taken before those of anon_vmas (notifier/all_locks.ts). */
export const FIX_ALL_LOCKS_CLASS: u64 = 0x100000000000000;
/** A notifier is told before the page is given up (mm/fault.ts). */
export const FIX_NOTIFY_FIRST: u64 = 0x200000000000000;
/** A range that fork has begun ends after an error too (notifier/sites.ts). */
export const FIX_RANGE_END: u64 = 0x400000000000000;
/** mmn-v13, patch 09: who comes from a page has a reference to the anon_vma before he sleeps (rmap/referenced.ts). */
export const FIX_ANON_VMA_COUNT: u64 = 0x200000000;
/** mmn-v13, patch 12: of two mmap_sems the one at the lower address is taken first (notifier/for_xpmem.ts). */
export const FIX_MMAP_SEM_ORDER: u64 = 0x4000000000;
/** A fault of a guest compares mmu_notifier_seq (src/notifier/clients/kvm.ts). */
export const FIX_RETRY_SEQ: u64 = 0x800000000000000;
/** A fault of a guest looks at mmu_notifier_count (src/notifier/clients/kvm.ts). */
export const FIX_RETRY_COUNT: u64 = 0x1000000000000000;
/** A fault of a guest compares under mmu_lock (src/notifier/clients/kvm.ts). */
export const FIX_RETRY_LOCKED: u64 = 0x2000000000000000;
/** mmu_notifier_seq is counted up under mmu_lock (src/notifier/clients/kvm.ts). */
export const FIX_SEQ_LOCKED: u64 = 0x4000000000000000;

/** True if this machine does without `fix`. */
@inline
export function without(fix: u64): bool {
  return CONFIG_CHECK != 0 && (boot().without & fix) != 0;
}

/** For measures that the host takes: true unless this machine does without `fix`. */
export function has_fix(fix: f64): bool {
  return !without(<u64>fix);
}
