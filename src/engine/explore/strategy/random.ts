// Uniform random walk: before each event, every runnable CPU is as likely as any other.
//
// A turn is as long as the same CPU would have been chosen again and again: with n runnable CPUs, one
// event more with probability 1/n.

import { Generator } from "./generator.ts";
import { countCpus, nthCpu, type Strategy } from "./strategy.ts";

/** See the head of the file. */
export class RandomWalk implements Strategy {
  readonly name = "random";
  readonly needsLog = false;
  readonly breaksOnWake = true;
  readonly completeness = "";
  steps = 0;
  readonly #random: Generator;
  #last = -1;
  /** Events at which the turn of #last is over, unless it was interrupted. */
  #until = 0;

  /** @param from executions of this seed that are passed over */
  constructor(seed: number, from = 0) {
    this.#random = new Generator(seed, from);
  }

  begin(): boolean {
    this.#random.nextExecution();
    this.#last = -1;
    return true;
  }

  next(runnable: number, events: number): number {
    const wasSpent = events === this.#until && ((runnable >> this.#last) & 1) === 1;
    const others = this.#last >= 0 && wasSpent ? runnable & ~(1 << this.#last) : runnable;
    const candidates = others === 0 ? runnable : others;
    const cpu = nthCpu(candidates, this.#random.below(countCpus(candidates)));
    const n = countCpus(runnable);
    this.steps = 1;
    if (n === 1) this.steps = 0xffff_ffff;
    else while (this.#random.below(n) === 0) this.steps++;
    this.#last = cpu;
    this.#until = events + this.steps;
    return cpu;
  }

  end(): void {
    // Each execution stands alone.
  }
}
