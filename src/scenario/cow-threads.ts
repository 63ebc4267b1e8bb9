// Three threads of one process and a page that was only read, so that it maps the zero page. One
// thread stores to it and breaks COW; another stores to the copy and says so in a second page; the third,
// which has the old page in its TLB, must then find that store.

import { PAGE, defineScenario, expectEqual } from "./scenario.ts";

const SAID = 1;
const STORED = 7;

export const cowThreads = defineScenario<{ at: number }>({
  name: "cow-threads",
  title: "COW in one thread, a store to the copy in another, loads in a third",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-flush-before-set"],
  setup(machine) {
    const first = machine.spawn(0);
    const tasks = [first, machine.clone(first, 1), machine.clone(first, 2)];
    const at = machine.run(first, (task) =>
      task.mmap({ length: 2 * PAGE, read: true, write: true }),
    );
    for (const each of tasks) {
      machine.run(each, (task) => {
        task.load32(at);
        task.store32(at + PAGE, 0);
      });
    }
    return { tasks, state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, STORED);
    },
    (task, { at }) => {
      task.store32(at + 4, STORED);
      task.store32(at + PAGE, SAID);
    },
    (task, { at }) => {
      if (task.load32(at + PAGE) === SAID) {
        expectEqual("the word that was stored", task.load32(at + 4), STORED);
      }
    },
  ],
});
