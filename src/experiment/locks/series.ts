// A lock under a load, round by round: what one pass gives, and what stands in the document in the end.

import { bootstrapChange, bootstrapMedian, median } from "../stats.ts";
import type { Latency, LockLoad, LockResult } from "./document.ts";
import { Histogram } from "./histogram.ts";
import type { Counts } from "./memory.ts";

/** Seed of the bootstrap: the same samples give the same interval. */
const BOOTSTRAP_SEED = 1991;
const RESAMPLES = 2000;
/** The part of the times that gave up that are taken for typical: the longest were interrupted meanwhile. */
const TYPICAL = 0.999;

/** One round. */
interface Round {
  readonly taken: number;
  readonly perSecond: number;
  /** CPU time of an acquisition. */
  readonly ns: number;
  readonly jain: number;
  readonly leastShare: number;
  readonly sameCpu: number;
  readonly passed: number;
  /** Operations that gave up. */
  readonly lost: number;
  readonly lostInRow: number;
  readonly retried: number;
  readonly other: number;
}

/** Times of a round with the clock. */
interface TimedRound {
  /** What an operation that gave up took. */
  readonly lostNs: number;
  readonly waitMost: number;
  readonly holdMost: number;
}

const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0);

/** Jain's index of what each got: 1 when all got the same. */
export function jainIndex(shares: readonly number[]): number {
  const squares = sum(shares, (share) => share * share);
  return squares === 0 ? 1 : sum(shares, (share) => share) ** 2 / (shares.length * squares);
}

function roundOf(counts: readonly Counts[], thinkNs: number): Round {
  const taken = sum(counts, (count) => count.taken);
  const reads = sum(counts, (count) => count.reads);
  const lost = sum(counts, (count) => count.lost);
  const elapsed = sum(counts, (count) => count.elapsedNs);
  const shares = counts.map((count) => count.taken);
  return {
    taken,
    // Nobody got it: half an acquisition, so that a median stays a number that can be compared.
    perSecond: sum(counts, (count) => Math.max(count.taken, 0.5) / count.elapsedNs) * 1e9,
    ns: elapsed / Math.max(taken, 0.5),
    jain: jainIndex(shares),
    leastShare: taken === 0 ? 0 : (Math.min(...shares) * counts.length) / taken,
    sameCpu: taken === reads ? 0 : sum(counts, (count) => count.same) / (taken - reads),
    passed: Math.max(...counts.map((count) => count.passed)),
    lost,
    lostInRow: Math.max(...counts.map((count) => count.lostInRow)),
    retried: reads === 0 ? 0 : sum(counts, (count) => count.retries) / reads,
    other: ((taken + lost) * thinkNs) / elapsed,
  };
}

/** Times of a pass with the clock. */
function timedRoundOf(counts: readonly Counts[], lost: Histogram): TimedRound {
  return {
    lostNs: lost.total === 0 ? 0 : lost.mean(TYPICAL),
    waitMost: Math.max(...counts.map((count) => count.waitMostNs)),
    holdMost: Math.max(...counts.map((count) => count.holdMostNs)),
  };
}

/** Times of a pass with the clock. */
export type Histograms = Readonly<Record<"wait" | "lost" | "hold", Histogram>>;

/** What one lock did under one load. */
export class Series {
  readonly lock: string;
  readonly load: LockLoad;
  readonly oversubscribed: boolean;
  readonly #histograms = Series.histograms();
  readonly #rounds: Round[] = [];
  readonly #timed: TimedRound[] = [];

  constructor(lock: string, load: LockLoad, oversubscribed: boolean) {
    this.lock = lock;
    this.load = load;
    this.oversubscribed = oversubscribed;
  }

  /** Three empty histograms, for a pass with the clock. */
  static histograms(): Histograms {
    return { wait: new Histogram(), lost: new Histogram(), hold: new Histogram() };
  }

  /** Rounds that are complete. */
  get rounds(): number {
    return this.#rounds.length;
  }

  /** From asking for the lock to having it, with what the clock adds. */
  get waits(): Histogram {
    return this.#histograms.wait;
  }

  /** CPU time of an acquisition, round by round, in ns. */
  get ns(): number[] {
    return this.#rounds.map((round) => round.ns);
  }

