// A guest takes a fault for a page of a file that another process truncates. Truncation holds no mmap_sem: between
// the start of the range and its end, pages are still mapped and can be had, and are given up without another
// word. So a fault must know that a range is under way (count), and that one has come and gone since it began (seq).
//
// races.md R37, the range form.

import { guestLoad } from "./guest.ts";
import { defineScenario, mappedFile } from "./scenario.ts";

export const guestTruncate = defineScenario<{ at: number; file: number; handle: number }>({
  name: "guest-truncate",
  title: "a guest's fault in one process, ftruncate of the file in another",
  kernels: ["2.6.27"],
  others: ["mmn-v13"],
  switches: ["no-retry-count"],
  setup(machine) {
    const owner = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      const { file, at } = mappedFile(task, 1);
      task.load32(at);
      return { file, at, handle: task.registerNotifier("kvm", at, 1) };
    });
    return { tasks: [machine.spawn(0), owner], state };
  },
  programs: [
    (task, { file }) => {
      task.ftruncate(file, 0);
    },
    (task, { at, handle }) => {
      guestLoad(task, handle, at);
    },
  ],
});
