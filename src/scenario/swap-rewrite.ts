// Reclaim writes a page to its slot, and has unlocked it for that. Meanwhile the process brings the page back and unmaps
// it: nobody wants the slot any more, and the next page that is swapped gets it. What is still being written then must
// not come over what the other page has written: a page that is being written keeps its slot.
//
// PG_writeback.

import { PAGE, defineScenario, expectEqual } from "./scenario.ts";
import { DISK_BLOCKS, pageForReclaim } from "./swap-scene.ts";

export const swapRewrite = defineScenario<{ at: number; other: number; page: number }>({
  name: "swap-rewrite",
  title: "a page is unmapped while it is written to its slot, and another page is swapped",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-writeback-mark"],
  diskBlocks: DISK_BLOCKS,
  setup(machine) {
    const owner = machine.spawn(0);
    const reclaim = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      task.swapon({ length: PAGE });
      const at = task.mmap({ length: PAGE, read: true, write: true });
      const hint = at + 16 * PAGE;
      const other = task.mmap({ length: PAGE, read: true, write: true, hint, fixed: true });
      task.store32(at, 1);
      task.store32(other, 2);
      return { at, other, page: pageForReclaim(task, at) };
    });
    return { tasks: [owner, reclaim], state };
  },
  programs: [
    (task, { at, other }) => {
      task.munmap(at, PAGE);
      const page = pageForReclaim(task, other);
      if (page !== 0) task.cpu.k.shrink_page(page);
      expectEqual("the other page", task.load32(other), 2);
    },
    ({ cpu }, { page }) => {
      cpu.k.shrink_page(page);
    },
  ],
});
