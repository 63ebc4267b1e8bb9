// A search in slices. A slice is some executions of one strategy; what comes out of it depends on what it
// was given and on nothing else: not on the machine that runs it, nor on what that has run before. So
// slices can be run by many workers, written down, and run again.

import type { Exploration } from "./exploration.ts";
import { failingSchedule, type FailingSchedule } from "./shrink.ts";
import { BoundedPass, type Learned, type Pass } from "./strategy/bounded-pass.ts";
import { DepthFirst } from "./strategy/dfs.ts";
import { Dpor, type Node } from "./strategy/dpor.ts";
import type { PathState, WalkFrom } from "./strategy/path.ts";
import { Pct } from "./strategy/pct.ts";
import { RandomWalk } from "./strategy/random.ts";
import { RoundRobin } from "./strategy/round-robin.ts";
import type { Strategy } from "./strategy/strategy.ts";

/** What is to be done: it can be sent, and written down. */
export type Work =
  | { readonly kind: "dfs"; readonly path: WalkFrom<PathState> }
  | { readonly kind: "bounded"; readonly pass: Pass; readonly path: WalkFrom<PathState> }
  | { readonly kind: "dpor"; readonly nodes: WalkFrom<readonly Node[]> }
  | { readonly kind: "pct"; readonly seed: number; readonly depth: number; readonly from: number }
  | { readonly kind: "random"; readonly seed: number; readonly from: number }
  | { readonly kind: "round-robin" };

/** What came out of a slice. */
export interface SliceResult {
  readonly executions: number;
  readonly redundant: number;
  readonly events: number;
  /** The last execution failed so. */
  readonly failing?: FailingSchedule | undefined;
  /** It was ended from outside, before it had come to its limit or its end. */
  readonly isCut: boolean;
  /** What remains of a walk. */
  readonly rest?: Work | undefined;
  /** Of a bounded walk. */
  readonly learned?: Learned | undefined;
}

/** A strategy that does some work, and what then remains of it. */
interface Started {
  readonly strategy: Strategy;
  readonly rest: () => Work | undefined;
  readonly learned?: () => Learned;
}

/** Executions between two looks at the clock. */
const LOOK = 16;
/** Executions that show how long they are. */
const MEASURED = 16;
/** A walk is handed on after this time, so that others can take a part of it. */
const WALK_MS = 100;

/** A machine that runs slices: every fresh one of the same subject gives the same results. */
export class Slicer {
  readonly exploration: Exploration;
  readonly #longest: number;

  /** @param spins the subject's unnamed spin loops are to be learnt */
  constructor(exploration: Exploration, spins: boolean) {
    this.exploration = exploration;
    if (spins) exploration.learnSpins();
    this.#longest = longestOf(exploration);
  }

  /** Starts a slice of at most `limit` executions. */
  start(work: Work, limit: number): Slice {
    return new Slice(this.exploration, this.#startedOn(work), limit);
  }

  #startedOn(work: Work): Started {
    const { runtime, subject } = this.exploration;
    switch (work.kind) {
      case "dfs": {
        const strategy = new DepthFirst(work.path);
        return { strategy, rest: () => withRest(strategy.rest(), (path) => ({ ...work, path })) };
      }
      case "bounded": {
        const strategy = new BoundedPass(runtime, work.pass, work.path);
        const rest = (): Work | undefined =>
          withRest(strategy.rest(), (path) => ({ ...work, path }));
        return { strategy, rest, learned: () => strategy.learned() };
      }
      case "dpor": {
        const strategy = new Dpor(runtime, work.nodes);
        return { strategy, rest: () => withRest(strategy.rest(), (nodes) => ({ ...work, nodes })) };
      }
      case "pct": {
        const { seed, depth, from } = work;
        const strategy = new Pct(seed, subject.cpus, depth, from, this.#longest);
        return { strategy, rest: () => undefined };
      }
      case "random":
        return { strategy: new RandomWalk(work.seed, work.from), rest: () => undefined };
      case "round-robin":
        return { strategy: new RoundRobin(), rest: () => undefined };
    }
  }
}

function withRest<Rest>(rest: Rest | undefined, make: (rest: Rest) => Work): Work | undefined {
  return rest === undefined ? undefined : make(rest);
}

/** Events of the longest of some random executions, the same ones each time. */
function longestOf(exploration: Exploration): number {
  const strategy = new RandomWalk(1);
  let longest = 1;
  for (let i = 0; i < MEASURED; i++) {
    longest = Math.max(longest, exploration.execute(strategy)?.events ?? 0);
  }
  exploration.forgetCounts();
  return longest;
}

/** A slice that runs. */
export class Slice {
  readonly #exploration: Exploration;
  readonly #started: Started;
  readonly #limit: number;
  readonly #isWalk: boolean;
  #ms = 0;
  #failing: FailingSchedule | undefined;

  constructor(exploration: Exploration, started: Started, limit: number) {
    exploration.forgetCounts();
    this.#exploration = exploration;
    this.#started = started;
    this.#limit = limit;
    this.#isWalk = started.rest() !== undefined;
  }

  /** Executions so far. */
  get executions(): number {
    return this.#exploration.executions;
  }

  /** Goes on for some time; false when there is nothing more to do: see result(). */
  step(ms: number): boolean {
    const exploration = this.#exploration;
    const began = performance.now();
    const left = this.#isWalk ? Math.min(ms, WALK_MS - this.#ms) : ms;
    while (exploration.executions < this.#limit) {
      const outcome = exploration.execute(this.#started.strategy);
      if (outcome === undefined) return false;
      this.#failing = failingSchedule(exploration, outcome);
      if (this.#failing !== undefined) return false;
      if (exploration.executions % LOOK === 0 && performance.now() - began >= left) {
        this.#ms += performance.now() - began;
        return !this.#isWalk || this.#ms < WALK_MS;
      }
    }
    return false;
  }

  /** What came out; `isCut`: before step() said that it is over. */
  result(isCut: boolean): SliceResult {
    const { executions, redundant, totalEvents: events } = this.#exploration;
    const { rest, learned } = this.#started;
    const failing = this.#failing;
    const remains = failing === undefined ? rest() : undefined;
    return {
      ...{ executions, redundant, events, failing, isCut },
      ...{ rest: remains, learned: learned?.() },
    };
  }
}
