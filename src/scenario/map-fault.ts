// One thread maps and unmaps next to a mapping in which another thread faults: VMAs come, go and
// merge, page tables are freed, while the fault looks for its VMA. mmap_sem keeps them apart.

import { PAGE, defineScenario, expectEqual, twoThreads } from "./scenario.ts";

export const mapFault = defineScenario<{ at: number }>({
  name: "map-fault",
  title: "mmap and munmap in one thread, faults beside them in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["unlocked-anon-vma-prepare"],
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 2);
    return { tasks: [first, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      const hint = at + 2 * PAGE;
      const own = task.mmap({ length: PAGE, read: true, write: true, hint, fixed: true });
      task.store32(own, 1);
      expectEqual("the page of the first thread", task.load32(own), 1);
      task.munmap(own, PAGE);
    },
    (task, { at }) => {
      task.store32(at, 2);
      task.store32(at + PAGE, 3);
      expectEqual("the page of the second thread", task.load32(at), 2);
    },
  ],
  check(machine, { tasks: [task], state: { at } }) {
    if (task === undefined) return undefined;
    const words = machine.run(task, () => [task.load32(at), task.load32(at + PAGE)]);
    return words.join() === "2,3"
      ? undefined
      : `the pages hold ${words.join(" and ")}, not 2 and 3`;
  },
});
