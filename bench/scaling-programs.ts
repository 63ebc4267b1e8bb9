// The programs of scaling.bench.ts, run by the workers of a machine: each does one thing again and again
// for a given time and tells how often it could in a second. What they do is said there.

import type { ProgramTask } from "../src/machine/task.ts";

/** What a program is told. */
export interface ScalingOrder {
  /** How long to measure, in ms. */
  readonly milliseconds: number;
  /** Pages that are touched, or that the process has. */
  readonly pages: number;
  /** Two words: programs that have arrived, and whether to go. */
  readonly barrier: SharedArrayBuffer;
  /** Programs that are to arrive. */
  readonly programs: number;
}

const PROTECTION = { read: true, write: true };

/** Waits until the programs of all CPUs are ready. */
function meet({ barrier, programs }: ScalingOrder): void {
  const words = new Int32Array(barrier);
  if (Atomics.add(words, 0, 1) === programs - 1) {
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
  } else {
    Atomics.wait(words, 1, 0);
  }
}

/** Does `work` until the time is over; `unitsEach` units a second. */
function rate({ milliseconds }: ScalingOrder, unitsEach: number, work: () => void): number {
  const start = performance.now();
  const end = start + milliseconds;
  let done = 0;
  let now: number;
  do {
    work();
    done++;
    now = performance.now();
  } while (now < end);
  return (done * unitsEach * 1000) / (now - start);
}

/** First touches a second: maps memory, writes to each page, unmaps it. */
export function faults(task: ProgramTask): number {
  const order = task.shared as ScalingOrder;
  const length = order.pages * 4096;
  const work = (): void => {
    const start = task.mmap({ length, ...PROTECTION });
    task.touch(start, length);
    task.munmap(start, length);
  };
  work();
  meet(order);
  return rate(order, order.pages, work);
}

/** Forks a second: of a process with some pages, whose child exits at once. */
export function forks(task: ProgramTask): number {
  const order = task.shared as ScalingOrder;
  const length = order.pages * 4096;
  const start = task.mmap({ length, ...PROTECTION });
  task.touch(start, length);
  meet(order);
  return rate(order, 1, () => {
    task.fork("idle");
    task.wait();
  });
}

/** The child of forks(). */
export function idle(): void {
  // It is measured that it was there.
}

/** Turns a second of a loop in registers: what the computer's cores give to two threads. */
export function spins(task: ProgramTask): number {
  const order = task.shared as ScalingOrder;
  let state = 1;
  meet(order);
  const turns = rate(order, 1, () => {
    for (let i = 0; i < 10_000; i++) state = Math.imul(state ^ (state >>> 13), 0x5bd1e995);
  });
  return state === 0 ? 0 : turns;
}
