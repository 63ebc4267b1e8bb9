// The programs of `racier reclaim`.
//
// A parent fills more anonymous memory than there is, forks one worker for each other CPU, and
// sharers that wait on its own CPU for their turn, which comes when all is over: they only share. Then all
// workers read pages at random, so that pages are swapped in and out all the time.
//
// With pagesPerVma the pages lie in many VMAs with a gap behind each, and the workers are threads of the parent: then
// whoever reclaims wants the page_table_lock of the one address space.

import type { ProgramTask } from "../../machine/task.ts";
import { PRESSURE_RESULTS, type PressureOrder } from "./orders.ts";

const PAGE = 4096;
const ARRIVED = 0;
const GO = 1;
const STOP = 2;
/** Where many VMAs begin. */
const BASE = 2 ** 40;
/** Pages that are read between two looks at the clock. */
const BURST = 64;

/** Waits until the workers of all CPUs are there; answers interrupts meanwhile, for others may be unmapping. */
export function meet(task: ProgramTask, words: Int32Array): void {
  if (Atomics.add(words, ARRIVED, 1) === task.cpus - 1) Atomics.store(words, GO, 1);
  while (Atomics.load(words, GO) === 0) {
    task.cpu.k.take_interrupts();
    Atomics.wait(words, GO, 0, 0.02);
  }
}

/** Pages from the first to the page, with the gaps. */
const pagesTo = (page: number, perVma: number): number =>
  perVma === 0 ? page : page + Math.floor(page / perVma);

/** Maps the pages; where they begin. */
function mapPages(task: ProgramTask, { pages, pagesPerVma }: PressureOrder): number {
  const protection = { read: true, write: true };
  if (pagesPerVma === 0) return task.mmap({ length: pages * PAGE, ...protection });
  for (let page = 0; page < pages; page += pagesPerVma) {
    const hint = BASE + pagesTo(page, pagesPerVma) * PAGE;
    task.mmap({ length: pagesPerVma * PAGE, hint, fixed: true, ...protection });
  }
  return BASE;
}

/** A page at random (xorshift). */
export function nextPage(state: { seed: number }, pages: number): number {
  let { seed } = state;
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  state.seed = seed;
  return (seed >>> 0) % pages;
}

/** Uses the pages, or forks, until the time is over. Returns how many processes it has forked. */
function work(task: ProgramTask, order: PressureOrder, start: number, stop: Int32Array): number {
  const state = { seed: 0x9e37_79b9 ^ (task.cpuId + 1) };
  const forker = order.forks && task.cpuId === task.cpus - 1 && task.cpus > 1;
  const end = performance.now() + order.milliseconds;
  let forks = 0;
  while (performance.now() < end && Atomics.load(stop, STOP) === 0) {
    if (forker) {
      task.fork("pressureSharer", { args: [start] });
      task.wait();
      forks++;
      continue;
    }
    for (let i = 0; i < BURST; i++) {
      const page = nextPage(state, order.pages);
      const found = task.load32(start + pagesTo(page, order.pagesPerVma) * PAGE);
      if (found !== page + 1) throw new Error(`page ${page} holds ${found}`);
    }
  }
  return forks;
}

/** Meets the others and works; notes what was done. */
function measure(task: ProgramTask, start: number): void {
  const order = task.shared as PressureOrder;
  const words = new Int32Array(order.barrier);
  meet(task, words);
  const began = performance.now();
  const forks = work(task, order, start, words);
  const results = new Float64Array(order.results);
  const at = task.cpuId * PRESSURE_RESULTS;
  results[at] = forks;
  results[at + 1] = (performance.now() - began) / 1000;
  Atomics.store(words, STOP, 1);
}

/** Builds the memory, starts the others, works, and takes the swap area away. */
export function pressureParent(task: ProgramTask): void {
  const order = task.shared as PressureOrder;
  const area = task.swapon({ length: order.swapBytes });
  const { pages, pagesPerVma } = order;
  const start = mapPages(task, order);
  for (let page = 0; page < pages; page++) {
    task.store32(start + pagesTo(page, pagesPerVma) * PAGE, page + 1);
  }
  let children = 0;
  for (let cpu = 1; cpu < task.cpus; cpu++, children++) {
    if (pagesPerVma === 0) task.fork("pressureWorker", { args: [start], cpu });
    else task.clone("pressureWorker", { args: [start], cpu });
  }
  for (let i = 0; i < order.processes; i++, children++) {
    task.fork("pressureSharer", { args: [start] });
  }
  measure(task, start);
  for (; children > 0; children--) {
    const { status, signal } = task.wait();
    if (status !== 0 || signal !== 0) throw new Error(`a process ended with ${status}, ${signal}`);
  }
  task.munmap(start, pagesTo(pages, pagesPerVma) * PAGE);
  task.swapoff(area);
}

/** A process that uses the pages on another CPU. */
export function pressureWorker(task: ProgramTask, start: number): void {
  measure(task, start);
}

/** A process that only shares the pages, and is gone. */
export function pressureSharer(): void {
  // Its address space is what it is there for.
}
