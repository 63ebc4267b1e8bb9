// A path through the tree of choices that is walked depth first: what the strategies that try every
// choice have in common. A node is an event: who did it, and who else remains to be tried there.
// Executions are not kept: a path is run again from the start, and goes on with the CPU that runs.

import { UNLIMITED } from "../runtime.ts";
import type { Step } from "./step.ts";
import { cpuAfter, lowestCpu } from "./strategy.ts";

/** A walk that has begun: the path that was walked last, and what remains to be tried at its events. */
export interface PathState {
  readonly chosen: readonly number[];
  readonly todo: readonly number[];
  /** See Path.pending. */
  readonly pending: readonly (Step | null)[];
}

/** Where a walk stands. */
export type WalkFrom<State> = State | "start";

/** See the head of the file. */
export class Path {
  /** CPU of each event. */
  readonly chosen: number[] = [];
  /** Bits of the CPUs that remain to be tried in its place. */
  readonly todo: number[] = [];
  /** What the CPU would have done that was here first; null: that does not matter. */
  readonly pending: (Step | null)[] = [];
  /** Events of the turn that turn() has chosen. */
  steps = UNLIMITED;
  /** Events that the execution must repeat; the last of them is new. */
  #forced = 0;
  #last = -1;
  #isFirst = true;

  constructor(from: WalkFrom<PathState> = "start") {
    if (from === "start") return;
    this.#isFirst = false;
    this.chosen.push(...from.chosen);
    this.todo.push(...from.todo);
    this.pending.push(...from.pending);
  }

  /** What remains of the walk; undefined: nothing. */
  rest(): WalkFrom<PathState> | undefined {
    if (this.#isFirst) return "start";
    const { length } = trimmed(this.todo);
    if (length === 0) return undefined;
    return firstOf(this, length);
  }

  /** Goes to the next path; false when there is none. */
  advance(): boolean {
    this.#last = -1;
    if (this.#isFirst) {
      this.#isFirst = false;
      return true;
    }
    let depth = this.todo.length - 1;
    while (depth >= 0 && this.todo[depth] === 0) depth--;
    this.chosen.length = this.todo.length = this.pending.length = this.#forced = depth + 1;
    if (depth < 0) return false;
    const todo = this.todo[depth] as number;
    const cpu = lowestCpu(todo);
    this.todo[depth] = todo & ~(1 << cpu);
    this.chosen[depth] = cpu;
    return true;
  }

  /** True for an event that the execution must repeat, or the new one after them. */
  isForced(events: number): boolean {
    return events < this.#forced;
  }

  /** The CPU of the next turn: the forced one, then the one that runs, as long as it can. */
  turn(runnable: number, events: number): number {
    if (events < this.#forced) {
      this.#last = this.chosen[events] as number;
      let end = events + 1;
      while (end < this.#forced && this.chosen[end] === this.#last) end++;
      this.steps = end - events;
      return this.#last;
    }
    this.steps = UNLIMITED;
    if (this.#last < 0 || ((runnable >> this.#last) & 1) === 0) {
      this.#last = cpuAfter(this.#last, runnable);
    }
    return this.#last;
  }

  /** Adds an event to the path. */
  push(cpu: number, todo: number, pending: Step | null = null): void {
    this.chosen.push(cpu);
    this.todo.push(todo);
    this.pending.push(pending);
  }
}

/**
 * Parts what remains of a walk in two, at the choice nearest to the root: first the walk below the path,
 * then what else is to be tried there. One after the other they are the walk itself.
 * Undefined when only one of them would have something to try.
 */
export function splitPath(path: PathState): [PathState, PathState] | undefined {
  const { todo } = path;
  const at = todo.findIndex((cpus) => cpus !== 0);
  const below = todo.map((cpus, event) => (event <= at ? 0 : cpus));
  if (at < 0 || trimmed(below).length === 0) return undefined;
  return [{ ...path, todo: below }, firstOf(path, at + 1)];
}

/** The first events of a path. */
const firstOf = ({ chosen, todo, pending }: PathState, length: number): PathState => ({
  chosen: chosen.slice(0, length),
  todo: todo.slice(0, length),
  pending: pending.slice(0, length),
});

/** Without the events at its end at which nothing remains. */
function trimmed(todo: readonly number[]): readonly number[] {
  return todo.slice(0, todo.findLastIndex((cpus) => cpus !== 0) + 1);
}
