// A secondary MMU is registered while a file that the process maps is truncated, which takes no mmap_sem. A
// notifier that comes in the middle of a range has not been told of its start, and is told of its end: its count
// of ranges falls below 0, or it has mapped what the range takes away. So registration takes every lock that a
// range is under: mm_lock, or mm_take_all_locks.
//
// rmap-history 6.23.

import { guestLoad } from "./guest.ts";
import { defineScenario, mappedFile } from "./scenario.ts";

export const registerTruncate = defineScenario<{ at: number; file: number }>({
  name: "register-truncate",
  title: "a secondary MMU is registered in one process, ftruncate in another",
  kernels: ["2.6.27"],
  others: ["mmn-v13"],
  switches: ["unlocked-register"],
  setup(machine) {
    const owner = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      const mapped = mappedFile(task, 1);
      task.load32(mapped.at);
      return mapped;
    });
    return { tasks: [machine.spawn(0), owner], state };
  },
  programs: [
    (task, { file }) => {
      task.ftruncate(file, 0);
    },
    (task, { at }) => {
      guestLoad(task, task.registerNotifier("kvm", at, 1), at);
    },
  ],
});
