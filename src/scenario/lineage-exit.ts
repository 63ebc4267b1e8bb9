// Two processes of one lineage exit at once. Each drops the count of the lineage's head; who leaves last frees it, and
// finds out by the count, seen under the head's lock. The first form of anonmm looked when it had dropped the lock: both
// saw 1, and the head was freed twice.
//
// rmap-history 6.12.

import { defineScenario, sharedByFork } from "./scenario.ts";

export const lineageExit = defineScenario<{ at: number }>({
  name: "lineage-exit",
  title: "the last two processes of a lineage exit at once",
  kernels: ["anonmm"],
  switches: ["late-anonmm-count"],
  exits: true,
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    return { tasks: [parent, child], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.load32(at);
    },
    (task, { at }) => {
      task.load32(at);
    },
  ],
});
