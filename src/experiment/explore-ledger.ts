// The books of a search: what is to be done, what is being done and by whom, and what came out. Knows
// no threads and no clock.
//
// A plan is a sequence of phases, a phase a sequence of segments: first one, then what remains of a walk,
// and a walk that has begun can be split. Segments are run in any order and by anybody, but their
// results are added up in the order of the plan. So what is found, and what is counted until then, does
// not depend on who ran what: the first failure in the order of the plan wins.
//
//   phase 0: bounded   [added up][done][running][ready]     <- the front
//   phase 1: dpor      [running]
//   phase 2: pct2      [done]                               ahead: waits until its turn comes

import type { FailingSchedule } from "../engine/explore/shrink.ts";
import type { SliceResult, Work } from "../engine/explore/slice.ts";
import { Leg, type Segment, type WrittenLeg } from "./explore-leg.ts";
import type { Phase } from "./explore-plan.ts";

/** Something to do for a worker. */
export interface Job {
  readonly id: number;
  /** Number of its phase: work of higher ones is in vain once a lower one has failed. */
  readonly phase: number;
  readonly name: string;
  readonly work: Work;
  /** Executions, at most. */
  readonly limit: number;
}

/** Executions, those of them that were redundant, and events of all. */
export interface Counts {
  executions: number;
  redundant: number;
  events: number;
}

/** How a search ended. */
export interface Outcome {
  readonly reason: "found" | "complete" | "budget";
  readonly failing?: FailingSchedule | undefined;
  /** Strategy that found it. */
  readonly strategy: string;
}

/** The books as they are written down. */
export interface WrittenLedger {
  readonly counts: Readonly<Counts>;
  readonly shown: string | null;
  readonly front: number;
  readonly legs: readonly WrittenLeg[];
  readonly outcome: Outcome | null;
}

interface Given {
  readonly leg: Leg;
  readonly segment: Segment;
}

const noCounts = (): Counts => ({ executions: 0, redundant: 0, events: 0 });

function add(counts: Counts, { executions, redundant, events }: Readonly<Counts>, sign = 1): void {
  counts.executions += sign * executions;
  counts.redundant += sign * redundant;
  counts.events += sign * events;
}

/** See the head of the file. */
export class Ledger {
  /** What has been added up. */
  readonly counts: Counts = noCounts();
  /** The strongest of what was shown to be right. */
  shown: string | null = null;
  outcome: Outcome | null = null;
  readonly #plan: Iterator<Phase>;
  readonly #budget: number;
  /** From the front on, by the numbers of their phases. */
  readonly #legs = new Map<number, Leg>();
  /** Those of them with something to do, in order. */
  #open: Leg[] = [];
  readonly #given = new Map<number, Given>();
  /** Numbers of those that have failed. */
  readonly #failed = new Set<number>();
  #front = 0;
  #drawn = 0;
  #lastId = 0;
  /** What has been done ahead of the front. */
  readonly #ahead = noCounts();
  /** What has to be done again, or need not have been done. */
  readonly #inVain = noCounts();

  /** @param budget executions, at most */
  constructor(plan: Iterator<Phase>, budget: number, written?: WrittenLedger) {
    this.#plan = plan;
    this.#budget = budget;
    if (written !== undefined) this.#read(written);
  }

