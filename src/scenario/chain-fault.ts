// Two threads write to the same page for the first time. In 2.6.6 each brings an element for the page's chain, allocated
// before page_table_lock is taken: page_add_rmap runs under spinlocks and cannot wait for memory. Who asks for it when
// the PTE has been looked at must drop the lock to wait, and what it saw is no longer so.

import { defineScenario, twoThreads } from "./scenario.ts";

export const chainFault = defineScenario<{ at: number }>({
  name: "chain-fault",
  title: "two threads touch one page first, each with an element for its chain of PTEs",
  kernels: ["2.6.6"],
  switches: ["late-spare"],
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 1);
    return { tasks: [first, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, 1);
    },
    (task, { at }) => {
      task.store32(at + 4, 2);
    },
  ],
});
