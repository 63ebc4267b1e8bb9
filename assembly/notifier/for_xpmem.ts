// What XPMEM needed of the kernel besides methods that may sleep: patches 11 and 12 of the thread of 2008.
//
// 11: a driver may call zap_page_range, which was the kernel's own. 12: who needs the mmap_sems of two address
// spaces, that of a process and that of the one whose memory it reaches, takes the one at the lower address first.
// Among readers alone any order would do; but who comes behind a writer that waits, waits too. lockdep compares
// addresses.

import { FIX_MMAP_SEM_ORDER, without } from "../arch/fixes";
import { down_read, down_read_higher, up_read } from "../lock/rwsem";
import { MmStruct, mm_mmap_sem } from "../mm/mm_types";
import { zap_page_range } from "../mm/zap";
import { MMN_MMAP_SEM_ORDER, MMN_ZAP_EXPORT } from "./config";
import { has_patch } from "./context";

/** Unmaps [start, end) for a client; mmap_sem is held. False: this kernel does not let clients do that. */
export function client_zap_page_range(mm: MmStruct, start: f64, end: f64): bool {
  if (!has_patch(MMN_ZAP_EXPORT)) return false;
  zap_page_range(mm, <u64>(<i64>start), <u64>(<i64>end));
  return true;
}

/** Takes the mmap_sems of two address spaces for reading. False: in this kernel nobody holds two. May sleep. */
export function client_down_read_both(mine: MmStruct, other: MmStruct): bool {
  if (!has_patch(MMN_MMAP_SEM_ORDER)) return false;
  const is_lower = changetype<usize>(mine) < changetype<usize>(other);
  const mine_first = is_lower || without(FIX_MMAP_SEM_ORDER);
  down_read(mm_mmap_sem(mine_first ? mine : other));
  down_read_higher(mm_mmap_sem(mine_first ? other : mine));
  return true;
}

/** Ends client_down_read_both(). */
export function client_up_read_both(mine: MmStruct, other: MmStruct): void {
  up_read(mm_mmap_sem(mine));
  up_read(mm_mmap_sem(other));
}
