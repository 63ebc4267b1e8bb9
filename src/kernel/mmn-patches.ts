// The twelve patches of the thread "mmu notifier #v13", 22 April 2008, as far as each is something by itself:
// mmn-v13+i-mmap-sem+mm-lock-sem. 01 is mmn-v13; 02 repaired a header of ia64. What one needs of another is also refused by
// assembly/notifier/config.ts. See docs/notifiers.md.

import type { KernelPatch, PatchSeries } from "./patch.ts";
import type { KernelSettings } from "./variant.ts";

interface Rest {
  readonly name: string;
  readonly source: string;
  readonly meaning: string;
  readonly needs?: NonNullable<KernelPatch["needs"]>;
}

/** Patch `number` of the thread. */
const patch = (number: number, rest: Rest): KernelPatch => ({
  ...rest,
  alias: `patch${String(number).padStart(2, "0")}`,
  settings: { CONFIG_MMN_PATCHES: 2 ** (number - 3) },
});

const CONTENDED = "there is no semaphore that could be asked whether somebody waits";

/** 04, 05, 06, 08, 09 and 10. */
const NEEDED_TO_SLEEP = 0b1110_1110;

/** True for a kernel whose notifiers may sleep wherever their methods are called. */
export const methodsMaySleep = ({ CONFIG_MMN_PATCHES: bits = 0 }: KernelSettings): boolean =>
  (bits & NEEDED_TO_SLEEP) === NEEDED_TO_SLEEP;

/** See the head of the file. */
export const MMN_SERIES: PatchSeries = {
  kernel: "mmn-v13",
  all: "all",
  patches: [
    patch(3, {
      name: "get-task-mm",
      source: "8550137675",
      meaning: "get_task_mm refuses an mm whose last user has gone",
    }),
    patch(4, {
      name: "outside-ptl",
      source: "8030992890",
      meaning: "methods of single pages are called when page_table_lock is free again",
    }),
    patch(5, {
      name: "free-pgtables-gather",
      source: "8186868713",
      meaning: "page tables are freed in an mmu_gather of their own, with a flush more",
    }),
    patch(6, {
      name: "unmap-vmas-gather",
      source: "8120803378",
      needs: [{ patch: "free-pgtables-gather", reason: "free_pgtables would have no mmu_gather" }],
      meaning: "the mmu_gather of an unmap is opened inside the methods of its range",
    }),
    patch(7, {
      name: "rwsem-contended",
      source: "8346254545",
      needs: [{ patch: "i-mmap-sem", reason: CONTENDED }],
      meaning: "truncation makes way for who waits for i_mmap_sem",
    }),
    patch(8, {
      name: "i-mmap-sem",
      source: "7984872438",
      needs: [{ patch: "mm-lock-sem", reason: "mm_lock would take spinlocks that are gone" }],
      meaning: "i_mmap_lock is a reader-writer semaphore",
    }),
    patch(9, {
      name: "anon-vma-sem",
      source: "8046441654",
      needs: [{ patch: "i-mmap-sem", reason: "vma_adjust would sleep inside i_mmap_lock" }],
      meaning: "anon_vma.lock is another, and an anon_vma is counted",
    }),
    patch(10, {
      name: "mm-lock-sem",
      source: "8062127078",
      needs: [{ patch: "i-mmap-sem", reason: "there is no semaphore that mm_lock could take" }],
      meaning: "mm_lock takes semaphores",
    }),
    patch(11, {
      name: "zap-export",
      source: "8072625392",
      meaning: "clients may call zap_page_range",
    }),
    patch(12, {
      name: "mmap-sem-order",
      source: "8206826077",
      meaning: "who needs two mmap_sems takes the one at the lower address first",
    }),
  ],
};
