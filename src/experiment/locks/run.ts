// All rounds of `racier locks`. In every round each lock is measured under each load, the locks of one load
// directly after each other and in an order that changes from round to round, so that drift of the computer
// hits all alike. A lock that turns out to be none is left out from then on.

import { inTurn } from "../turns.ts";
import type { BenchCrew } from "./crew.ts";
import type { Calibration } from "./calibrate.ts";
import type { LockLoad } from "./document.ts";
import { Histogram } from "./histogram.ts";
import type { Counts } from "./memory.ts";
import { LockFailure, runPass, type PassOptions, type Seat } from "./pass.ts";
import { Series } from "./series.ts";
import { cannot } from "./subject.ts";

/** What to measure, ready to be measured. */
export interface RunPlan {
  readonly loads: readonly LockLoad[];
  readonly rounds: number;
  readonly seconds: number;
  readonly tries: number;
  readonly sampleGap: number;
  /** Hardware threads. */
  readonly cores: number;
  readonly calibration: Calibration;
  readonly onProgress: (done: number, total: number, note: string) => void;
  readonly isOver: () => boolean;
}

/** Part of a lock's time that is without the clock; the rest is with it. */
const UNTIMED = 0.6;
/** Time of a pass that only looks whether a lock is one, in ms, and its work under the lock. */
const CHECK_MS = 20;
const CHECK_TURNS = 20;
/** That often CPUs must have met for the look to be worth something, and so many passes they get for it. */
const ENOUGH_MEETINGS = 100;
const CHECKS = 100;
/** No pass is shorter, in ms. */
const SHORTEST_MS = 1;

/** Nobody else wants the lock, and there is no work: the cost of taking it and giving it back. */
const ALONE: LockLoad = {
  ...{ acquire: "spin", cpus: 1, criticalNs: 0, thinkNs: 0, locks: 1, readersPercent: 0 },
};
/** Time of that, in a part of that of another load. */
const ALONE_PART = 0.5;

/** Loads that take the same time without a lock. */
const baseKey = ({ criticalNs, thinkNs, locks, readersPercent }: LockLoad): string =>
  JSON.stringify([criticalNs, thinkNs, locks, readersPercent]);

/** See the head of the file. */
export class LocksRun {
  readonly failures = new Map<string, LockFailure>();
  readonly #crew: BenchCrew;
  readonly #empty: Seat;
  readonly #seats: readonly Seat[];
  readonly #plan: RunPlan;
  readonly #series: { readonly seat: Seat; readonly series: Series }[];
  readonly #bases = new Map<string, Series>();
  readonly #alone: { readonly seat: Seat; readonly series: Series }[];
  readonly #meetings = new Map<string, number>();
  #done = 0;
  #passes = 0;

