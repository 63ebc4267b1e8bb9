// Names for the values of CONFIG_MMU_NOTIFIER and CONFIG_MMN_PATCHES, and a compile-time refusal of what never was.
//
// The thread of April 2008 had twelve patches. 01 is mmn-v13; 02 repaired a header of ia64. Each of the others is a
// bit; 2.6.27 has none of them, but refuses what 03 refuses. docs/notifiers.md has what each changes.

import { KERNEL_2_6_9 } from "../config";

/** CONFIG_MMU_NOTIFIER: no secondary MMU is told anything. */
export const NOTIFIER_NONE: i32 = 0;
/** CONFIG_MMU_NOTIFIER: patch 01 of the thread of 2008, v13. */
export const NOTIFIER_V13: i32 = 1;
/** CONFIG_MMU_NOTIFIER: as merged in 2.6.27. */
export const NOTIFIER_MERGED: i32 = 2;

/** CONFIG_MMN_PATCHES, 03: get_task_mm refuses an mm without users. */
export const MMN_GET_TASK_MM: i32 = 1;
/** CONFIG_MMN_PATCHES, 04: methods of single pages outside page_table_lock. */
export const MMN_OUTSIDE_PTL: i32 = 2;
/** CONFIG_MMN_PATCHES, 05: free_pgtables has an mmu_gather of its own. */
export const MMN_FREE_PGTABLES_GATHER: i32 = 4;
/** CONFIG_MMN_PATCHES, 06: unmap_vmas opens its mmu_gather inside the methods of a range. */
export const MMN_UNMAP_VMAS_GATHER: i32 = 8;
/** CONFIG_MMN_PATCHES, 07: truncation makes way for who waits for the list of the file's VMAs. */
export const MMN_RWSEM_CONTENDED: i32 = 16;
/** CONFIG_MMN_PATCHES, 08: i_mmap_lock is a semaphore. */
export const MMN_I_MMAP_SEM: i32 = 32;
/** CONFIG_MMN_PATCHES, 09: anon_vma.lock is a semaphore, and an anon_vma is counted. */
export const MMN_ANON_VMA_SEM: i32 = 64;
/** CONFIG_MMN_PATCHES, 10: mm_lock takes semaphores. */
export const MMN_MM_LOCK_SEM: i32 = 128;
/** CONFIG_MMN_PATCHES, 11: clients may call zap_page_range. */
export const MMN_ZAP_EXPORT: i32 = 256;
/** CONFIG_MMN_PATCHES, 12: who needs two mmap_sems takes the one at the lower address first. */
export const MMN_MMAP_SEM_ORDER: i32 = 512;
const MMN_ALL: i32 = 1023;

/** i_mmap_lock is i_mmap_sem. */
export const I_MMAP_SLEEPS: bool = (CONFIG_MMN_PATCHES & MMN_I_MMAP_SEM) != 0;
/** anon_vma.lock is anon_vma.sem. */
export const ANON_VMA_SLEEPS: bool = (CONFIG_MMN_PATCHES & MMN_ANON_VMA_SEM) != 0;

if (CONFIG_MMU_NOTIFIER < NOTIFIER_NONE || CONFIG_MMU_NOTIFIER > NOTIFIER_MERGED)
  ERROR("CONFIG_MMU_NOTIFIER is 0 (none), 1 (v13 of the thread) or 2 (as merged in 2.6.27)");
if (CONFIG_MMU_NOTIFIER != NOTIFIER_NONE && CONFIG_KERNEL != KERNEL_2_6_9)
  ERROR("notifiers are built upon 2.6.9: set CONFIG_KERNEL=20609");
if (CONFIG_MMN_PATCHES != 0 && CONFIG_MMU_NOTIFIER != NOTIFIER_V13)
  ERROR("the patches of the thread are for v13: set CONFIG_MMU_NOTIFIER=1");
if ((CONFIG_MMN_PATCHES & ~MMN_ALL) != 0)
  ERROR("CONFIG_MMN_PATCHES is a sum of bits: 1 (patch 03), 2 (04), 4 (05) to 512 (12)");
// What free_pgtables takes away needs a gather, which is no longer its caller's.
if (
  (CONFIG_MMN_PATCHES & MMN_UNMAP_VMAS_GATHER) != 0 &&
  (CONFIG_MMN_PATCHES & MMN_FREE_PGTABLES_GATHER) == 0
)
  ERROR("patch 06 needs 05: free_pgtables would have no mmu_gather");
// Only a semaphore can be asked whether somebody waits.
if ((CONFIG_MMN_PATCHES & MMN_RWSEM_CONTENDED) != 0 && !I_MMAP_SLEEPS)
  ERROR("patch 07 needs 08: there is no semaphore that could be asked");
// vma_adjust takes the one inside the other.
if (ANON_VMA_SLEEPS && !I_MMAP_SLEEPS)
  ERROR("patch 09 needs 08: vma_adjust would sleep inside i_mmap_lock");
if (I_MMAP_SLEEPS != ((CONFIG_MMN_PATCHES & MMN_MM_LOCK_SEM) != 0))
  ERROR("patches 08 and 10 need each other: mm_lock takes what i_mmap_lock is");
