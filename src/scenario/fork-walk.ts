// A process forks while another, which shares its pages, walks from a page to all PTEs that map it, as
// reclaim does. Every PTE that is counted must be found: so fork links the child's VMA to its
// anon_vma, or its file, before it copies the first PTE.

import { PAGE, defineScenario, expectEqual, mappedFile } from "./scenario.ts";

export const forkWalk = defineScenario<{ anonymous: number; file: number }>({
  name: "fork-walk",
  title: "fork in one process, a walk of the reverse map in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["late-vma-link"],
  children: { idle: () => undefined },
  setup(machine) {
    const parent = machine.spawn(0);
    const state = machine.run(parent, (task) => {
      const anonymous = task.mmap({ length: PAGE, read: true, write: true });
      task.store32(anonymous, 1);
      const { file, at } = mappedFile(task, 1);
      task.load32(at);
      task.closeFile(file);
      return { anonymous, file: at };
    });
    return { tasks: [parent, machine.fork(parent, 1)], state };
  },
  programs: [
    (task) => {
      // The child does not run: nothing is unmapped.
      task.fork("idle");
    },
    ({ cpu }, { anonymous, file }) => {
      for (const at of [anonymous, file]) {
        const missing = cpu.k.rmap_missing(at);
        expectEqual("the number of PTEs that the walk does not find", missing, 0);
      }
    },
  ],
});
