// What the scenarios of swap have in common: a page on a list of the LRU that nobody has used lately, and what
// reclaim does with one page.

import type { ProgramTask } from "../machine/task.ts";

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
