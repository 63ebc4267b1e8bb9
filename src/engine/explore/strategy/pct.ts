// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010): CPUs
// have random priorities, the highest runnable one runs; at d - 1 random events the CPU that runs falls
// below all others. A bug of depth d among n CPUs and k events is found with probability 1/(n k^(d-1)) at
// least. k is the longest execution so far, and no less than the caller says.

import { Generator } from "./generator.ts";
import { MAX_CPUS } from "../runtime.ts";
import type { Ended, Strategy } from "./strategy.ts";

/** See the head of the file. */
export class Pct implements Strategy {
  readonly name: string;
  readonly needsLog = false;
  readonly breaksOnWake = true;
  readonly completeness = "";
  steps = 0;
  readonly #random: Generator;
  readonly #cpus: number;
  readonly #priority = new Int32Array(MAX_CPUS);
  /** Numbers of the events before which priorities change, in order. */
  readonly #changes: Uint32Array;
  #nextChange = 0;
  #running = -1;
  #longest: number;

  /**
   * @param from executions of this seed that are passed over
   * @param longest events of an execution, as far as is known
   */
  constructor(seed: number, cpus: number, depth: number, from = 0, longest = 1) {
    this.name = `pct${depth}`;
    this.#random = new Generator(seed, from);
    this.#cpus = cpus;
    this.#longest = longest;
    this.#changes = new Uint32Array(depth - 1);
  }

  begin(): boolean {
    this.#random.nextExecution();
    for (let i = 0; i < this.#changes.length; i++) {
      this.#changes[i] = this.#random.below(this.#longest);
    }
    if (this.#changes.length > 1) this.#changes.sort();
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const other = this.#random.below(cpu + 1);
      this.#priority[cpu] = this.#priority[other] as number;
      this.#priority[other] = cpu + 1;
    }
    this.#nextChange = 0;
    this.#running = -1;
    return true;
  }

  next(runnable: number, events: number): number {
    while ((this.#changes[this.#nextChange] ?? 0xffff_ffff) <= events) {
      if (this.#running >= 0) this.#priority[this.#running] = -1 - this.#nextChange;
      this.#nextChange++;
    }
    let chosen = -1;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      if (((runnable >> cpu) & 1) === 0) continue;
      if (chosen < 0 || (this.#priority[cpu] as number) > (this.#priority[chosen] as number)) {
        chosen = cpu;
      }
    }
    this.#running = chosen;
    const change = this.#changes[this.#nextChange];
    this.steps = change === undefined ? 0xffff_ffff : change - events;
    return chosen;
  }

  end({ events }: Ended): void {
    this.#longest = Math.max(this.#longest, events);
  }
}
