// What a machine can be booted without, so that the explorer shows what it is for: each bit takes
// one measure against a race away. BootParams.without holds the bits; the host sets them after
// boot. Only checking builds ask: elsewhere the question is folded to false and compiled away.

import { boot } from "./boot_params";

/** Frames are freed after the TLBs were flushed (mm/tlb_gather.ts). */
export const FIX_FLUSH_BEFORE_FREE: u32 = 1;
/** A flush reaches the TLBs of other CPUs too (mm/tlb_flush.ts). */
export const FIX_SHOOTDOWN: u32 = 2;
/** Fork write-protects the parent's PTE as well as the child's (mm/copy.ts). */
export const FIX_WRITE_PROTECT: u32 = 4;
/** A VMA gets its anon_vma under locks, after a second look (mm/anon_vma.ts). */
export const FIX_ANON_VMA_RECHECK: u32 = 8;
/** 2.6.9: _mapcount changes in one step. 2.6.8: under PG_maplock (rmap/). */
export const FIX_MAPCOUNT: u32 = 16;
/** A fault that has dropped page_table_lock compares the PTE again (mm/fault.ts). */
export const FIX_PTE_SAME: u32 = 32;
/** A bit lock is freed by an atomic that orders what came before (lock/bit_spinlock.ts). */
export const FIX_BIT_UNLOCK: u32 = 1024;

/** True if this machine does without `fix`. */
@inline
export function without(fix: u32): bool {
  return CONFIG_CHECK != 0 && (boot().without & fix) != 0;
}
