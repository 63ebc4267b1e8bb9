// Fork in one thread while another stores to the page that is being shared. Until fork has
// flushed the TLBs the other thread may write through a writable entry; afterwards its stores go to
// a copy of its own. The child, which writes another page meanwhile, must see the page stand still; the
// parent must see every store.

import { PAGE, defineScenario, expectEqual, twoThreads } from "./scenario.ts";

const LAST = 3;

export const forkStore = defineScenario<{ at: number }>({
  name: "fork-store",
  title: "fork in one thread, stores to the same page in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-write-protect", "no-shootdown"],
  children: {
    reader: (task, at) => {
      const seen = task.load32(at);
      task.store32(at + PAGE, LAST);
      expectEqual("the child's page, read again,", task.load32(at), seen);
    },
  },
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 2);
    machine.run(second, (task) => {
      task.touch(at, 2 * PAGE);
    });
    return { tasks: [first, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.fork("reader", { args: [at] });
      task.wait();
    },
    (task, { at }) => {
      task.store32(at, 2);
      task.store32(at, LAST);
      expectEqual("the parent's page", task.load32(at), LAST);
    },
  ],
  check(machine, { tasks: [task], state: { at } }) {
    if (task === undefined) return undefined;
    const word = machine.run(task, () => task.load32(at));
    return word === LAST ? undefined : `the parent's page holds ${word}, not ${LAST}`;
  },
});
