// A path through the tree of choices that is walked depth first: what the strategies that try every
// choice have in common. A node is an event: who did it, and who else remains to be tried there.
// Executions are not kept: a path is run again from the start, and goes on with the CPU that runs.

import { UNLIMITED } from "../runtime.ts";
import { cpuAfter, lowestCpu } from "./strategy.ts";

/** See the head of the file. */
export class Path {
  /** CPU of each event. */
  readonly chosen: number[] = [];
  /** Bits of the CPUs that remain to be tried in its place. */
  readonly todo: number[] = [];
  /** Events of the turn that turn() has chosen. */
  steps = UNLIMITED;
  /** Events that the execution must repeat; the last of them is new. */
  #forced = 0;
  #last = -1;
  #isFirst = true;

  /** Goes to the next path; false when there is none. */
  advance(): boolean {
    this.#last = -1;
    if (this.#isFirst) {
      this.#isFirst = false;
      return true;
    }
    let depth = this.todo.length - 1;
    while (depth >= 0 && this.todo[depth] === 0) depth--;
    this.chosen.length = this.todo.length = this.#forced = depth + 1;
    if (depth < 0) return false;
    const todo = this.todo[depth] as number;
    const cpu = lowestCpu(todo);
    this.todo[depth] = todo & ~(1 << cpu);
    this.chosen[depth] = cpu;
    return true;
  }

  /** Forgets everything, to walk the tree once more. */
  reset(): void {
    this.chosen.length = this.todo.length = this.#forced = 0;
    this.#isFirst = true;
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
  push(cpu: number, todo: number): void {
    this.chosen.push(cpu);
    this.todo.push(todo);
  }
}
