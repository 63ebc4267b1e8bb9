// A device holds a page of a process (get_user_pages) and writes to it by and by. Reclaim swaps the page meanwhile; the
// process stores to it, finds it in the swap cache with a reference too many, and gets a copy: what the device
// writes is lost. So try_to_unmap leaves a page alone that has more references than PTEs, the cache and reclaim.
//
// rmap-history 6.16.

import { MmStruct, Task } from "../layout/structs.gen.ts";
import { getI32 } from "../layout/view.ts";
import { defineScenario } from "./scenario.ts";
import { DISK_BLOCKS, ownerAndReclaim } from "./swap-scene.ts";

export const swapPin = defineScenario<{ at: number; page: number }>({
  name: "swap-pin",
  title: "reclaim of a page that a device holds, and a store to it",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-gup-guard"],
  diskBlocks: DISK_BLOCKS,
  setup: ownerAndReclaim,
  programs: [
    (task, { at }) => {
      const { k } = task.cpu;
      const mm = getI32(task.cpu, task.address + Task.mm);
      k.down_read(mm + MmStruct.mmap_sem_0);
      const held = k.get_user_page(mm, at, 1);
      k.up_read(mm + MmStruct.mmap_sem_0);
      // Long ago: the page does not look used any more.
      k.page_referenced(held, 1);
      task.store32(at, 2);
      const now = k.follow_page(at);
      const same = now === held || now === 0;
      if (now !== 0) k.put_page(now);
      k.put_page(held);
      if (!same) throw new Error("the device holds a page that the process no longer has");
    },
    ({ cpu }, { page }) => {
      cpu.k.shrink_page(page);
    },
  ],
});
