// Measures against races that a machine of the explorer can be booted without, by the names of the
// command line. The kernel's side is assembly/arch/fixes.ts.

import {
  FIX_ADJUST_LOCK,
  FIX_ANONMM_MIGRATE,
  FIX_ANONMM_SAMPLE,
  FIX_CHAINLOCK,
  FIX_SPARE_FIRST,
  FIX_ADOPT_LOCK,
  FIX_ANON_VMA_COUNT,
  FIX_ANON_VMA_EMPTY,
  FIX_ANON_VMA_RECHECK,
  FIX_CHILD_AFTER,
  FIX_COUNT_TELLS,
  FIX_COW_FLUSH,
  FIX_COW_FLUSH_FIRST,
  FIX_BIT_UNLOCK,
  FIX_CACHE_IRQ,
  FIX_FLUSH_BEFORE_FREE,
  FIX_FRESH_LOCK,
  FIX_LOCK_ORDER,
  FIX_FLUSH_WAIT,
  FIX_LAZY_XCHG,
  FIX_LINK_FIRST,
  FIX_MAPCOUNT,
  FIX_MAPPING_RECHECK,
  FIX_MMAP_SEM,
  FIX_MMAP_SEM_ORDER,
  FIX_MOVE_LOCK,
  FIX_PTE_SAME,
  FIX_PTE_XCHG,
  FIX_RCU,
  FIX_RCU_FIRST,
  FIX_REFERENCED_LOCK,
  FIX_REFERENCED_UNLOCK,
  FIX_DESTROY_BARRIER,
  FIX_REINIT,
  FIX_SECOND_LOOK,
  FIX_SHOOTDOWN,
  FIX_TREE_LOCK,
  FIX_TRUNCATE_COUNT,
  FIX_TYPESAFE_SLAB,
  FIX_UPTODATE,
  FIX_RCU_LOCKED,
  FIX_KEEP_MAPPING,
  FIX_GUP_GUARD,
  FIX_UNMAP_FLUSH,
  FIX_REUSE_COUNT,
  FIX_SHARE_CHECK,
  FIX_SWAP_COUNT,
  FIX_FORK_SWAP,
  FIX_SWAP_RECHECK,
  FIX_UNUSE_TRYLOCK,
  FIX_DIRTY_RECHECK,
  FIX_REMOVE_COUNT,
  FIX_WRITEBACK,
  FIX_WRITE_PROTECT,
  FIX_GET_TASK_MM,
  FIX_REGISTER_LOCKS,
  FIX_UNREGISTER_SYNC,
  FIX_RELEASE_FIRST,
  FIX_ALL_LOCKS_ORDER,
  FIX_ALL_LOCKS_CLASS,
  FIX_NOTIFY_FIRST,
  FIX_RANGE_END,
  FIX_RETRY_SEQ,
  FIX_RETRY_COUNT,
  FIX_RETRY_LOCKED,
  FIX_SEQ_LOCKED,
} from "../layout/structs.gen.ts";

