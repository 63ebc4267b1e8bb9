// What the scenarios of swap have in common: a page on a list of the LRU that nobody has used lately, and what
// reclaim does with one page.

import type { ProgramTask } from "../machine/task.ts";
import { PAGE, type Prepared, type ScenarioMachine } from "./scenario.ts";

/** Blocks of the disk of a scenario: swap areas are a part of it. */
export const DISK_BLOCKS = 16;

/** The page at an address with a reference for reclaim; its marks of use are taken away. In setup. */
export function pageForReclaim({ cpu: { k } }: ProgramTask, at: number): number {
  k.lru_add_drain();
  const page = k.follow_page(at);
  k.page_referenced(page, 0);
  return page;
}

/** Swaps the page at an address, in setup: nobody else uses it. */
export function swapOut(task: ProgramTask, at: number): void {
  const page = pageForReclaim(task, at);
  if (task.cpu.k.shrink_page(page) === 0) throw new Error("the page was not swapped");
}

/** A process on CPU 0 that has stored to a page, and reclaim on CPU 1, which is to come for it. */
export function ownerAndReclaim(machine: ScenarioMachine): Prepared<{ at: number; page: number }> {
  const owner = machine.spawn(0);
  const reclaim = machine.spawn(1);
  const state = machine.run(owner, (task) => {
    task.swapon({ length: PAGE });
    const at = task.mmap({ length: PAGE, read: true, write: true });
    task.store32(at, 1);
    return { at, page: pageForReclaim(task, at) };
  });
  return { tasks: [owner, reclaim], state };
}
