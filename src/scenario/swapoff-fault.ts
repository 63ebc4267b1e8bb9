// A thread faults on a page on swap and has found it in the swap cache. Before it has locked the page another thread
// empties the swap area, stores to the page and has it swapped again: to the same slot. So the PTE says what it said
// before, and the page that was found is an old one. Under the page lock it is looked at again.
//
// races.md R15 and R36: Linux asks since 2.6.36.

import { PAGE, defineScenario, twoThreads } from "./scenario.ts";
import { DISK_BLOCKS, pageForReclaim, swapOut } from "./swap-scene.ts";

export const swapoffFault = defineScenario<{ at: number }>({
  name: "swapoff-fault",
  title: "a fault on a page on swap, and swapoff, swapon and another swap to the same slot",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-swap-recheck"],
  diskBlocks: DISK_BLOCKS,
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 1);
    machine.run(second, (task) => {
      task.swapon({ length: PAGE });
      task.store32(at, 1);
      swapOut(task, at);
    });
    return { tasks: [first, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.load32(at);
    },
    (task, { at }) => {
      task.swapoff(0);
      task.swapon({ length: PAGE });
      task.store32(at, 2);
      const page = pageForReclaim(task, at);
      if (page !== 0) task.cpu.k.shrink_page(page);
    },
  ],
});
