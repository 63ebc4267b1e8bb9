// A file is truncated in one process while another faults the page in. The fault looks for the page before
// it is cut off, and maps it after all PTEs have been taken away: it must find out, or a page is
// mapped that belongs to no file any more.
//
// races.md R08: truncate_count, sampled before nopage and looked at again under page_table_lock.

import { MachineSignal } from "../kernel/error.ts";
import { defineScenario, mappedFile } from "./scenario.ts";

export const truncateFault = defineScenario<{ at: number; file: number }>({
  name: "truncate-fault",
  title: "ftruncate in one process, the first touch of what is cut off in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-truncate-count"],
  setup(machine) {
    const first = machine.spawn(0);
    const { at, file } = machine.run(first, (task) => mappedFile(task, 1));
    const second = machine.fork(first, 1);
    machine.run(first, (task) => task.load32(at));
    return { tasks: [first, second], state: { at, file } };
  },
  programs: [
    (task, { file }) => {
      task.ftruncate(file, 0);
    },
    (task, { at }) => {
      try {
        task.load32(at);
      } catch (error) {
        if (!(error instanceof MachineSignal && error.signal === "SIGBUS")) throw error;
      }
    },
  ],
});
