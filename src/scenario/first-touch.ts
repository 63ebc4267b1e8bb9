// Two threads touch neighbouring pages of a fresh mapping: both find that its VMA has no anon_vma.
// One of them must win, and the other must see it: anon_vma_prepare under page_table_lock, with a
// second look. Also the first PTEs of a table that neither has yet.

import { PAGE, defineScenario, expectEqual, twoThreads } from "./scenario.ts";

export const firstTouch = defineScenario<{ at: number }>({
  name: "first-touch",
  title: "two threads touch neighbouring pages of a VMA that has no anon_vma yet",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["unlocked-anon-vma-prepare"],
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 2);
    return { tasks: [first, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, 1);
    },
    (task, { at }) => {
      task.store32(at + PAGE, 2);
      expectEqual("the second page", task.load32(at + PAGE), 2);
    },
  ],
  check(machine, { tasks: [task], state: { at } }) {
    if (task === undefined) return undefined;
    const words = machine.run(task, () => [task.load32(at), task.load32(at + PAGE)]);
    return words.join() === "1,2"
      ? undefined
      : `the pages hold ${words.join(" and ")}, not 1 and 2`;
  },
});
