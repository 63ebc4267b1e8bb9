// `racier locks`: what locks cost and whom they serve, lock beside lock, under each load that was asked for.

import { ConfigError, Interrupted } from "../../kernel/error.ts";
import type { LockSource } from "../../lab/sources.ts";
import { hostFacts } from "../host.ts";
import { median } from "../stats.ts";
import { racierVersion } from "../version.ts";
import { calibrate } from "./calibrate.ts";
import { BenchCrew } from "./crew.ts";
import type { LockFacts, LockLoad, LockResult, LocksDocument, LocksInput } from "./document.ts";
import { BenchMemory, benchBytes, MAX_LOCKS } from "./memory.ts";
import type { Seat } from "./pass.ts";
import { LocksRun } from "./run.ts";
import type { Series } from "./series.ts";
import { benchLock, cannot, emptyLock, type BenchLock } from "./subject.ts";
import { compareTrylock } from "./trylock.ts";

/** What to measure. */
export interface LocksOptions extends LocksInput {
  readonly sources: readonly LockSource[];
  readonly rounds: number;
  /** Time of all rounds together. */
  readonly seconds: number;
  /** Says in the end what trying has over waiting: `acquire` has both. */
  readonly compareTrylock: boolean;
  /** How long after the end of its time a lock hangs. @defaultValue 3 s */
  readonly hangMs?: number;
  /** Told after each step how many of all are done. */
  readonly onProgress?: (done: number, total: number, note: string) => void;
  /** True when the user wants it to end. */
  readonly interrupted?: () => boolean;
}

const HANG_MS = 3000;
const TOO_EARLY = "interrupted before the first round was complete: nothing was measured";
/** Memory of one lock's bench, at most. */
const MAX_BYTES = 2 ** 30;

/** Measures locks. Rejects with ConfigError, and with Interrupted when interrupted too early. */
export async function runLocks(options: LocksOptions): Promise<LocksDocument> {
  const host = hostFacts();
  const loads = loadsOf(options);
  const most = Math.max(...options.locks);
  refuseNamesakes(options.sources);
  const locks = [await emptyLock()];
  for (const [i, source] of options.sources.entries()) {
    if (options.interrupted?.()) throw new Interrupted(TOO_EARLY);
    options.onProgress?.(i, options.sources.length, `compiling ${source.name}`);
    locks.push(await benchLock(source));
  }
  refuseImpossible(locks.slice(1), loads);
  const [empty, ...seats] = locks.map((lock, index) => seatOf(lock, index, most)) as [
    Seat,
    ...Seat[],
  ];
  const loaded = [empty, ...seats].map(({ lock: { module }, bench }) => ({ module, bench }));
  // Two at least: that is how many it takes to see whether a lock is one.
  const cpus = Math.max(2, ...options.cpus);
  const crew = new BenchCrew(loaded, cpus, options.hangMs ?? HANG_MS);
  try {
    const calibration = await calibrate(crew, empty);
    const run = new LocksRun(crew, empty, seats, {
      ...{ loads, rounds: options.rounds, seconds: options.seconds, tries: options.tries },
      ...{ sampleGap: options.sampleGap, cores: host.cores, calibration },
      onProgress: options.onProgress ?? (() => undefined),
      isOver: options.interrupted ?? (() => false),
    });
    const interrupted = await run.measure();
    const measured = run.series.filter(({ rounds }) => rounds > 0);
    if (interrupted && measured.length === 0) {
      throw new Interrupted(TOO_EARLY);
    }
    const { clock } = run;
    const clockNs = clock.quantile(0.5);
    const results = measured.map((series) => resultOf(series, measured, run, clockNs));
    return {
      ...{ command: "locks", version: racierVersion(), host, input: inputOf(options) },
      cost: { clockNs, clockP99Ns: clock.quantile(0.99), ...calibration },
      ...{ rounds: measured[0]?.rounds ?? 0, interrupted },
      locks: seats.map((seat) => factsOf(seat, run)),
      results,
      trylock: options.compareTrylock ? compareTrylock(measured, results) : [],
    };
  } finally {
    await crew.close();
  }
}

/** Every load that was asked for. */
function loadsOf(input: LocksInput): LockLoad[] {
  return input.readersPercent.flatMap((readersPercent) =>
    input.locks.flatMap((locks) =>
      input.criticalNs.flatMap((criticalNs) =>
        input.thinkNs.flatMap((thinkNs) =>
          input.cpus.flatMap((cpus) =>
            input.acquire.map((acquire) => ({
              ...{ acquire, cpus, criticalNs, thinkNs, locks, readersPercent },
            })),
          ),
        ),
      ),
    ),
  );
}

const inputOf = (options: LocksOptions): LocksInput => ({
  ...{ acquire: options.acquire, cpus: options.cpus, criticalNs: options.criticalNs },
  ...{ thinkNs: options.thinkNs, locks: options.locks, readersPercent: options.readersPercent },
  ...{ tries: options.tries, sampleGap: options.sampleGap },
});

/** Throws ConfigError if two locks would be called the same. */
function refuseNamesakes(sources: readonly LockSource[]): void {
  const names = sources.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new ConfigError(`two of the files are called ${twice}: give one of them another name`);
}

/** Throws ConfigError if nothing that was asked for can be measured. */
function refuseImpossible(locks: readonly BenchLock[], loads: readonly LockLoad[]): void {
  const reasons = locks.flatMap((lock) =>
    loads.map(({ acquire, readersPercent }) => cannot(lock, acquire, readersPercent)),
  );
  if (reasons.some((reason) => reason === undefined)) return;
  throw new ConfigError(`${String(reasons[0])}: it can only be measured with --acquire spin`);
}

function seatOf(lock: BenchLock, index: number, locks: number): Seat {
  const bytes = benchBytes(lock, locks);
  if (locks > MAX_LOCKS || bytes > MAX_BYTES) {
    throw new ConfigError(
      `${locks} locks of ${lock.lockBytes} bytes are too many: give fewer --locks`,
    );
  }
  return { lock, index, bench: new BenchMemory(bytes) };
}

function resultOf(
  series: Series,
  all: readonly Series[],
  run: LocksRun,
  clockNs: number,
): LockResult {
  const first = all.find(({ load }) => load === series.load);
  const base = median(run.baseOf(series.load).ns);
  return series.result(base, clockNs, first === series ? undefined : first);
}

function factsOf({ lock }: Seat, run: LocksRun): LockFacts {
  const failure = run.failures.get(lock.name);
  const { entry } = lock.source;
  const alone = run.aloneOf(lock.name);
  const isKnown = failure === undefined && alone.rounds > 0;
  const aloneNs = isKnown ? median(alone.ns) : null;
  return {
    ...{ name: lock.name, summary: entry?.summary ?? null, source: entry?.source ?? null },
    ...{ lockBytes: lock.lockBytes, nodeBytes: lock.nodeBytes, aloneNs },
    aloneLessLoopNs: aloneNs === null ? null : aloneNs - median(run.aloneOf(undefined).ns),
    meetings: run.meetings(lock.name),
    ...{ verdict: failure?.verdict ?? "measured", message: failure?.message ?? null },
  };
}
