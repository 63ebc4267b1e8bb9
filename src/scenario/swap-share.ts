// Two processes have a page on swap that they share since a fork. Both bring it back, one to write to it: it may do so
// in place only if nobody else refers to the page or to its slot; else the other one reads what it has stored.
//
// can_share_swap_page; I-COW.

import { PAGE, defineScenario, expectEqual, sharedByFork } from "./scenario.ts";
import { DISK_BLOCKS, swapOut } from "./swap-scene.ts";

export const swapShare = defineScenario<{ at: number }>({
  name: "swap-share",
  title: "two processes share a page on swap: a store in one, a load in the other",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-share-check"],
  diskBlocks: DISK_BLOCKS,
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    machine.run(parent, (task) => {
      task.swapon({ length: PAGE });
      swapOut(task, at);
    });
    return { tasks: [parent, child], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.load32(at);
      // A page in a pagevec has a reference more, and would be copied for that.
      task.cpu.k.lru_add_drain();
      task.store32(at, 5);
      expectEqual("the parent's word", task.load32(at), 5);
    },
    (task, { at }) => {
      expectEqual("the child's word", task.load32(at), 1);
    },
  ],
});