  #read({ counts, shown, front, legs, outcome }: WrittenLedger): void {
    add(this.counts, counts);
    [this.shown, this.outcome, this.#front] = [shown, outcome, front];
    while (this.#drawn < front) {
      this.#plan.next();
      this.#drawn++;
    }
    for (const written of legs) {
      const leg = this.#draw(written);
      if (leg === undefined) return;
      for (const { result } of leg.segments) if (result !== undefined) add(this.#ahead, result);
      if (leg.isOpen) this.#open.push(leg);
      if (leg.failing !== undefined) this.#failed.add(leg.index);
    }
  }

  /** What is to be written down; what is running will be done again. */
  write(): WrittenLedger {
    const { counts, shown, outcome } = this;
    const legs = [...this.#legs.values()].map((leg) => leg.write());
    return { counts: { ...counts }, shown, front: this.#front, legs, outcome };
  }

  /** Phases above this one need not be worked on: it has failed. */
  get horizon(): number {
    return Math.min(...this.#failed, Infinity);
  }

  /** All that was done, added up or not. */
  everything(): Counts {
    const sum = { ...this.counts };
    add(sum, this.#ahead);
    add(sum, this.#inVain);
    return sum;
  }

  /** The first failure in the order of the plan that is known, even if what comes before it is not. */
  firstKnown(): Outcome | null {
    const leg = this.#legs.get(this.horizon);
    if (leg?.failing === undefined) return null;
    return { reason: "found", failing: leg.failing, strategy: leg.phase.name };
  }

  /** The next thing to do; undefined: nothing now. @param hands how many want something */
  take(hands: number): Job | undefined {
    if (this.outcome !== null) return undefined;
    for (const leg of this.#open) {
      if (leg.index > this.horizon) return undefined;
      const job = this.#takeFrom(leg, hands);
      if (job !== undefined) return job;
    }
    if (this.#failed.size > 0) return undefined;
    if (this.counts.executions + this.#ahead.executions >= this.#budget) return undefined;
    const leg = this.#draw();
    if (leg === undefined) return undefined;
    this.#open.push(leg);
    return this.#takeFrom(leg, hands);
  }

  #draw(written?: WrittenLeg): Leg | undefined {
    const next = this.#plan.next();
    if (next.done === true) return undefined;
    const leg = new Leg(this.#drawn++, next.value, written);
    this.#legs.set(leg.index, leg);
    return leg;
  }

  #takeFrom(leg: Leg, hands: number): Job | undefined {
    const at = leg.segments.findIndex(({ state }) => state === "ready");
    if (at < 0) return undefined;
    const busy = leg.segments.filter(({ state }) => state !== "done").length;
    if (busy < hands) leg.split(at);
    const segment = leg.segments[at] as Segment;
    const left = this.#budget - this.counts.executions;
    const limit = Math.min(leg.phase.executions - leg.executions, left);
    segment.state = "running";
    const id = ++this.#lastId;
    this.#given.set(id, { leg, segment });
    return { id, phase: leg.index, name: leg.phase.name, work: segment.work, limit };
  }

  /** Takes what came out of a job. */
  give(id: number, result: SliceResult): void {
    const { leg, segment } = this.#given.get(id) as Given;
    this.#given.delete(id);
    const at = leg.segments.indexOf(segment);
    const isGone = this.#legs.get(leg.index) !== leg || at < 0;
    // Chance that was cut is done again in full: it has no place to go on from.
    const isHalf = result.isCut && result.rest === undefined;
    if (isGone || isHalf) {
      segment.state = "ready";
      add(this.#inVain, result);
      return;
    }
    segment.state = "done";
    segment.result = result;
    add(this.#ahead, result);
    if (result.failing !== undefined) {
      this.#failed.add(leg.index);
      this.#discard(leg.segments.splice(at + 1));
    } else if (result.rest !== undefined) {
      leg.segments.splice(at + 1, 0, { work: result.rest, state: "ready" });
    }
    this.#reopen(leg);
    this.#addUp();
  }

  /** Keeps the list of legs with something to do. */
  #reopen(leg: Leg): void {
    const isListed = this.#open.includes(leg);
    const isOpen = leg.isOpen && this.#legs.get(leg.index) === leg;
    if (isListed && !isOpen) this.#open = this.#open.filter((each) => each !== leg);
    if (isListed || !isOpen) return;
    this.#open.push(leg);
    this.#open.sort((a, b) => a.index - b.index);
  }

  /** Adds up from the front, as far as everything is known. */
  #addUp(): void {
    while (this.outcome === null) {
      const leg = this.#legs.get(this.#front);
      if (leg === undefined || !this.#addUpLeg(leg)) return;
    }
  }

  /** One step; false when the next one has to wait. */
  #addUpLeg(leg: Leg): boolean {
    const { name: strategy, executions } = leg.phase;
    const [segment] = leg.segments;
    if (segment === undefined) return this.#atEndOf(leg);
    const left = this.#budget - this.counts.executions;
    if (left === 0) {
      this.outcome = { reason: "budget", strategy };
      return true;
    }
    const leftOfLeg = executions - leg.executions;
    if (leftOfLeg === 0) return this.#leave(leg);
    const { result } = segment;
    if (result === undefined) return false;
    if (result.executions > Math.min(left, leftOfLeg)) return this.#again(leg, segment);
    add(this.#ahead, result, -1);
    add(this.counts, leg.shift());
    const { failing } = result;
    if (failing !== undefined) this.outcome = { reason: "found", failing, strategy };
    return true;
  }

  /** It went further than it may, which was not known when it began: it is run again, with less. */
  #again(leg: Leg, segment: Segment): false {
    this.#failed.delete(leg.index);
    this.#discard(leg.segments.splice(1));
    this.#discard([segment]);
    segment.state = "ready";
    segment.result = undefined;
    this.#reopen(leg);
    return false;
  }

  /** Nothing of a phase remains: it has shown something, or begins another pass, or was chance. */
  #atEndOf(leg: Leg): boolean {
    const strategy = leg.phase.name;
    const { shown, isFinal, goesOn } = leg.atEnd();
    this.shown = shown ?? this.shown;
    if (isFinal) this.outcome = { reason: "complete", strategy };
    else if (this.counts.executions >= this.#budget) this.outcome = { reason: "budget", strategy };
    else if (!goesOn) this.#leave(leg);
    this.#reopen(leg);
    return true;
  }

  /** Goes to the next phase. */
  #leave(leg: Leg): true {
    this.#discard(leg.segments);
    this.#failed.delete(leg.index);
    this.#legs.delete(this.#front++);
    this.#reopen(leg);
    return true;
  }

  /** These results are not needed. */
  #discard(segments: readonly Segment[]): void {
    for (const { result } of segments) {
      if (result === undefined) continue;
      add(this.#ahead, result, -1);
      add(this.#inVain, result);
    }
  }
}
