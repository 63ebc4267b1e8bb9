// What CONFIG_* values come to, and a compile-time refusal of kernels that cannot be.
//
// asconfig.json gives every target its CONFIG_* values, a variant replaces some of them
// (src/kernel/catalogue.ts). A branch on one of them is folded, and the branch not taken is not
// compiled, so a variant costs nothing at run time. Left out: defaults. A target that forgets a value
// does not compile.
//
// The five patches of August 2004 that made 2.6.9 of 2.6.8 are one value each, 0 or 1. In 2.6.8 all
// are 0, in 2.6.9 all are 1. What a patch needs of another is refused here, with the reason.

import {
  PATCH_ANON_IN_MAPPING,
  PATCH_KILL_PAGE_MAP_LOCK,
  PATCH_MM_LOCK_ORDERING,
  PATCH_SWAPOFF_ANON_VMA,
  PATCH_TYPESAFE_SLAB,
  RMAP_ANONMM,
  RMAP_ANON_VMA,
  RMAP_PTE_CHAIN,
} from "./config_rmap";

/** CONFIG_KERNEL: the version as one number, major * 10000 + minor * 100 + patch. */
export const KERNEL_2_6_6: i32 = 20606;
export const KERNEL_2_6_8: i32 = 20608;
export const KERNEL_2_6_9: i32 = 20609;

/** CONFIG_SPINLOCK: test, then test-and-set; no order among the waiters. */
export const SPINLOCK_TTAS: i32 = 1;
/** CONFIG_SPINLOCK: tickets, first come, first served. */
export const SPINLOCK_TICKET: i32 = 2;
/** CONFIG_SPINLOCK: a queue of nodes. */
export const SPINLOCK_MCS: i32 = 3;
/** CONFIG_SPINLOCK: test-and-set. */
export const SPINLOCK_TAS: i32 = 4;
/** CONFIG_SPINLOCK: test and test-and-set with exponential backoff. */
export const SPINLOCK_BACKOFF: i32 = 5;
/** CONFIG_SPINLOCK: tickets with proportional backoff. */
export const SPINLOCK_TICKET_PROP: i32 = 6;
/** CONFIG_SPINLOCK: a queue with one word for each CPU. */
export const SPINLOCK_HEMLOCK: i32 = 7;
/** CONFIG_SPINLOCK: a pending bit, then an MCS queue. */
export const SPINLOCK_QSPINLOCK: i32 = 8;
/** CONFIG_SPINLOCK: one bit of the word. */
export const SPINLOCK_BIT: i32 = 9;
/** The last of them. CONFIG_PTL_LOCK, CONFIG_ANON_VMA_LOCK, CONFIG_I_MMAP_LOCK: one of them, or 0. */
const SPINLOCK_LAST: i32 = 9;

/** CONFIG_MMAP_SEM: a semaphore in order of arrival. */
export const MMAP_SEM_RWSEM: i32 = 1;
/** CONFIG_MMAP_SEM: who waits spins first. */
export const MMAP_SEM_RWSEM_SPIN: i32 = 2;
/** CONFIG_MMAP_SEM: one at a time, readers too. */
export const MMAP_SEM_MUTEX: i32 = 3;

/** CONFIG_PAGE_BIT: PG_maplock is a bit. */
export const PAGE_BIT_BIT: i32 = 0;
/** CONFIG_PAGE_BIT: the same, with exponential backoff. */
export const PAGE_BIT_BACKOFF: i32 = 1;
/** CONFIG_PAGE_BIT: this and a SPINLOCK_*: a table of such locks. */
export const PAGE_BIT_HASHED: i32 = 16;

/** CONFIG_RECLAIM_LOCKS: who comes from a page tries page_table_lock and i_mmap_lock. */
export const RECLAIM_TRIES: i32 = 1;
/** CONFIG_RECLAIM_LOCKS: who comes from a page waits for them. */
export const RECLAIM_SPINS: i32 = 2;

/** The patches that this kernel has. */
export const PATCHES: u32 =
  CONFIG_ANON_IN_MAPPING * PATCH_ANON_IN_MAPPING +
  CONFIG_KILL_PAGE_MAP_LOCK * PATCH_KILL_PAGE_MAP_LOCK +
  CONFIG_TYPESAFE_SLAB * PATCH_TYPESAFE_SLAB +
  CONFIG_MM_LOCK_ORDERING * PATCH_MM_LOCK_ORDERING +
  CONFIG_SWAPOFF_ANON_VMA * PATCH_SWAPOFF_ANON_VMA;
const ALL_PATCHES: u32 = 31;

if (
  CONFIG_KERNEL != KERNEL_2_6_6 &&
  CONFIG_KERNEL != KERNEL_2_6_8 &&
  CONFIG_KERNEL != KERNEL_2_6_9
)
  ERROR("CONFIG_KERNEL names no kernel: 20606, 20608 or 20609");
if (
  CONFIG_RMAP != RMAP_PTE_CHAIN &&
  CONFIG_RMAP != RMAP_ANONMM &&
  CONFIG_RMAP != RMAP_ANON_VMA
)
  ERROR("CONFIG_RMAP names no reverse map: 1 (pte_chains), 2 (anonmm) or 3 (anon_vma)");
if (CONFIG_SPINLOCK < SPINLOCK_TTAS || CONFIG_SPINLOCK > SPINLOCK_LAST)
  ERROR("CONFIG_SPINLOCK names no spinlock: 1 (ttas) to 9 (bit)");
