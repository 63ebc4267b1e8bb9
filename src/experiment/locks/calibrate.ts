// What measuring costs: an operation without a lock, one turn of work, and what the clock adds to a time.
// Short passes, and of those the quick fifth: a turn and an operation are always the same few instructions,
// so what takes longer was disturbed. The clock is read as it is when locks are timed, once in a while; read
// over and over it is quicker.

import { quantile } from "../stats.ts";
import type { BenchCrew } from "./crew.ts";
import type { LockLoad } from "./document.ts";
import type { Counts } from "./memory.ts";
import { runPass, type PassOptions, type Seat } from "./pass.ts";
import { Series } from "./series.ts";

/** Passes with the clock, and the work between two operations of theirs. */
const CLOCK_MS = 10;
const CLOCK_TURNS = 100;
const WORK_TURNS = 20_000;
const WORK_TIMES = 100;
const EMPTY_MS = 1;
const EMPTY_TIMES = 30;
const QUICK = 0.2;

/** See the head of the file; all in ns. */
export interface Calibration {
  readonly clockNs: number;
  readonly clockP99Ns: number;
  readonly turnNs: number;
  readonly operationNs: number;
}

const NO_WORK: LockLoad = {
  ...{ acquire: "spin", cpus: 1, criticalNs: 0, thinkNs: 0, locks: 1, readersPercent: 0 },
};
const NO_ORDERS = {
  ...{ ...NO_WORK, holdTurns: 0, thinkTurns: 0, tries: 1, sampleGap: 1, clockNs: 0 },
};

/** Measures on CPU 0, while the others rest. `empty` has no lock. */
export async function calibrate(
  crew: BenchCrew,
  empty: Seat,
  sampleGap: number,
): Promise<Calibration> {
  const turns: number[] = [];
  empty.bench.prepare(NO_ORDERS, empty.lock, 1);
  for (let i = 0; i < WORK_TIMES; i++) {
    turns.push((await crew.call(empty.index, "time_work", WORK_TURNS)) / WORK_TURNS);
  }
  const times: number[] = [];
  for (let i = 0; i < EMPTY_TIMES; i++) {
    const [counts] = await pass(crew, empty, { milliseconds: EMPTY_MS, seed: i });
    if (counts !== undefined) times.push(counts.elapsedNs / Math.max(counts.taken, 1));
  }
  const histograms = Series.histograms();
  for (let i = 0; i < 2; i++) {
    const timed = { milliseconds: CLOCK_MS, seed: i, sampleGap, thinkTurns: CLOCK_TURNS };
    // The first warms up.
    await pass(crew, empty, { ...timed, histograms: i === 0 ? Series.histograms() : histograms });
  }
  return {
    clockNs: histograms.wait.quantile(0.5),
    clockP99Ns: histograms.wait.quantile(0.99),
    turnNs: quantile(turns, QUICK),
    operationNs: quantile(times, QUICK),
  };
}

function pass(crew: BenchCrew, empty: Seat, options: Partial<PassOptions>): Promise<Counts[]> {
  const standard = { ...NO_ORDERS, milliseconds: EMPTY_MS, seed: 0, histograms: undefined };
  return runPass(crew, empty, NO_WORK, 1, { ...standard, isOver: () => false, ...options });
}
