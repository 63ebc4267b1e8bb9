// Two threads write different words of the same two pages: one that nobody has touched, and one that
// was read, so that it maps the zero page. Both fault, both drop page_table_lock to get a frame; the
// second one must find that the PTE is no longer what it was, and give its frame back.

import { defineScenario } from "./scenario.ts";

const PAGE = 4096;

export const samePage = defineScenario<{ at: number }>({
  name: "same-page",
  title: "two threads store to the same page, untouched or mapped to zeros",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-pte-same"],
  setup(machine) {
    const first = machine.spawn(0);
    const second = machine.clone(first, 1);
    const at = machine.run(first, (task) => {
      const start = task.mmap({ length: 3 * PAGE, read: true, write: true });
      task.store32(start + 2 * PAGE, 1);
      task.load32(start + PAGE);
      return start;
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
