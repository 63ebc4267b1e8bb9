// What measuring costs: how long two readings of the clock take, and one turn of work.

import { median, quantile } from "../stats.ts";
import type { BenchCrew } from "./crew.ts";
import { Histogram } from "./histogram.ts";
import type { Seat } from "./pass.ts";

const CLOCK_PAIRS = 20_000;
const WORK_TURNS = 100_000;
const WORK_TIMES = 21;

/** See the head of the file; all in ns. */
export interface Calibration {
  readonly clockNs: number;
  readonly clockP99Ns: number;
  readonly turnNs: number;
}

const NO_ORDERS = {
  ...{ cpus: 1, locks: 1, holdTurns: 0, thinkTurns: 0, readersPercent: 0 },
  ...{ tries: 1, sampleGap: 1, clockNs: 0 },
};

/** Measures both on CPU 0, while the others rest. */
export async function calibrate(
  crew: BenchCrew,
  { lock, bench, index }: Seat,
): Promise<Calibration> {
  bench.prepare(NO_ORDERS, lock, 1);
  await crew.call(index, "time_clock", CLOCK_PAIRS);
  bench.prepare(NO_ORDERS, lock, 1);
  await crew.call(index, "time_clock", CLOCK_PAIRS);
  const clock = new Histogram();
  clock.add(bench.histogram(0, "wait"));
  const times: number[] = [];
  for (let i = 0; i < WORK_TIMES; i++) {
    times.push((await crew.call(index, "time_work", WORK_TURNS)) / WORK_TURNS);
  }
  // A turn is a chain of two instructions: what is slower was disturbed.
  const turnNs = Math.min(median(times), quantile(times, 0.25));
  return { clockNs: clock.quantile(0.5), clockP99Ns: clock.quantile(0.99), turnNs };
}
