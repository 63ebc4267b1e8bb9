// A schedule that is given: CPU after CPU, each for a number of events. What a turn cannot do (its CPU
// waits or has ended) is left out, and the CPUs that remain at the end run on in turn: so a schedule that
// was shortened still means something.

import type { Turn } from "../exploration.ts";
import { Path } from "./path.ts";
import type { Strategy } from "./strategy.ts";

/** See the head of the file. */
export class Replay implements Strategy {
  readonly name = "replay";
  readonly needsLog = true;
  readonly breaksOnWake = false;
  readonly completeness = "this schedule";
  steps = 0;
  readonly #turns: readonly Turn[];
  readonly #rest = new Path();
  #position = 0;
  /** Events at which the current turn is over. */
  #until = 0;
  #wasRun = false;

  constructor(turns: readonly Turn[]) {
    this.#turns = turns;
  }

  begin(): boolean {
    if (this.#wasRun) return false;
    this.#wasRun = true;
    return this.#rest.advance();
  }

  next(runnable: number, events: number): number {
    // A turn that was interrupted goes on.
    const current = this.#turns[this.#position - 1];
    if (current !== undefined && events < this.#until && ((runnable >> current.cpu) & 1) === 1) {
      this.steps = this.#until - events;
      return current.cpu;
    }
    while (this.#position < this.#turns.length) {
      const { cpu, steps } = this.#turns[this.#position++] as Turn;
      if (((runnable >> cpu) & 1) === 0) continue;
      this.steps = steps;
      this.#until = events + steps;
      return cpu;
    }
    const cpu = this.#rest.turn(runnable, events);
    this.steps = this.#rest.steps;
    return cpu;
  }

  end(): void {
    // There is only this one.
  }
}
