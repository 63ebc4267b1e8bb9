// Every CPU does one event, then the next one: one execution, the same each time. A CPU that is alone goes
// on until somebody wakes.

import { UNLIMITED } from "../runtime.ts";
import { countCpus, cpuAfter, type Strategy } from "./strategy.ts";

/** See the head of the file. */
export class RoundRobin implements Strategy {
  readonly name = "round-robin";
  readonly needsLog = false;
  readonly breaksOnWake = true;
  readonly completeness = "the round robin schedule";
  steps = 1;
  #last = -1;
  #wasRun = false;

  begin(): boolean {
    if (this.#wasRun) return false;
    this.#wasRun = true;
    return true;
  }

  next(runnable: number): number {
    this.#last = cpuAfter(this.#last, runnable);
    this.steps = countCpus(runnable) === 1 ? UNLIMITED : 1;
    return this.#last;
  }

  end(): void {
    // There is only this one.
  }
}
