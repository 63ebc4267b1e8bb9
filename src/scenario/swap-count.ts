// Two processes have a page on swap. One forks, which counts a user more of the slot; the other unmaps, which counts
// one less. The counts of an area change under its lock, or one of the two is lost.
//
// I-SWAP.

import { PAGE, defineScenario, expectEqual, sharedByFork } from "./scenario.ts";
import { DISK_BLOCKS, swapOut } from "./swap-scene.ts";

export const swapCount = defineScenario<{ at: number }>({
  name: "swap-count",
  title: "two processes share a page on swap: fork in one, unmap in the other",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["unlocked-swap-count", "no-fork-duplicate"],
  diskBlocks: DISK_BLOCKS,
  children: {
    reader: (task, at) => {
      expectEqual("the child's page", task.load32(at), 1);
    },
  },
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
      task.fork("reader", { args: [at] });
      task.wait();
    },
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
  ],
});
