// What asc knows and an editor does not: the CONFIG_* values that asconfig.json injects, and the
// marks of struct fields, which asc ignores and src/layout/transform.mjs collects.

/** The kernel to build, as a number: 20608 is 2.6.8. */
declare const CONFIG_KERNEL: i32;
/** How a page finds its PTEs: a value of RMAP_* in config.ts. */
declare const CONFIG_RMAP: i32;
/** How reclaim takes the locks on its way to a PTE: a value of RECLAIM_* in config.ts. */
declare const CONFIG_RECLAIM_LOCKS: i32;
/** PTE addresses in an element of a pte_chain: 7, 15 or 31, for cache lines of 32, 64 or 128 bytes. */
declare const CONFIG_NRPTE: i32;
/** 1: the first of the five patches, see PATCH_* in config.ts. */
declare const CONFIG_ANON_IN_MAPPING: i32;
/** 1: the second patch. */
declare const CONFIG_KILL_PAGE_MAP_LOCK: i32;
/** 1: the third patch. */
declare const CONFIG_TYPESAFE_SLAB: i32;
/** 1: the fourth patch. */
declare const CONFIG_MM_LOCK_ORDERING: i32;
/** 1: the fifth patch. */
declare const CONFIG_SWAPOFF_ANON_VMA: i32;
/** The spinlock family: a value of SPINLOCK_* in config.ts. */
declare const CONFIG_SPINLOCK: i32;
/** The lock behind page_table_lock: 0 is CONFIG_SPINLOCK. */
declare const CONFIG_PTL_LOCK: i32;
/** The lock behind anon_vma.lock: 0 is CONFIG_SPINLOCK. */
declare const CONFIG_ANON_VMA_LOCK: i32;
/** The lock behind i_mmap_lock: 0 is CONFIG_SPINLOCK. */
declare const CONFIG_I_MMAP_LOCK: i32;
/** 1: locks are counted and timed (lock/lock_stat.ts). */
declare const CONFIG_MMAP_SEM: i32;
declare const CONFIG_PAGE_BIT: i32;
declare const CONFIG_LOCK_STAT: i32;
/** Who tells secondary MMUs: a value of NOTIFIER_* in config.ts. */
declare const CONFIG_MMU_NOTIFIER: i32;
/** The patches of the notifier thread that the kernel has: PATCH_* bits of config.ts. */
declare const CONFIG_MMN_PATCHES: i32;
/** 1 in builds that check themselves: poison, lock order, invariants. */
declare const CONFIG_CHECK: i32;
/** 1 where the explorer runs a lock of the lab: one instance for all CPUs (src/lab/compile.ts). */
declare const CONFIG_EXPLORED: i32;

/** Marks a field that several CPUs change with atomic operations. */
declare function atomic(target: any, propertyKey: string): void;
/** Marks a field that may be changed only while the named lock is held. */
declare function guarded(lock: string): (target: any, propertyKey: string) => void;
