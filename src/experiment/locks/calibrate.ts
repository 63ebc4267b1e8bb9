// What can be known before anything is measured: how long one turn of work takes, and an operation without a
// lock. Short passes, and of those the quick fifth: both are always the same few instructions, so what takes
// longer was disturbed.

import { quantile } from "../stats.ts";
import type { BenchCrew } from "./crew.ts";
import type { LockLoad } from "./document.ts";
import type { Counts } from "./memory.ts";
import { runPass, type PassOptions, type Seat } from "./pass.ts";

const WORK_TURNS = 20_000;
const WORK_TIMES = 100;
const EMPTY_MS = 1;
const EMPTY_TIMES = 30;
const QUICK = 0.2;

/** See the head of the file; all in ns. */
export interface Calibration {
  readonly turnNs: number;
  readonly operationNs: number;
}

const NO_WORK: LockLoad = {
  ...{ acquire: "spin", cpus: 1, criticalNs: 0, thinkNs: 0, locks: 1, readersPercent: 0 },
};
const NO_ORDERS = {
  ...{ ...NO_WORK, holdTurns: 0, thinkTurns: 0, tries: 1, sampleGap: 1 },
};

/** Measures on CPU 0, while the others rest. `empty` has no lock. */
export async function calibrate(crew: BenchCrew, empty: Seat): Promise<Calibration> {
  const turns: number[] = [];
  empty.bench.prepare(NO_ORDERS, empty.lock, 1);
  for (let i = 0; i < WORK_TIMES; i++) {
    turns.push((await crew.call(empty.index, "time_work", WORK_TURNS)) / WORK_TURNS);
  }
  const times: number[] = [];
  for (let i = 0; i < EMPTY_TIMES; i++) {
    const [counts] = await pass(crew, empty, i);
    if (counts !== undefined) times.push(counts.elapsedNs / Math.max(counts.taken, 1));
  }
  return { turnNs: quantile(turns, QUICK), operationNs: quantile(times, QUICK) };
}

function pass(crew: BenchCrew, empty: Seat, seed: number): Promise<Counts[]> {
  const options: PassOptions = {
    ...NO_ORDERS,
    milliseconds: EMPTY_MS,
    seed,
    histograms: undefined,
    isOver: () => false,
  };
  return runPass(crew, empty, NO_WORK, 1, options);
}
