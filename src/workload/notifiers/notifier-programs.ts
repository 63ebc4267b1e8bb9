// The programs of racier notifiers: what a registration costs, what an invalidation adds to an operation, and what an
// access through a secondary MMU costs. Times are real, in ns; each program returns the median of its repeats.

import type { ProgramTask } from "../../machine/task.ts";
import type { InvalidationCost } from "./orders.ts";

const PAGE = 4096;
/** Blocks of the swap area besides those of the pages: its head. */
const SWAP_HEAD_PAGES = 16;

/** Programs of this module, for Machine.load. */
export const NOTIFIER_PROGRAMS = [
  "registrationCost",
  "invalidationCost",
  "accessCost",
  "brkCost",
  "notifierChild",
] as const;

/** What a registration costs, in ns. */
export interface RegistrationCost {
  readonly register: number;
  readonly unregister: number;
}

/** What an access through kvm costs, in ns. */
export interface AccessCost {
  /** The entry is there. */
  readonly hit: number;
  /** It is not, and the process has the page. */
  readonly fault: number;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

function timed(body: () => void): number {
  const start = performance.now();
  body();
  return (performance.now() - start) * 1e6;
}

/** Registers and unregisters a client that does nothing, in an address space of `vmas` VMAs, each with its anon_vma. */
export function registrationCost(
  task: ProgramTask,
  vmas: number,
  repeats: number,
): RegistrationCost {
  const length = vmas * 2 * PAGE;
  const base = task.mmap({ length });
  task.munmap(base, length);
  for (let i = 0; i < vmas; i++) {
    const hint = base + i * 2 * PAGE;
    task.mmap({ length: PAGE, hint, fixed: true, read: true, write: true });
    task.store32(hint, i);
  }
  const register: number[] = [];
  const unregister: number[] = [];
  for (let i = 0; i < repeats; i++) {
    let handle = 0;
    register.push(timed(() => (handle = task.registerNotifier("empty", base, 1))));
    unregister.push(
      timed(() => {
        task.unregisterNotifier(handle);
      }),
    );
  }
  return { register: median(register), unregister: median(unregister) };
}

/** A child that was only to be forked. */
export function notifierChild(): void {
  // Nothing: it ends.
}

/** Pages that every one of has been stored to, and loaded through the secondary MMU if there is one. */
function prepare(task: ProgramTask, at: number, pages: number, handle: number | undefined): void {
  task.touch(at, pages * PAGE);
  if (handle === undefined) return;
  for (let page = 0; page < pages; page++) task.secondaryLoad32(handle, at + page * PAGE);
}

/** The frames of the pages, each with a reference. */
function framesOf({ cpu }: ProgramTask, at: number, pages: number): number[] {
  return Array.from({ length: pages }, (_, page) => cpu.k.follow_page(at + page * PAGE));
}

/** Takes each page away and writes it to swap, which gives the references back. */
function reclaim({ cpu }: ProgramTask, frames: readonly number[]): void {
  let freed = 0;
  for (const frame of frames) freed += cpu.k.shrink_page(frame);
  if (freed < frames.length) throw new Error(`${frames.length - freed} pages were not reclaimed`);
}

/** A range of pages, and the secondary MMU that has loaded from each; undefined: none does. */
interface Range {
  readonly task: ProgramTask;
  readonly at: number;
  readonly pages: number;
  readonly loads: number | undefined;
}

/** Does each operation once; tells how long each took. */
function operateOnce(
  { task, at, pages, loads }: Range,
  tell: (operation: keyof InvalidationCost, ns: number) => void,
): void {
  const length = pages * PAGE;
  const time = (operation: keyof InvalidationCost, body: () => void): void => {
    tell(operation, timed(body));
  };
  const mapAgain = (): void => {
    task.mmap({ length, hint: at, fixed: true, read: true, write: true });
  };
  prepare(task, at, pages, loads);
  const frames = framesOf(task, at, pages);
  time("aging", () => {
    for (const frame of frames) task.cpu.k.page_referenced(frame, 0);
  });
  time("reclaim", () => {
    reclaim(task, frames);
  });
  task.munmap(at, length);
  mapAgain();
  prepare(task, at, pages, loads);
  time("fork", () => {
    task.fork("notifierChild");
  });
  // The child has not run: each store breaks COW.
  time("cow", () => {
    task.touch(at, length);
  });
  task.wait();
  prepare(task, at, pages, loads);
  time("munmap", () => {
    task.munmap(at, length);
  });
  mapAgain();
}

/** What each operation costs. `client`: index in `task.shared`, or -1: nobody is registered. */
export function invalidationCost(
  task: ProgramTask,
  client: number,
  pages: number,
  repeats: number,
): InvalidationCost {
  const name = (task.shared as readonly string[])[client];
  const length = pages * PAGE;
  const costs: Record<keyof InvalidationCost, number[]> = {
    ...{ munmap: [], cow: [], fork: [], aging: [], reclaim: [] },
  };
  const area = task.swapon({ length: length + SWAP_HEAD_PAGES * PAGE });
  const at = task.mmap({ length, read: true, write: true });
  const handle = name === undefined ? undefined : task.registerNotifier(name, at, pages);
  const loads = name === "empty" ? undefined : handle;
  for (let i = 0; i < repeats; i++) {
    operateOnce({ task, at, pages, loads }, (operation, ns) => {
      costs[operation].push(ns / pages);
    });
  }
  task.swapoff(area);
  const { munmap, cow, fork, aging } = costs;
  return {
    ...{ munmap: median(munmap), cow: median(cow), fork: median(fork), aging: median(aging) },
    reclaim: median(costs.reclaim),
  };
}

/** Loads through kvm, of pages that it has mapped and of pages that it has not. */
export function accessCost(task: ProgramTask, pages: number, repeats: number): AccessCost {
  const at = task.mmap({ length: pages * PAGE, read: true, write: true });
  task.touch(at, pages * PAGE);
  const hits: number[] = [];
  const faults: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const handle = task.registerNotifier("kvm", at, pages);
    const all = (): void => {
      for (let page = 0; page < pages; page++) task.secondaryLoad32(handle, at + page * PAGE);
    };
    faults.push(timed(all) / pages);
    const loops = 50;
    hits.push(
      timed(() => {
        for (let loop = 0; loop < loops; loop++) all();
      }) /
        (pages * loops),
    );
    task.unregisterNotifier(handle);
  }
  return { hit: median(hits), fault: median(faults) };
}

/** Steps of a heap that grows, and pages of each: some, as brk_test of AIM9 does. */
const BRK_STEPS = 16;
const BRK_PAGES = 4;

/** A heap that grows step by step and shrinks again, as brk_test of AIM9: ns a call of brk, all told. */
export function brkCost(
  task: ProgramTask,
  loops: number,
  touches: number,
  repeats: number,
): number {
  const start = task.brk(0);
  const pass = (): void => {
    for (let step = 1; step <= BRK_STEPS; step++) {
      const end = start + step * BRK_PAGES * PAGE;
      if (task.brk(end) !== end) throw new Error("brk was refused");
      if (touches !== 0) task.store32(end - PAGE, step);
    }
    task.brk(start);
  };
  const costs = Array.from({ length: repeats }, () =>
    timed(() => {
      for (let loop = 0; loop < loops; loop++) pass();
    }),
  );
  return median(costs) / (loops * (BRK_STEPS + 1));
}
