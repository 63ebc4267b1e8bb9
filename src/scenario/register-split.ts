// A secondary MMU is registered in one process, while mprotect splits a VMA in another that was forked from it: the two
// share the file and the anon_vma of what they have written to. vma_adjust takes the lock of the file and then
// that of the anon_vma; who takes all locks has to take them in the same order. v13 did not.
//
// rmap-history 6.28 (b).

import { PAGE, defineScenario, mappedFile } from "./scenario.ts";

export const registerSplit = defineScenario<{ at: number }>({
  name: "register-split",
  title: "a secondary MMU is registered, mprotect splits a VMA of a relative",
  kernels: ["2.6.27"],
  others: ["mmn-v13"],
  switches: ["anon-vma-locks-first"],
  setup(machine) {
    const parent = machine.spawn(0);
    const at = machine.run(parent, (task) => {
      const { file } = mappedFile(task, 2);
      const start = task.mmap({ length: 2 * PAGE, file, read: true, write: true });
      task.store32(start, 1);
      return start;
    });
    return { tasks: [parent, machine.fork(parent, 1)], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.registerNotifier("empty", at, 1);
    },
    (task, { at }) => {
      task.mprotect(at + PAGE, PAGE, { read: true });
    },
  ],
});
