// A page belongs to an mm that is gone: its process has called exec. A child still maps it, so page_referenced, which
// finds it there, makes it the child's. Meanwhile the child unmaps it: the last PTE clears page->mapping and drops the
// count. PG_maplock, held over walk and move, keeps the two apart.

import { PAGE, defineScenario, sharedByFork } from "./scenario.ts";

export const lineageMigrate = defineScenario<{ at: number; page: number }>({
  name: "lineage-migrate",
  title: "page_referenced moves a page of a dead mm to the process that is unmapping it",
  kernels: ["anonmm"],
  switches: ["unlocked-migration"],
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    const page = machine.run(child, ({ cpu }) => cpu.k.follow_page(at));
    machine.run(parent, (task) => {
      task.exec({ segments: [], brk: PAGE * 1024, stackTop: PAGE * 4096 });
    });
    return { tasks: [parent, child], state: { at, page } };
  },
  programs: [
    ({ cpu }, { page }) => {
      cpu.k.page_referenced(page, 0);
      cpu.k.put_page(page);
    },
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
  ],
});
