// Two processes share pages since a fork, and both exit at once: PTEs, VMAs, page tables and the
// tasks go on both sides. The last reference to each page is dropped by either of them; the anon_vma
// goes with the last VMA on its list. Nothing may be left, and nothing go twice.

import { defineScenario, sharedByFork } from "./scenario.ts";

export const exitTogether = defineScenario<{ at: number }>({
  name: "exit-together",
  title: "two processes that share pages exit at once",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["plain-mapcount", "unlocked-anon-vma-empty"],
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
