// Reclaim is about to free a clean page of a file that nobody maps. A process maps it, stores and unmaps it again: the
// page is dirty now. Under tree_lock, where nobody can find it any more, reclaim counts the references of the page and
// asks once more whether it is dirty.
//
// The end of shrink_list; races.md, wing D.

import { PAGE, defineScenario, mappedFile } from "./scenario.ts";
import { DISK_BLOCKS, pageForReclaim } from "./swap-scene.ts";

const STORED = 7;

export const fileReclaim = defineScenario<{ at: number; file: number; page: number }>({
  name: "file-reclaim",
  title: "reclaim of a page of a file that is mapped, stored to and unmapped",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-dirty-recheck", "no-count-check"],
  diskBlocks: DISK_BLOCKS,
  setup(machine) {
    const owner = machine.spawn(0);
    const reclaim = machine.spawn(1);
    const state = machine.run(owner, (task) => {
      const { at, file } = mappedFile(task, 1);
      task.load32(at);
      const page = pageForReclaim(task, at);
      task.madviseDontneed(at, PAGE);
      // The walk marked it as used.
      task.cpu.k.page_referenced(page, 0);
      return { at, file, page };
    });
    return { tasks: [owner, reclaim], state };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, STORED);
      task.munmap(at, PAGE);
    },
    ({ cpu }, { page }) => {
      cpu.k.shrink_page(page);
    },
  ],
  check(machine, { tasks: [task], state: { file } }) {
    if (task === undefined) return undefined;
    const found = machine.run(task, (own) => own.fileBytes(file, 0, 1)[0]);
    return found === STORED
      ? undefined
      : `the file holds ${found}, not the ${STORED} that was stored`;
  },
});
