// The programs of racier notifiers: what a registration costs, what an invalidation adds to an operation, and what an
// access through a secondary MMU costs. Times are real, in ns; each program returns the median of its repeats.

import type { ProgramTask } from "../../machine/task.ts";

const PAGE = 4096;

/** Programs of this module, for Machine.load. */
export const NOTIFIER_PROGRAMS = [
  "registrationCost",
  "invalidationCost",
  "accessCost",
  "notifierChild",
] as const;

/** What a registration costs, in ns. */
export interface RegistrationCost {
  readonly register: number;
  readonly unregister: number;
}

/** What one page costs in an operation, in ns. */
export type InvalidationCost = Readonly<Record<"munmap" | "cow" | "fork" | "aging", number>>;

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

/** One round of each operation. `client`: index in `task.shared`, or -1: nobody is registered. */
export function invalidationCost(
  task: ProgramTask,
  client: number,
  pages: number,
  repeats: number,
): InvalidationCost {
  const name = (task.shared as readonly string[])[client];
  const { k } = task.cpu;
  const costs = {
    munmap: [] as number[],
    cow: [] as number[],
    fork: [] as number[],
    aging: [] as number[],
  };
  const at = task.mmap({ length: pages * PAGE, read: true, write: true });
  const handle = name === undefined ? undefined : task.registerNotifier(name, at, pages);
  const loads = name === "empty" ? undefined : handle;
  for (let i = 0; i < repeats; i++) {
    prepare(task, at, pages, loads);
    const frames = Array.from({ length: pages }, (_, page) => k.follow_page(at + page * PAGE));
    costs.aging.push(
      timed(() => {
        for (const frame of frames) k.page_referenced(frame, 0);
      }),
    );
    for (const frame of frames) k.put_page(frame);
    costs.fork.push(
      timed(() => {
        task.fork("notifierChild");
      }),
    );
    // The child has not run: each store breaks COW.
    costs.cow.push(
      timed(() => {
        task.touch(at, pages * PAGE);
      }),
    );
    task.wait();
    prepare(task, at, pages, loads);
    costs.munmap.push(
      timed(() => {
        task.munmap(at, pages * PAGE);
      }),
    );
    task.mmap({ length: pages * PAGE, hint: at, fixed: true, read: true, write: true });
  }
  const perPage = (values: number[]): number => median(values) / pages;
  return {
    munmap: perPage(costs.munmap),
    cow: perPage(costs.cow),
    fork: perPage(costs.fork),
    aging: perPage(costs.aging),
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
