// Reclaim asks of a page of a file whether anybody has used it, and has not locked the page. Meanwhile
// the file is truncated, its last mapping goes, and it is closed: the inode is freed. The page lock keeps the
// page in its file, and so the file: reclaim tries it, and looks at page->mapping again.
//
// races.md R04. The mail: page_referenced_file "needs the page lock, even from refill_inactive_zone".

import { PAGE, defineScenario, mappedFile } from "./scenario.ts";

export const truncateReferenced = defineScenario<{ at: number; file: number; page: number }>({
  name: "truncate-referenced",
  title: "page_referenced of a page of a file that is truncated and goes",
  kernels: ["2.6.9"],
  switches: ["no-referenced-lock", "no-mapping-recheck", "no-referenced-unlock"],
  setup(machine) {
    const reclaim = machine.spawn(0);
    const owner = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      const { at, file } = mappedFile(task, 1);
      task.load32(at);
      return { at, file, page: task.cpu.k.follow_page(at) };
    });
    return { tasks: [reclaim, owner], state };
  },
  programs: [
    ({ cpu }, { page }) => {
      cpu.k.page_referenced(page, 0);
      cpu.k.put_page(page);
    },
    (task, { at, file }) => {
      task.ftruncate(file, 0);
      task.munmap(at, PAGE);
      task.closeFile(file);
    },
  ],
});
