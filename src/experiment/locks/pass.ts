// One pass: a lock under a load for some milliseconds, and the look at whether it was one. A lock that is
// none gives no figures.

import { writeLabParams } from "../../lab/memory.ts";
import { type BenchCrew, type Ending } from "./crew.ts";
import type { LockLoad, LockVerdict } from "./document.ts";
import type { BenchMemory, Counts, Phase } from "./memory.ts";
import type { Histograms } from "./series.ts";
import { loopName, type BenchLock } from "./subject.ts";

/** Turns of a wait loop before a waiter of an oversubscribed bench parks. */
const SPIN_LIMIT = 1000;

/** A lock with its memory, and its number in the crew. */
export interface Seat {
  readonly lock: BenchLock;
  readonly bench: BenchMemory;
  readonly index: number;
}

/** What a pass needs to know beyond the load. */
export interface PassOptions {
  readonly milliseconds: number;
  /** Histograms to add to; undefined: without the clock. */
  readonly histograms: Histograms | undefined;
  readonly holdTurns: number;
  readonly thinkTurns: number;
  readonly tries: number;
  readonly sampleGap: number;
  readonly seed: number;
  readonly isOver: () => boolean;
}

/** A lock that gave no figures. */
export class LockFailure extends Error {
  override readonly name = "LockFailure";
  readonly verdict: LockVerdict;

  constructor(verdict: LockVerdict, message: string) {
    super(message);
    this.verdict = verdict;
  }
}

/**
 * Runs a pass.
 * @returns what each CPU counted
 * @throws LockFailure when the lock hangs, traps, or does not exclude
 */
export async function runPass(
  crew: BenchCrew,
  { lock, bench, index }: Seat,
  load: LockLoad,
  cores: number,
  options: PassOptions,
): Promise<Counts[]> {
  const { cpus, locks, readersPercent, acquire } = load;
  const { holdTurns, thinkTurns, sampleGap, seed, histograms, milliseconds } = options;
  const tries = acquire === "try" ? 1 : options.tries;
  const orders = { cpus, locks, readersPercent, holdTurns, thinkTurns, tries, sampleGap };
  bench.prepare(orders, lock, seed);
  writeLabParams(bench.words, { cpus, oversubscribed: cpus > cores, spinLimit: SPIN_LIMIT });
  const name = loopName(acquire, readersPercent, histograms !== undefined);
  const ending = await crew.run({ lock: index, name, cpus, milliseconds }, options.isOver);
  if (ending.kind !== "stopped") throw failureOf(ending, lock.name);
  const counts = Array.from({ length: cpus }, (_, cpu) => bench.counts(cpu));
  check(lock, bench, load, counts);
  if (histograms !== undefined) {
    for (let cpu = 0; cpu < cpus; cpu++) {
      histograms.wait.add(bench.histogram(cpu, "wait"));
      histograms.lost.add(bench.histogram(cpu, "lost"));
      histograms.hold.add(bench.histogram(cpu, "hold"));
    }
  }
  return counts;
}

const WORDS: Readonly<Record<Phase | "back", string>> = {
  thinks: "does not hold it and does not wait",
  waits: "waits for it",
  holds: "holds it",
  back: "has ended",
};

function failureOf(ending: Exclude<Ending, { kind: "stopped" }>, name: string): LockFailure {
  if (ending.kind === "trapped") {
    return new LockFailure("fails", `${name} fails: ${ending.message} (CPU ${ending.cpu})`);
  }
  const states = ending.phases.map((phase, cpu) => `CPU ${cpu} ${WORDS[phase]}`);
  return new LockFailure("hangs", `${name} hangs: ${states.join(", ")}`);
}

/** Throws LockFailure if the CPUs were not kept apart, or the lock wrote where it may not. */
function check(lock: BenchLock, bench: BenchMemory, load: LockLoad, counts: Counts[]): void {
  const { cpus, locks } = load;
  const written = counts.reduce((sum, { taken, reads }) => sum + taken - reads, 0);
  const done = bench.turnsDone(lock, locks);
  const where = `${lock.name} is not a lock`;
  if (done !== written) {
    throw new LockFailure(
      "not a lock",
      `${where}: CPUs took ${written} turns under it, and what it protects counted ${done}`,
    );
  }
  const torn = counts.reduce((sum, count) => sum + count.torn, 0);
  if (torn > 0) {
    throw new LockFailure("not a lock", `${where}: ${torn} readers saw a writer at work`);
  }
  const broken = bench.brokenGuard(lock, cpus, locks);
  if (broken !== undefined) {
    const bytes =
      broken === "lock" ? `LOCK_BYTES, ${lock.lockBytes}` : `NODE_BYTES, ${lock.nodeBytes}`;
    throw new LockFailure("fails", `${lock.name} writes beyond its ${bytes}`);
  }
}
