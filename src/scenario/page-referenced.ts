// Reclaim asks of a page, to which it has a reference, whether anybody has used it: it goes from
// page->mapping to the anon_vma. Meanwhile the last process that maps the page unmaps it, the anon_vma is
// freed, and memory is short: the slab that it lay in goes back. What reclaim locks must still be a lock.
//
// races.md R01. The mail: "there's a similar problem for anon_vma, where the page lock does not help".

import { PAGE, defineScenario } from "./scenario.ts";

export const pageReferenced = defineScenario<{ at: number; page: number }>({
  name: "page-referenced",
  title: "page_referenced of a page that another process unmaps, and memory is short",
  kernels: ["2.6.9"],
  switches: ["no-typesafe-slab", "no-rcu", "late-rcu", "rcu-ends-at-lock"],
  setup(machine) {
    const reclaim = machine.spawn(0);
    const owner = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      const at = task.mmap({ length: PAGE, read: true, write: true });
      task.store32(at, 1);
      return { at, page: task.cpu.k.follow_page(at) };
    });
    // Free anon_vmas in the arrays of CPUs keep a slab from being empty.
    for (const task of [reclaim, owner]) {
      machine.run(task, ({ cpu }) => {
        cpu.k.kmem_cache_reap_all();
      });
    }
    return { tasks: [reclaim, owner], state };
  },
  programs: [
    ({ cpu }, { page }) => {
      cpu.k.page_referenced(page, 0);
      cpu.k.put_page(page);
    },
    (task, { at }) => {
      task.munmap(at, PAGE);
      task.cpu.k.kmem_cache_reap_all();
    },
  ],
});
