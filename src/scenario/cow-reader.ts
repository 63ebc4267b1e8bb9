// A thread stores to a page that it shares with a child since a fork, and then raises a flag. Another
// thread, which has the old page in its TLB, sees the flag: from then on it must see the store too. So a
// COW fault flushes the page that it replaces on all CPUs before it returns.

import { PAGE, defineScenario, expectEqual, twoThreads } from "./scenario.ts";

const OLD = 1;
const NEW = 2;

export const cowReader = defineScenario<{ at: number; flag: number }>({
  name: "cow-reader",
  title: "a store to a page shared since a fork, a thread that has the old page in its TLB",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-cow-flush"],
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 2);
    const flag = at + PAGE;
    machine.run(first, (task) => {
      task.store32(at, OLD);
    });
    machine.fork(first, 0);
    machine.run(first, (task) => {
      task.store32(flag, 0);
    });
    machine.run(second, (task) => task.load32(at));
    return { tasks: [first, second], state: { at, flag } };
  },
  programs: [
    (task, { at, flag }) => {
      task.store32(at, NEW);
      task.store32(flag, 1);
    },
    (task, { at, flag }) => {
      if (task.load32(flag) === 1) expectEqual("the page", task.load32(at), NEW);
    },
  ],
});
