// mprotect splits a VMA of a file in one process while another walks from the file's second page to all
// PTEs that map it. Where a page lies follows from start and offset of the VMA together, and the tree
// is ordered by the offset: both change under i_mmap_lock, or the walk looks in the wrong place.

import { PAGE, defineScenario, expectEqual, mappedFile } from "./scenario.ts";

export const splitWalk = defineScenario<{ at: number }>({
  name: "split-walk",
  title: "mprotect splits a VMA of a file, a walk of the reverse map in another process",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["unlocked-split"],
  setup(machine) {
    const parent = machine.spawn(0);
    const at = machine.run(parent, (task) => {
      const mapped = mappedFile(task, 2);
      task.load32(mapped.at + PAGE);
      task.closeFile(mapped.file);
      return mapped.at;
    });
    const child = machine.fork(parent, 1);
    machine.run(child, (task) => task.load32(at + PAGE));
    return { tasks: [parent, child], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.mprotect(at, PAGE, { read: true });
    },
    ({ cpu }, { at }) => {
      const missing = cpu.k.rmap_missing(at + PAGE);
      expectEqual("the number of PTEs that the walk does not find", missing, 0);
    },
  ],
});
