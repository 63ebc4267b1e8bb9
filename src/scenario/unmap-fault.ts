// One thread unmaps a mapping while another faults in it for the first time. The fault has found its VMA
// and drops every spinlock to get a page; mmap_sem, held for reading, is what keeps the VMA until the
// page is mapped. Either the store comes first and its page goes, or it ends in SIGSEGV.

import { PAGE, defineScenario, survives, twoThreads } from "./scenario.ts";

export const unmapFault = defineScenario<{ at: number }>({
  name: "unmap-fault",
  title: "munmap in one thread, the first fault in the same mapping in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-mmap-sem"],
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 1);
    return { tasks: [first, second], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
    (task, { at }) => {
      survives(task, () => {
        task.store32(at, 1);
      });
    },
  ],
});
