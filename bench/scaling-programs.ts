// The programs of scaling.bench.ts, run by the workers of a machine: each does one thing again and again
// for a given time and tells how often it could in a second. What they do is said there.

import type { ProgramTask } from "../src/machine/task.ts";

/** What a program is told. */
export interface ScalingOrder {
  /** How long to measure, in ms. */
  readonly milliseconds: number;
  /** Pages that are touched, or that the process has. */
  readonly pages: number;
  /** The processes get their pages one after the other; else all at once. */
  readonly inTurn: boolean;
  /** Three words: programs that have arrived, whether to go, whose turn it is; then cache lines. */
  readonly words: SharedArrayBuffer;
  /** Programs that are to arrive. */
  readonly programs: number;
}

/** Cache lines of each program in lockedAdds(). */
const LINES = 4096;
/** Bytes of `words`. */
export const WORDS_BYTES: number = 128 + 2 * LINES * 64;
const ARRIVED = 0;
const GO = 1;
const TURN = 2;
/** A word with a cache line of its own. */
const BALL = 16;

const PROTECTION = { read: true, write: true };

/** Waits until the programs of all CPUs are ready. */
function meet({ words, programs }: ScalingOrder): void {
  const state = new Int32Array(words);
  if (Atomics.add(state, ARRIVED, 1) === programs - 1) {
    Atomics.store(state, GO, 1);
    Atomics.notify(state, GO);
  } else {
    Atomics.wait(state, GO, 0);
  }
}

/** Does `work`; if the order says so, while no other program does. */
function inTurn(order: ScalingOrder, work: () => void): void {
  const state = new Int32Array(order.words);
  if (order.inTurn) while (Atomics.compareExchange(state, TURN, 0, 1) !== 0);
  work();
  Atomics.store(state, TURN, 0);
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

/** Maps memory, touches each page, unmaps it: touches a second. */
function touches(task: ProgramTask, access: "read" | "write"): number {
  const order = task.shared as ScalingOrder;
  const length = order.pages * 4096;
  const work = (): void => {
    const start = task.mmap({ length, ...PROTECTION });
    task.touch(start, length, access);
    task.munmap(start, length);
  };
  work();
  meet(order);
  return rate(order, order.pages, work);
}

/** First writes a second: each takes a page of its own. */
export function writeFaults(task: ProgramTask): number {
  return touches(task, "write");
}

/** First reads a second: all map the zero page. */
export function readFaults(task: ProgramTask): number {
  return touches(task, "read");
}

/** Forks a second: of a process with some pages, whose child exits at once. */
export function forks(task: ProgramTask): number {
  const order = task.shared as ScalingOrder;
  const length = order.pages * 4096;
  inTurn(order, () => {
    task.touch(task.mmap({ length, ...PROTECTION }), length);
  });
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

/** Two programs hand one word to and fro: how often a second it came back. */
export function pingPong(task: ProgramTask): number {
  const order = task.shared as ScalingOrder;
  const state = new Int32Array(order.words);
  const me = Atomics.add(state, TURN, 1) % 2;
  meet(order);
  const returns = rate(order, 100, () => {
    for (let i = 0; i < 100; i++) {
      for (let wait = 0; Atomics.load(state, BALL) !== me && wait < 100_000; wait++);
      Atomics.store(state, BALL, 1 - me);
    }
  });
  // The other one may wait for a last time.
  Atomics.store(state, BALL, 1 - me);
  return returns;
}

function addToAll(state: Int32Array, indexes: Uint32Array): void {
  for (let i = 0; i < indexes.length; i++) Atomics.add(state, indexes[i] as number, 1);
}

/**
 * Locked additions a second to words that lie as `struct page` does, each in a cache line of its own.
 * "inTurn": first all lines of one program, then those of the other; else 16 of one, 16 of the other,
 * and so on. No line belongs to both, and no kernel runs.
 */
export function lockedAdds(task: ProgramTask): number {
  const order = task.shared as ScalingOrder;
  const state = new Int32Array(order.words, 128);
  const me = Atomics.add(new Int32Array(order.words), TURN, 1) % 2;
  const apart = (i: number): number => me * LINES + i;
  const interleaved = (i: number): number => ((i >> 4) * 2 + me) * 16 + (i & 15);
  const lineOf = order.inTurn ? apart : interleaved;
  const indexes = Uint32Array.from({ length: LINES }, (_, i) => lineOf(i) * 16);
  const work = (): void => {
    addToAll(state, indexes);
  };
  work();
  meet(order);
  return rate(order, LINES, work);
}
