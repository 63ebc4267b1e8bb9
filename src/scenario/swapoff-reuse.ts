// swapoff has locked a page and looks for the PTE that names its slot. Meanwhile the process unmaps the range, maps
// another one there, stores to it and has that swapped too: the new VMA has the anon_vma of the old one, which was
// freed and handed out again, so the page seems to belong there. The PTE names another slot.
//
// rmap-history 6.11 (b), which no measure prevents but that swapoff compares the PTE with the entry; and 6.21: while it
// waits for mmap_sem the page is unlocked.

import { PAGE, defineScenario, expectEqual } from "./scenario.ts";
import { DISK_BLOCKS, pageForReclaim, swapOut } from "./swap-scene.ts";

export const swapoffReuse = defineScenario<{ at: number }>({
  name: "swapoff-reuse",
  title: "swapoff, and a process that unmaps and maps the same range anew",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["swapoff-keeps-page-lock"],
  diskBlocks: DISK_BLOCKS,
  setup(machine) {
    const owner = machine.spawn(0);
    const other = machine.spawn(1);
    const at = machine.run(owner, (task) => {
      task.swapon({ length: PAGE, priority: 1 });
      // For the new page: the first area takes none any more.
      task.swapon({ length: PAGE });
      const start = task.mmap({ length: PAGE, read: true, write: true });
      task.store32(start, 1);
      swapOut(task, start);
      return start;
    });
    return { tasks: [owner, other], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.munmap(at, PAGE);
      task.mmap({ length: PAGE, read: true, write: true, hint: at, fixed: true });
      task.store32(at, 2);
      const page = pageForReclaim(task, at);
      if (page !== 0) task.cpu.k.shrink_page(page);
      expectEqual("the word of the new page", task.load32(at), 2);
    },
    (task) => {
      task.swapoff(0);
    },
  ],
});
