// A file is truncated while mremap moves a page of it to another VMA. Truncation takes one VMA after the
// other: it must not find the page in neither of them. So a PTE moves under i_mmap_lock.
//
// rmap 14 of May 2004 (f4cfca6f58). The page moves to a VMA that truncation comes to first, since that one
// begins with an earlier page of the file.

import { PAGE, defineScenario, mappedFile } from "./scenario.ts";

export const truncateMove = defineScenario<{ file: number; from: number; to: number }>({
  name: "truncate-move",
  title: "ftruncate in one process, mremap of a page of the file in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["unlocked-move"],
  setup(machine) {
    const owner = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      const { file, at } = mappedFile(task, 2);
      // The second page of the file is mapped elsewhere, and touched there.
      task.munmap(at + PAGE, PAGE);
      const hint = at + 64 * PAGE;
      const page = { length: PAGE, file, offset: PAGE, shared: true, read: true, write: true };
      const from = task.mmap({ ...page, hint, fixed: true });
      task.load32(from);
      return { file, from, to: at + PAGE };
    });
    return { tasks: [machine.spawn(0), owner], state };
  },
  programs: [
    (task, { file }) => {
      task.ftruncate(file, 0);
    },
    (task, { from, to }) => {
      task.mremap(from, PAGE, PAGE, { fixedAt: to });
    },
  ],
});
