// Every CPU does one event, then the next one: one execution, the same each time.

import { lowestCpu, type Strategy } from "./strategy.ts";

/** See the head of the file. */
export class RoundRobin implements Strategy {
  readonly name = "round-robin";
  readonly needsLog = false;
  readonly breaksOnWake = false;
  readonly completeness = "the round robin schedule";
  readonly steps = 1;
  #last = -1;
  #wasRun = false;

  begin(): boolean {
    if (this.#wasRun) return false;
    this.#wasRun = true;
    return true;
  }

  next(runnable: number): number {
    const later = this.#last < 0 ? 0 : runnable & ~((2 << this.#last) - 1);
    this.#last = lowestCpu(later === 0 ? runnable : later);
    return this.#last;
  }

  end(): void {
    // There is only this one.
  }
}
