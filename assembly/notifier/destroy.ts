// The end of what an mm has for its notifiers: with the struct itself, at the last mmdrop. Linux:
// mmu_notifier_mm_destroy of 2.6.27. No notifier is registered any more: each held mm_count.

import { NOTIFIER_MERGED } from "./config";
import { MmStruct } from "../mm/mm_types";
import { client_free } from "./client";
import { mm_has_notifiers } from "./types";

/** The struct of an mm goes: so does its MmuNotifierMm. Linux: mmu_notifier_mm_destroy. */
export function mmu_notifier_mm_destroy(mm: MmStruct): void {
  if (CONFIG_MMU_NOTIFIER != NOTIFIER_MERGED || !mm_has_notifiers(mm)) return;
  client_free(mm.mmu_notifier_mm);
  mm.mmu_notifier_mm = 0;
}