  /** Acquisitions a second, round by round. */
  get perSecond(): number[] {
    return this.#rounds.map((round) => round.perSecond);
  }

  /** Adds a round: a pass without the clock, and one with it. */
  add(counts: readonly Counts[], timed: readonly Counts[], histograms: Histograms): void {
    this.#rounds.push(roundOf(counts, this.load.thinkNs));
    this.#timed.push(timedRoundOf(timed, histograms.lost));
    this.#histograms.wait.add(histograms.wait.buckets);
    this.#histograms.lost.add(histograms.lost.buckets);
    this.#histograms.hold.add(histograms.hold.buckets);
  }

  /**
   * Shares of CPU time: of tries that failed, and of the rest that is neither the load nor that, which is
   * taking the lock, waiting for it, and giving it back.
   */
  #shares(loadNs: number, clockNs: number): { waiting: number; wasted: number } {
    const shares = this.#rounds.map((round, i) => {
      const { ns, lost, taken } = round;
      const perTaken = taken === 0 ? 0 : lost / taken;
      const lostNs = Math.max(0, (this.#timed[i]?.lostNs ?? 0) - clockNs);
      const failed = (perTaken * lostNs) / ns;
      const others = (loadNs + perTaken * this.load.thinkNs) / ns;
      const wasted = Math.min(failed, Math.max(0, 1 - others));
      return { wasted, waiting: Math.max(0, 1 - others - wasted) };
    });
    return {
      waiting: median(shares.map(({ waiting }) => waiting)),
      wasted: median(shares.map(({ wasted }) => wasted)),
    };
  }

  /**
   * What stands in the document.
   * @param loadNs CPU time of an operation of this load without a lock
   * @param clockNs what the clock adds to a time
   * @param first the first lock under the same load
   */
  result(loadNs: number, clockNs: number, first: Series | undefined): LockResult {
    const typical = (value: (round: Round) => number): number => median(this.#rounds.map(value));
    const { waiting, wasted } = this.#shares(loadNs, clockNs);
    const most = (values: readonly number[]): number => Math.max(...values);
    const { wait, lost, hold } = this.#histograms;
    const change =
      first === undefined
        ? undefined
        : bootstrapChange(first.perSecond, this.perSecond, {
            seed: BOOTSTRAP_SEED,
            resamples: RESAMPLES,
          });
    return {
      ...{ lock: this.lock, ...this.load, oversubscribed: this.oversubscribed },
      rounds: this.rounds,
      acquisitions: sum(this.#rounds, (round) => round.taken),
      perSecond: typical((round) => round.perSecond),
      perSecondCi95: bootstrapMedian(this.perSecond, {
        seed: BOOTSTRAP_SEED,
        resamples: RESAMPLES,
      }),
      lockNs: typical((round) => round.ns) - loadNs,
      loadNs,
      changePercent: change?.changePercent ?? null,
      changeCi95: change?.ci95 ?? null,
      wait: latencyOf(wait, clockNs, most(this.#timed.map((round) => round.waitMost))),
      hold: latencyOf(hold, clockNs, most(this.#timed.map((round) => round.holdMost))),
      giveUp: latencyOf(lost, clockNs, NaN),
      ...{ waitPercent: 100 * waiting, wastedPercent: 100 * wasted },
      otherPercent: 100 * typical((round) => round.other),
      jain: typical((round) => round.jain),
      leastSharePercent: 100 * typical((round) => round.leastShare),
      sameCpuPercent: 100 * typical((round) => round.sameCpu),
      mostPassed: most(this.#rounds.map((round) => round.passed)),
      failedPercent: 100 * typical(({ taken, lost }) => lost / Math.max(taken + lost, 1)),
      mostFailed: most(this.#rounds.map((round) => round.lostInRow)),
      retriedPercent: 100 * typical((round) => round.retried),
    };
  }
}

function latencyOf(histogram: Histogram, clockNs: number, longest: number): Latency | null {
  if (histogram.total === 0) return null;
  const last = Number.isNaN(longest) ? histogram.quantile(1) : longest;
  // A quantile is the middle of its bucket, which may lie above all that is in it.
  const at = (p: number): number => Math.max(0, Math.min(histogram.quantile(p), last) - clockNs);
  return {
    samples: histogram.total,
    ...{ p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999) },
    max: Math.max(0, last - clockNs),
  };
}
