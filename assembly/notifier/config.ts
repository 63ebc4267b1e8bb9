// Names for the values of CONFIG_MMU_NOTIFIER and CONFIG_MMN_PATCHES, and a compile-time refusal of what never was.

import { KERNEL_2_6_9 } from "../config";

/** CONFIG_MMU_NOTIFIER: no secondary MMU is told anything. */
export const NOTIFIER_NONE: i32 = 0;
/** CONFIG_MMU_NOTIFIER: patch 01 of the thread of 2008, v13. */
export const NOTIFIER_V13: i32 = 1;
/** CONFIG_MMU_NOTIFIER: as merged in 2.6.27. */
export const NOTIFIER_MERGED: i32 = 2;

/** CONFIG_MMN_PATCHES, 04: methods of single pages outside page_table_lock. */
export const MMN_OUTSIDE_PTL: i32 = 1;
/** CONFIG_MMN_PATCHES, 06: unmap_vmas opens its mmu_gather inside the methods of a range. */
export const MMN_UNMAP_VMAS_GATHER: i32 = 4;

if (CONFIG_MMU_NOTIFIER < NOTIFIER_NONE || CONFIG_MMU_NOTIFIER > NOTIFIER_MERGED)
  ERROR("CONFIG_MMU_NOTIFIER is 0 (none), 1 (v13 of the thread) or 2 (as merged in 2.6.27)");
if (CONFIG_MMU_NOTIFIER != NOTIFIER_NONE && CONFIG_KERNEL != KERNEL_2_6_9)
  ERROR("notifiers are built upon 2.6.9: set CONFIG_KERNEL=20609");
if (CONFIG_MMN_PATCHES != 0 && CONFIG_MMU_NOTIFIER != NOTIFIER_V13)
  ERROR("the patches of the thread are for v13: set CONFIG_MMU_NOTIFIER=1");
if ((CONFIG_MMN_PATCHES & ~(MMN_OUTSIDE_PTL | MMN_UNMAP_VMAS_GATHER)) != 0)
  ERROR("CONFIG_MMN_PATCHES is the sum of 1 (patch 04) and 4 (patch 06): the others are not built");