  constructor(crew: BenchCrew, empty: Seat, seats: readonly Seat[], plan: RunPlan) {
    this.#crew = crew;
    this.#empty = empty;
    this.#seats = seats;
    this.#plan = plan;
    this.#series = plan.loads.flatMap((load) =>
      seats
        .filter(({ lock }) => cannot(lock, load.acquire, load.readersPercent) === undefined)
        .map((seat) => ({
          seat,
          series: new Series(seat.lock.name, load, load.cpus > plan.cores),
        })),
    );
    // Every lock by itself, and what is left of that without one.
    this.#alone = [empty, ...seats].map((seat) => ({
      ...{ seat, series: new Series(seat.lock.name, ALONE, false) },
    }));
    for (const load of plan.loads) {
      const base: LockLoad = { ...load, acquire: "spin", cpus: 1 };
      if (!this.#bases.has(baseKey(load))) {
        this.#bases.set(baseKey(load), new Series(empty.lock.name, base, false));
      }
    }
  }

  /** What was measured of locks that are locks. */
  get series(): readonly Series[] {
    return this.#alive.map(({ series }) => series);
  }

  /** The same load without a lock. */
  baseOf(load: LockLoad): Series {
    return this.#bases.get(baseKey(load)) as Series;
  }

  /** What the clock adds to a time: from asking to having, where there is no lock, in all rounds. */
  get clock(): Histogram {
    const clock = new Histogram();
    for (const base of [this.aloneOf(undefined), ...this.#bases.values()]) {
      clock.add(base.waits.buckets);
    }
    return clock;
  }

  /** A lock by itself; undefined: no lock. */
  aloneOf(lock: string | undefined): Series {
    const index =
      lock === undefined ? 0 : this.#alone.findIndex(({ series }) => series.lock === lock);
    return this.#alone[index]!.series;
  }

  get #alive(): { readonly seat: Seat; readonly series: Series }[] {
    return this.#series.filter(({ seat }) => !this.failures.has(seat.lock.name));
  }

  get #total(): number {
    const inRound = this.#series.length + this.#bases.size + this.#alone.length;
    return this.#seats.length + inRound * (this.#plan.rounds + 1);
  }

  /** Measures everything, or until the user has enough; true if that was the reason. */
  async measure(): Promise<boolean> {
    const { rounds, seconds, isOver } = this.#plan;
    const short = ALONE_PART * (this.#bases.size + this.#alone.length);
    const slice = (seconds * 1000) / (rounds * (this.#series.length + short));
    for (const seat of this.#seats) await this.#examine(seat);
    await this.#round(Math.min(slice, CHECK_MS), "warm-up", 0, () => undefined);
    for (let round = 0; round < rounds && !isOver() && this.#alive.length > 0; round++) {
      const keep: (() => void)[] = [];
      const note = `round ${round + 1} of ${rounds}`;
      await this.#round(slice, note, round, (add) => keep.push(add));
      // A round counts only as a whole: what is compared was measured side by side.
      if (!isOver()) for (const add of keep) add();
    }
    return isOver();
  }

  /** Looks whether a lock is one where two CPUs meet, whatever the loads are: until they have met often. */
  async #examine(seat: Seat): Promise<void> {
    const reads = this.#plan.loads.some(({ readersPercent }) => readersPercent > 0);
    for (const readersPercent of reads ? [0, 50] : [0]) {
      const load: LockLoad = { ...ALONE, cpus: 2, readersPercent };
      const before = this.meetings(seat.lock.name);
      for (let i = 0; i < CHECKS && !this.#plan.isOver(); i++) {
        const options = { ...this.#options(load, CHECK_MS), holdTurns: CHECK_TURNS };
        await this.#guarded(seat, () => this.#pass(seat, load, options));
        if (this.meetings(seat.lock.name) - before >= ENOUGH_MEETINGS) break;
      }
    }
    this.#step("examining");
  }

  /** How often a lock went from one CPU to another, in all passes; it was found to be a lock in each. */
  meetings(lock: string): number {
    return this.#meetings.get(lock) ?? 0;
  }

  async #pass(seat: Seat, load: LockLoad, options: PassOptions): Promise<Counts[]> {
    const counts = await runPass(this.#crew, seat, load, this.#plan.cores, options);
    const { name } = seat.lock;
    const turns = counts.reduce((sum, { taken, reads, same }) => sum + taken - reads - same, 0);
    // The first turn of a CPU under a lock has none before it.
    const met = Math.max(0, turns - load.cpus * load.locks);
    this.#meetings.set(name, this.meetings(name) + (load.cpus > 1 ? met : 0));
    return counts;
  }

  async #round(
    slice: number,
    note: string,
    shift: number,
    keep: (add: () => void) => void,
  ): Promise<void> {
    const bases = [...this.#bases.values()].map((series) => ({ seat: this.#empty, series }));
    for (const { seat, series } of [...this.#alone, ...bases]) {
      if (this.#plan.isOver()) return;
      await this.#guarded(seat, () => this.#one(seat, series, slice * ALONE_PART, keep));
      this.#step(note);
    }
    for (const load of this.#plan.loads) {
      const rivals = this.#series.filter(({ series }) => series.load === load);
      for (const { seat, series } of inTurn(rivals, shift)) {
        if (this.#plan.isOver()) return;
        await this.#guarded(seat, () => this.#one(seat, series, slice, keep));
        this.#step(note);
      }
    }
  }

  /** A lock's part of a round: without the clock, and with it. */
  async #one(
    seat: Seat,
    series: Series,
    slice: number,
    keep: (add: () => void) => void,
  ): Promise<void> {
    const { load } = series;
    const histograms = Series.histograms();
    const plain = this.#options(load, slice * UNTIMED);
    const timed = { ...this.#options(load, slice * (1 - UNTIMED)), histograms };
    const counts = await this.#pass(seat, load, plain);
    const timedCounts = await this.#pass(seat, load, timed);
    keep(() => {
      series.add(counts, timedCounts, histograms);
    });
  }

  /** Does something with a lock that is one so far. */
  async #guarded({ lock }: Seat, work: () => Promise<unknown>): Promise<void> {
    if (this.failures.has(lock.name)) return;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LockFailure)) throw error;
      this.failures.set(lock.name, error);
    }
  }

  #options(load: LockLoad, milliseconds: number): PassOptions {
    const { tries, sampleGap, calibration, isOver } = this.#plan;
    const { turnNs } = calibration;
    return {
      ...{ tries, sampleGap, isOver, seed: ++this.#passes, histograms: undefined },
      milliseconds: Math.max(milliseconds, SHORTEST_MS),
      holdTurns: Math.round(load.criticalNs / turnNs),
      thinkTurns: Math.round(load.thinkNs / turnNs),
    };
  }

  #step(note: string): void {
    this.#plan.onProgress(++this.#done, this.#total, note);
  }
}
