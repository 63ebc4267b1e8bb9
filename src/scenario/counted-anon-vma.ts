// Reclaim asks of a page whether anybody has used it, on a kernel where the lock of an anon_vma is a semaphore: it waits
// for it outside of the read section of RCU in which it has found the anon_vma. Meanwhile the last process that maps the
// page unmaps it, and memory is short. What keeps the anon_vma is a reference.
//
// Patch 09 of the thread of 2008. Its author held that the page lock was enough; the mail that racier answers to denied it.

import { PAGE, defineScenario } from "./scenario.ts";

export const countedAnonVma = defineScenario<{ at: number; page: number }>({
  name: "counted-anon-vma",
  title: "page_referenced waits for a semaphore in an anon_vma that another process gives up",
  kernels: ["mmn-v13+all"],
  switches: ["no-anon-vma-count"],
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