if (
  CONFIG_PTL_LOCK < 0 ||
  CONFIG_PTL_LOCK > SPINLOCK_LAST ||
  CONFIG_ANON_VMA_LOCK < 0 ||
  CONFIG_ANON_VMA_LOCK > SPINLOCK_LAST ||
  CONFIG_I_MMAP_LOCK < 0 ||
  CONFIG_I_MMAP_LOCK > SPINLOCK_LAST
)
  ERROR("the lock of a class is 0 (that of the others) or a spinlock, 1 (ttas) to 9 (bit)");
if (CONFIG_MMAP_SEM < MMAP_SEM_RWSEM || CONFIG_MMAP_SEM > MMAP_SEM_MUTEX)
  ERROR("CONFIG_MMAP_SEM names no semaphore: 1 (rwsem), 2 (rwsem-spin) or 3 (mutex)");
if (
  CONFIG_PAGE_BIT < 0 ||
  (CONFIG_PAGE_BIT > PAGE_BIT_BACKOFF && CONFIG_PAGE_BIT <= PAGE_BIT_HASHED) ||
  CONFIG_PAGE_BIT > PAGE_BIT_HASHED + SPINLOCK_LAST
)
  ERROR("CONFIG_PAGE_BIT is 0 (bit), 1 (bit-backoff), or 16 and a spinlock: a table of such locks");
if (CONFIG_PAGE_BIT != PAGE_BIT_BIT && CONFIG_KILL_PAGE_MAP_LOCK)
  ERROR("pages of this kernel have no bit lock (page_bit): kill-page-map-lock has taken it away");
if (CONFIG_LOCK_STAT != 0 && CONFIG_LOCK_STAT != 1) ERROR("CONFIG_LOCK_STAT is 0 (off) or 1 (on)");
if (CONFIG_RECLAIM_LOCKS != RECLAIM_TRIES && CONFIG_RECLAIM_LOCKS != RECLAIM_SPINS)
  ERROR("CONFIG_RECLAIM_LOCKS names no way to take locks: 1 (trylock) or 2 (spin)");
if (CONFIG_NRPTE != 7 && CONFIG_NRPTE != 15 && CONFIG_NRPTE != 31)
  ERROR("CONFIG_NRPTE is 7, 15 or 31: PTEs in an element that fills 32, 64 or 128 bytes");
if (CONFIG_CHECK != 0 && CONFIG_CHECK != 1) ERROR("CONFIG_CHECK is 0 (off) or 1 (on)");
if (
  (CONFIG_ANON_IN_MAPPING != 0 && CONFIG_ANON_IN_MAPPING != 1) ||
  (CONFIG_KILL_PAGE_MAP_LOCK != 0 && CONFIG_KILL_PAGE_MAP_LOCK != 1) ||
  (CONFIG_TYPESAFE_SLAB != 0 && CONFIG_TYPESAFE_SLAB != 1) ||
  (CONFIG_MM_LOCK_ORDERING != 0 && CONFIG_MM_LOCK_ORDERING != 1) ||
  (CONFIG_SWAPOFF_ANON_VMA != 0 && CONFIG_SWAPOFF_ANON_VMA != 1)
)
  ERROR("a patch is 0 (off) or 1 (on)");

if (CONFIG_KERNEL == KERNEL_2_6_6 && CONFIG_RMAP == RMAP_ANON_VMA)
  ERROR("2.6.6 has no anon_vma: set CONFIG_RMAP=1 (pte_chains) or 2 (anonmm)");
if (CONFIG_KERNEL != KERNEL_2_6_6 && CONFIG_RMAP != RMAP_ANON_VMA)
  ERROR("2.6.8 and 2.6.9 find anonymous pages by anon_vma: set CONFIG_RMAP=3");
if (CONFIG_RMAP != RMAP_ANON_VMA && PATCHES != 0)
  ERROR("the five patches change the reverse map by anon_vma: it needs CONFIG_RMAP=3");
if (CONFIG_KERNEL == KERNEL_2_6_9 && PATCHES != ALL_PATCHES)
  ERROR("2.6.9 has all five patches: begin with 2.6.8 to have some of them");
// Without a lock nothing keeps PG_anon and page->mapping in step.
if (CONFIG_KILL_PAGE_MAP_LOCK && !CONFIG_ANON_IN_MAPPING)
  ERROR("kill-page-map-lock needs anon-in-mapping: no lock would keep PG_anon and mapping in step");
// Faults take PG_maplock inside page_table_lock.
if (CONFIG_MM_LOCK_ORDERING && !CONFIG_KILL_PAGE_MAP_LOCK)
  ERROR("mm-lock-ordering needs kill-page-map-lock: who holds PG_maplock must not wait for others");
// With PG_maplock a page forgets its mapping with its last PTE.
if (CONFIG_SWAPOFF_ANON_VMA && !CONFIG_KILL_PAGE_MAP_LOCK)
  ERROR("swapoff-anon-vma needs kill-page-map-lock: a page on swap would have no mapping left");
// Faults take anon_vma.lock inside page_table_lock.
if (CONFIG_RECLAIM_LOCKS == RECLAIM_SPINS && !CONFIG_MM_LOCK_ORDERING)
  ERROR("CONFIG_RECLAIM_LOCKS=2 needs mm-lock-ordering: reclaim and faults would deadlock");