/** What goes wrong on purpose, and the bit of BootParams.without that makes it so. */
export const SWITCHES_OFF = {
  /** Frames are freed before the TLBs are flushed. */
  "no-flush-before-free": FIX_FLUSH_BEFORE_FREE,
  /** A flush reaches no other CPU. */
  "no-shootdown": FIX_SHOOTDOWN,
  /** Fork leaves the parent's PTEs writable. */
  "no-write-protect": FIX_WRITE_PROTECT,
  /** A VMA gets its anon_vma without lock and second look. */
  "unlocked-anon-vma-prepare": FIX_ANON_VMA_RECHECK,
  /** 2.6.9: _mapcount is read, then written. 2.6.8: the same, since PG_maplock is not taken. */
  "plain-mapcount": FIX_MAPCOUNT,
  /** PG_maplock of 2.6.8 is freed by a plain store of the page's flags. */
  "plain-bit-unlock": FIX_BIT_UNLOCK,
  /** A fault does not compare the PTE again when it takes page_table_lock again. */
  "no-pte-same": FIX_PTE_SAME,
  /** A COW break sets the new PTE before the old one has gone from all TLBs, as 2.6.9 did. */
  "no-flush-before-set": FIX_COW_FLUSH_FIRST,
  /** 2.6.9: anon_vma_prepare takes page_table_lock first, as 2.6.8 does. */
  "old-lock-order": FIX_LOCK_ORDER,
  /** 2.6.9: whether a PTE is the first or last of its page is asked before or after it is counted. */
  "test-then-count": FIX_COUNT_TELLS,
  /** A PTE is read, then cleared. */
  "plain-pte-clear": FIX_PTE_XCHG,
  /** A CPU that wakes reads its TLB state, then writes it. */
  "no-lazy-recheck": FIX_LAZY_XCHG,
  /** A flush does not wait for the answers of other CPUs. */
  "no-flush-wait": FIX_FLUSH_WAIT,
  /** A page enters the page cache without tree_lock. */
  "unlocked-page-cache": FIX_TREE_LOCK,
  /** A page of the page cache is mapped before it has been read. */
  "no-uptodate-wait": FIX_UPTODATE,
  /** Who goes to sleep on a page lock does not look at it again. */
  "no-second-look": FIX_SECOND_LOOK,
  /** A fault does not take mmap_sem. */
  "no-mmap-sem": FIX_MMAP_SEM,
  /** A VMA joins the anon_vma of its neighbour without that one's lock. */
  "unlocked-adoption": FIX_ADOPT_LOCK,
  /** A COW fault does not flush the page that it replaces. */
  "no-cow-flush": FIX_COW_FLUSH,
  /** Fork copies the PTEs of a VMA before the reverse map can find it. */
  "late-vma-link": FIX_LINK_FIRST,
  /** The bounds of a VMA in a file's tree change without i_mmap_lock. */
  "unlocked-split": FIX_ADJUST_LOCK,
  /** Whether an anon_vma is empty, and to be freed, is asked when its lock is free again. */
  "unlocked-anon-vma-empty": FIX_ANON_VMA_EMPTY,
  /** 2.6.9: a slab of anon_vmas goes back to the page allocator at once. */
  "no-typesafe-slab": FIX_TYPESAFE_SLAB,
  /** Who destroys a slab cache waits for a grace period alone, as up to 2.6.30. */
  "destroy-synchronizes": FIX_DESTROY_BARRIER,
  /** 2.6.9: an anon_vma is made anew when it is handed out. */
  "reinit-anon-vma": FIX_REINIT,
  /** 2.6.9: on a kernel that can be preempted, no read section of RCU from a page to its anon_vma. */
  "no-rcu": FIX_RCU,
  /** 2.6.9: the same, but the read section begins when the anon_vma is known. */
  "late-rcu": FIX_RCU_FIRST,
  /** 2.6.9: a fresh anon_vma is linked without its lock, as it was until October 2008. */
  "unlocked-fresh-anon-vma": FIX_FRESH_LOCK,
  /** A VMA of a file comes before those that begin with the same page, as up to 2.6.4. */
  "child-first": FIX_CHILD_AFTER,
  /** mremap moves a PTE of a file without i_mmap_lock. */
  "unlocked-move": FIX_MOVE_LOCK,
  /** A fault does not find out that a file was truncated meanwhile. */
  "no-truncate-count": FIX_TRUNCATE_COUNT,
  /** 2.6.9: page_referenced goes to the file of a page that nobody has locked. */
  "no-referenced-lock": FIX_REFERENCED_LOCK,
  /** 2.6.9: it takes the page lock, and uses what it had read before. */
  "no-mapping-recheck": FIX_MAPPING_RECHECK,
  /** 2.6.9: it does not unlock a page that was cut off, as the first form of the patch did. */
  "no-referenced-unlock": FIX_REFERENCED_UNLOCK,
  /** A task's mm is taken although its last user has gone: get_task_mm without patch 03, where a mm may be borrowed. */
  "plain-get-task-mm": FIX_GET_TASK_MM,
  /** A notifier is registered under mmap_sem alone. */
  "unlocked-register": FIX_REGISTER_LOCKS,
  /** Who unregisters a notifier does not wait for those who are in its methods. */
  "no-unregister-sync": FIX_UNREGISTER_SYNC,
  /** A notifier leaves the list before it is released, as in v13 and 2.6.27. */
  "unlink-before-release": FIX_RELEASE_FIRST,
  /** All locks of an mm are taken in the order of its VMAs, by several at a time. */
  "unordered-all-locks": FIX_ALL_LOCKS_ORDER,
  /** Those of anon_vmas are taken first, as in v13. */
  "anon-vma-locks-first": FIX_ALL_LOCKS_CLASS,
  /** A COW fault tells notifiers when it has given up the old page. */
  "late-notify": FIX_NOTIFY_FIRST,
  /** Fork leaves a range open when it runs out of memory, as v13 did. */
  "no-range-end": FIX_RANGE_END,
  /** mmn-v13, patch 09: who comes from a page waits for the anon_vma's semaphore without a reference. */
  "no-anon-vma-count": FIX_ANON_VMA_COUNT,
  /** mmn-v13, patch 12: who needs two mmap_sems takes his own first. */
  "own-mmap-sem-first": FIX_MMAP_SEM_ORDER,
  /** A fault of a guest does not compare mmu_notifier_seq. */
  "no-retry-seq": FIX_RETRY_SEQ,
  /** A fault of a guest does not look at mmu_notifier_count. */
  "no-retry-count": FIX_RETRY_COUNT,
  /** A fault of a guest compares before it takes mmu_lock. */
  "unlocked-retry": FIX_RETRY_LOCKED,
  /** mmu_notifier_seq is counted up when mmu_lock is free again. */
  "late-seq": FIX_SEQ_LOCKED,
  /** 2.6.6: the chain of a page's PTEs changes without PG_maplock. */
  "unlocked-pte-chain": FIX_CHAINLOCK,
  /** 2.6.6: a fault asks for an element of a chain when it has looked at the PTE, and drops page_table_lock. */
  "late-spare": FIX_SPARE_FIRST,
  /** anonmm: who leaves a lineage looks at the head's count when it has dropped the head's lock. */
  "late-anonmm-count": FIX_ANONMM_SAMPLE,
  /** anonmm: a page moves to another member when PG_maplock was dropped. */
  "unlocked-migration": FIX_ANONMM_MIGRATE,
  /** 2.6.9, on a kernel that can be preempted: a spinlock is no read section of RCU (until 2.6.24). */
  "rcu-ends-at-lock": FIX_RCU_LOCKED,
  /** 2.6.9: the last unmap of a page clears its mapping, as that of 2.6.8 does under PG_maplock. */
  "remove-clears-mapping": FIX_KEEP_MAPPING,
  /** try_to_unmap does not ask whether somebody holds the page. */
  "no-gup-guard": FIX_GUP_GUARD,
  /** try_to_unmap does not flush the page that it takes away. */
  "no-unmap-flush": FIX_UNMAP_FLUSH,
  /** Whether a page is written to in place goes by its PTEs, as in 2.6.24, where a COW fault counts its own out first. */
  "reuse-by-mapcount": FIX_REUSE_COUNT,
  /** A page of the swap cache is written to in place whoever else uses its slot. */
  "no-share-check": FIX_SHARE_CHECK,
  /** The count of a slot of swap is read, then written, without its lock. */
  "unlocked-swap-count": FIX_SWAP_COUNT,
  /** Fork copies a swap PTE and does not count the slot. */
  "no-fork-duplicate": FIX_FORK_SWAP,
  /** A fault does not look again at the page that it has found in the swap cache, as up to 2.6.35. */
  "no-swap-recheck": FIX_SWAP_RECHECK,
  /** swapoff waits for mmap_sem with the page locked, as up to 2.6.8-rc2. */
  "swapoff-keeps-page-lock": FIX_UNUSE_TRYLOCK,
  /** Reclaim does not ask again whether a page is dirty before it frees it. */
  "no-dirty-recheck": FIX_DIRTY_RECHECK,
  /** Reclaim does not count the references of a page before it frees it. */
  "no-count-check": FIX_REMOVE_COUNT,
  /** A page that is being written is not marked. */
  "no-writeback-mark": FIX_WRITEBACK,
  /** The lock of a slab cache is taken with interrupts on, although an interrupt takes it. */
  "slab-irqs-on": FIX_CACHE_IRQ,
} as const;

/** Name of a switch. */
export type SwitchName = keyof typeof SWITCHES_OFF;

const TWO_32 = 2 ** 32;

/** The two words for BootParams.without, the low one first. A sum of the bits would not be exact. */
export function withoutWords(names: readonly SwitchName[]): readonly [low: number, high: number] {
  let [low, high] = [0, 0];
  for (const name of names) {
    const bit: number = SWITCHES_OFF[name];
    if (bit < TWO_32) low |= bit;
    else high |= bit / TWO_32;
  }
  return [low, high];
}
