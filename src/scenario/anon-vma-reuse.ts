// Reclaim goes from a page to its anon_vma while the process that maps the page unmaps it and touches a new
// mapping: the anon_vma is freed and handed out again at once, so reclaim locks one that is another's by
// now. That is right: it comes unlocked and empty and is not made anew under those who are late, and
// its new owner takes its lock, although it is fresh.
//
// races.md R01; a fresh anon_vma was linked without its lock until October 2008.

import { PAGE, defineScenario, expectEqual } from "./scenario.ts";

const STORED = 7;

export const anonVmaReuse = defineScenario<{ at: number; other: number; page: number }>({
  name: "anon-vma-reuse",
  title: "page_referenced of a page whose anon_vma is freed and handed out again",
  kernels: ["2.6.9"],
  switches: ["reinit-anon-vma", "unlocked-fresh-anon-vma"],
  setup(machine) {
    const reclaim = machine.spawn(0);
    const owner = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      const at = task.mmap({ length: PAGE, read: true, write: true });
      // Apart from the first, so that it gets an anon_vma of its own.
      const hint = at + 16 * PAGE;
      const other = task.mmap({ length: PAGE, hint, fixed: true, read: true, write: true });
      task.store32(at, 1);
      return { at, other, page: task.cpu.k.follow_page(at) };
    });
    return { tasks: [reclaim, owner], state };
  },
  programs: [
    ({ cpu }, { page }) => {
      const referenced = cpu.k.page_referenced(page, 0);
      if (referenced > 2) expectEqual("the number of times that the page was used", referenced, 2);
      cpu.k.put_page(page);
    },
    (task, { at, other }) => {
      task.munmap(at, PAGE);
      task.store32(other, STORED);
      expectEqual("what was stored", task.load32(other), STORED);
    },
  ],
});
