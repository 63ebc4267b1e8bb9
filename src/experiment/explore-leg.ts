// One phase of a plan while a search is at it: its segments, and what is known when nothing of them
// remains.

import type { SliceResult, Work } from "../engine/explore/slice.ts";
import { splitPath } from "../engine/explore/strategy/path.ts";
import { nextPass } from "../engine/explore/strategy/bounded.ts";
import {
  boundStatement,
  type Learned,
  type Pass,
} from "../engine/explore/strategy/bounded-pass.ts";
import { Touched } from "../engine/explore/strategy/touched.ts";
import type { Phase } from "./explore-plan.ts";

/** A part of a phase. */
export interface Segment {
  readonly work: Work;
  state: "ready" | "running" | "done";
  /** Of one that is done. */
  result?: SliceResult | undefined;
}

/** A phase as it is written down. */
export interface WrittenLeg {
  /** Executions that have been added up. */
  readonly executions: number;
  /** Of a bounded phase: the pass it is in, and what was learned in it. */
  readonly pass: Pass | undefined;
  readonly learned: Learned;
  readonly segments: readonly {
    readonly work: Work;
    readonly result?: SliceResult | undefined;
  }[];
}

/** What is known at the end. */
interface AtEnd {
  /** What has been shown to be right. */
  readonly shown: string | null;
  /** Nothing remains for other phases to find. */
  readonly isFinal: boolean;
  /** It has begun another pass. */
  readonly goesOn: boolean;
}

const passOf = (work: Work): Pass | undefined => (work.kind === "bounded" ? work.pass : undefined);

const NOTHING: Learned = { touched: [], wasCut: false };

/** See the head of the file. */
export class Leg {
  readonly index: number;
  readonly phase: Phase;
  readonly segments: Segment[];
  /** Executions that have been added up. */
  executions: number;
  #pass: Pass | undefined;
  #learned: Learned;

  constructor(index: number, phase: Phase, written?: WrittenLeg) {
    this.index = index;
    this.phase = phase;
    this.executions = written?.executions ?? 0;
    this.#learned = written?.learned ?? NOTHING;
    this.#pass = written?.pass ?? passOf(phase.work);
    const segments = written?.segments ?? [{ work: phase.work }];
    // What was running when it was written down is to be done again.
    this.segments = segments.map(({ work, result }) =>
      result === undefined ? { work, state: "ready" } : { work, state: "done", result },
    );
  }

  /** True when something is not done. */
  get isOpen(): boolean {
    return this.segments.some(({ state }) => state !== "done");
  }

  /** The failure that comes first in it, as far as is known. */
  get failing(): SliceResult["failing"] {
    return this.segments.find(({ result }) => result?.failing)?.result?.failing;
  }

  /** Adds up the first segment, which is done. */
  shift(): SliceResult {
    const result = this.segments.shift()?.result as SliceResult;
    this.executions += result.executions;
    if (result.learned !== undefined) {
      const touched = new Touched(this.#learned.touched);
      touched.add(result.learned.touched);
      const wasCut = this.#learned.wasCut || result.learned.wasCut;
      this.#learned = { touched: touched.list(), wasCut };
    }
    return result;
  }

  /** Parts a walk that is to be done; the second part comes right after it. */
  split(at: number): void {
    const { work } = this.segments[at] as Segment;
    if ((work.kind !== "dfs" && work.kind !== "bounded") || work.path === "start") return;
    const parts = splitPath(work.path);
    if (parts === undefined) return;
    const segments = parts.map((path): Segment => ({ work: { ...work, path }, state: "ready" }));
    this.segments.splice(at, 1, ...segments);
  }

  /** Nothing remains: what that shows. Begins the next pass, if there is one. */
  atEnd(): AtEnd {
    const { shows, maximum, isLast } = this.phase;
    const pass = this.#pass;
    if (pass === undefined) return { shown: shows, isFinal: isLast, goesOn: false };
    const { wasCut } = this.#learned;
    const next = nextPass(pass, this.#learned, maximum);
    const isSame = next?.bound === pass.bound;
    const shown = isSame ? null : boundStatement(pass, wasCut);
    if (next === undefined) return { shown, isFinal: isLast || !wasCut, goesOn: false };
    this.#pass = next;
    this.#learned = NOTHING;
    this.segments.push({ work: { kind: "bounded", pass: next, path: "start" }, state: "ready" });
    return { shown, isFinal: false, goesOn: true };
  }

  /** What is to be written down. */
  write(): WrittenLeg {
    const segments = this.segments.map(({ work, result }) => ({ work, result }));
    return { executions: this.executions, pass: this.#pass, learned: this.#learned, segments };
  }
}
