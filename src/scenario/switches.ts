// Measures against races that a machine of the explorer can be booted without, by the names of the
// command line. The kernel's side is assembly/arch/fixes.ts.

import {
  FIX_ANON_VMA_RECHECK,
  FIX_BIT_UNLOCK,
  FIX_FLUSH_BEFORE_FREE,
  FIX_MAPCOUNT,
  FIX_PTE_SAME,
  FIX_SHOOTDOWN,
  FIX_WRITE_PROTECT,
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
} as const;

/** Name of a switch. */
export type SwitchName = keyof typeof SWITCHES_OFF;

/** The word for BootParams.without. */
export const withoutMask = (names: readonly SwitchName[]): number =>
  names.reduce((mask, name) => mask | SWITCHES_OFF[name], 0);
