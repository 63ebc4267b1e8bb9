// A thread stores to a page, again and again; reclaim swaps it. The PTE is cleared, and the translation is flushed
// everywhere, before the page is written: a store comes before the write, or it faults and brings the page back.
//
// I-TLB; rmap-history 1d.6.

import { defineScenario, expectEqual } from "./scenario.ts";
import { DISK_BLOCKS, ownerAndReclaim } from "./swap-scene.ts";

export const swapStore = defineScenario<{ at: number; page: number }>({
  name: "swap-store",
  title: "stores to a page that is swapped",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-unmap-flush"],
  diskBlocks: DISK_BLOCKS,
  setup: ownerAndReclaim,
  programs: [
    (task, { at }) => {
      task.store32(at, 2);
      task.store32(at + 4, 3);
      expectEqual("the first word", task.load32(at), 2);
    },
    ({ cpu }, { page }) => {
      cpu.k.shrink_page(page);
    },
  ],
});
