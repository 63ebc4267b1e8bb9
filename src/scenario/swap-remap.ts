// A page in the swap cache that one process maps and another has as a swap PTE. The first unmaps it: the last PTE goes.
// The second brings it back: the first PTE comes, and says where the page belongs. A last unmap that clears
// page->mapping may do so after that.
//
// races.md R02; rmap-history 6.1: "last remove no longer clears mapping".

import { PAGE, defineScenario, expectEqual, sharedByFork } from "./scenario.ts";
import { DISK_BLOCKS, swapOut } from "./swap-scene.ts";

export const swapRemap = defineScenario<{ at: number }>({
  name: "swap-remap",
  title: "a page of the swap cache is unmapped in one process and mapped in another",
  kernels: ["2.6.9"],
  switches: ["remove-clears-mapping", "plain-mapcount", "test-then-count"],
  diskBlocks: DISK_BLOCKS,
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    machine.run(parent, (task) => {
      task.swapon({ length: PAGE });
      swapOut(task, at);
      task.load32(at);
    });
    return { tasks: [parent, child], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
    (task, { at }) => {
      expectEqual("the child's word", task.load32(at), 1);
    },
  ],
});
