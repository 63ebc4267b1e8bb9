// The first store to a VMA whose neighbour has an anon_vma: it joins that one, to merge one day. The
// list is shared with a child since a fork, and the child unmaps its own VMA at the same time: two
// processes change one list, and their page_table_locks say nothing to each other.

import { PAGE, defineScenario, expectEqual } from "./scenario.ts";

export const adoptUnmap = defineScenario<{ at: number; beside: number }>({
  name: "adopt-unmap",
  title: "a VMA joins its neighbour's anon_vma, a VMA of another process leaves it",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["unlocked-adoption"],
  setup(machine) {
    const parent = machine.spawn(0);
    const state = machine.run(parent, (task) => {
      const at = task.mmap({ length: 2 * PAGE, read: true, write: true });
      const beside = at + PAGE;
      const rest = { length: PAGE, hint: beside, fixed: true, read: true, write: true, exec: true };
      task.mmap(rest);
      task.store32(at, 1);
      return { at, beside };
    });
    return { tasks: [parent, machine.fork(parent, 1)], state };
  },
  programs: [
    (task, { beside }) => {
      task.store32(beside, 2);
      expectEqual("the page of the parent", task.load32(beside), 2);
    },
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
  ],
});
