// Two processes share a page since a fork; one of them has two threads. A store in one thread breaks COW, and counts its
// own PTE out before it has changed it. The other process stores: if whether it may do so in place went by the number
// of PTEs, it would write to the page that the second thread still reads.
//
// rmap-history 6.18. 2.6.9 has that order, and is right: it goes by the references of the page, and the COW fault
// has one. From 2.6.24 on PTEs count, and the old page is counted out last.

import { defineScenario, expectEqual, sharedByFork } from "./scenario.ts";

const OF_PARENT = 5;
const OF_CHILD = 7;

export const cowReuse = defineScenario<{ at: number }>({
  name: "cow-reuse",
  title: "COW in one thread, a load in another, and a store of the other process in place",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["reuse-by-mapcount"],
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    const second = machine.clone(parent, 2);
    machine.run(second, (task) => {
      task.load32(at);
    });
    return { tasks: [parent, child, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, OF_PARENT);
    },
    (task, { at }) => {
      task.store32(at, OF_CHILD);
      expectEqual("the child's word", task.load32(at), OF_CHILD);
    },
    (task, { at }) => {
      const word = task.load32(at);
      if (word !== 1) expectEqual("the parent's word", word, OF_PARENT);
    },
  ],
});
