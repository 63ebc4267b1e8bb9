// Two threads write different words of the same two pages: one that nobody has touched, and one that
// was read, so that it maps the zero page. Both fault, both drop page_table_lock to get a frame; the
// second one must find that the PTE is no longer what it was, and give its frame back.

import { PAGE, defineScenario, twoThreads } from "./scenario.ts";

export const samePage = defineScenario<{ at: number }>({
  name: "same-page",
  title: "two threads store to the same page, untouched or mapped to zeros",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-pte-same"],
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 3);
    machine.run(first, (task) => {
      task.store32(at + 2 * PAGE, 1);
      task.load32(at + PAGE);
    });
    return { tasks: [first, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, 1);
      task.store32(at + PAGE, 3);
    },
    (task, { at }) => {
      task.store32(at + 4, 2);
      task.store32(at + PAGE + 4, 4);
    },
  ],
  check(machine, { tasks: [task], state: { at } }) {
    if (task === undefined) return undefined;
    const places = [at, at + 4, at + PAGE, at + PAGE + 4];
    const words = machine.run(task, () => places.map((place) => task.load32(place)));
    return words.join() === "1,2,3,4" ? undefined : `a store was lost: ${words.join(", ")}`;
  },
});
