// The programs of `racier swapoff`: processes with pages on swap, each the child of the one before. Either each has pages
// of its own, or all share those of the first. The last one empties the area; then all look at what they have.

import type { ProgramTask } from "../../machine/task.ts";
import type { SwapoffOrder } from "./orders.ts";

const PAGE = 4096;
/** Of so many pages one is looked at in the end. */
const SAMPLE = 97;

/** Swaps a page so that it is freed. */
function swapToDisk({ cpu: { k } }: ProgramTask, address: number): boolean {
  const page = k.follow_page(address);
  k.page_referenced(page, 0);
  return k.shrink_page(page) !== 0;
}

/** Swaps a page, and leaves it in the swap cache: the first half of what reclaim does. */
function swapToCache({ cpu: { k } }: ProgramTask, address: number): boolean {
  const page = k.follow_page(address);
  k.lock_page(page);
  k.page_referenced(page, 1);
  const unmapped = k.add_to_swap(page) !== 0 && k.try_to_unmap(page) === 0;
  k.unlock_page(page);
  k.put_page(page);
  return unmapped;
}

/** Maps pages and swaps them. */
function fillSwap(task: ProgramTask, { pages, place }: SwapoffOrder): number {
  const start = task.mmap({ length: pages * PAGE, read: true, write: true });
  for (let page = 0; page < pages; page++) task.store32(start + page * PAGE, page + 1);
  task.cpu.k.lru_add_drain();
  const swap = place === "disk" ? swapToDisk : swapToCache;
  for (let page = 0; page < pages; page++) {
    if (!swap(task, start + page * PAGE)) throw new Error(`page ${page} was not swapped`);
  }
  return start;
}

/** The rest of the chain, or swapoff at its end; then: is everything there? */
function link(task: ProgramTask, left: number, start: number): void {
  const order = task.shared as SwapoffOrder;
  if (left > 1) {
    task.fork("swapoffLink", { args: [left - 1, start] });
    const { status, signal } = task.wait();
    if (status !== 0 || signal !== 0) throw new Error(`a process ended with ${status}, ${signal}`);
  } else {
    const began = performance.now();
    task.swapoff(0);
    new Float64Array(order.result)[0] = performance.now() - began;
  }
  for (let page = 0; page < order.pages; page += SAMPLE) {
    const found = task.load32(start + page * PAGE);
    if (found !== page + 1) throw new Error(`page ${page} holds ${found}`);
  }
}

/** The first process of the chain. */
export function swapoffRoot(task: ProgramTask): void {
  const order = task.shared as SwapoffOrder;
  task.swapon({ length: order.swapBytes });
  link(task, order.processes, fillSwap(task, order));
}

/** Another one. */
export function swapoffLink(task: ProgramTask, left: number, inherited: number): void {
  const order = task.shared as SwapoffOrder;
  if (order.sharing === "forked") {
    link(task, left, inherited);
    return;
  }
  task.munmap(inherited, order.pages * PAGE);
  link(task, left, fillSwap(task, order));
}
