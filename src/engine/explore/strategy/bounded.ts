// Iterative bounding: every interleaving of cost 0, then 1, then 2, ... up to a bound: pass after pass
// (bounded-pass.ts). Words that turn out to be shared during a pass are worth a switch in the next one
// only; so a pass is a tree that does not depend on the order in which it is walked, and parts of it can
// be walked by others. When there were such words, the bound is walked again.

import { BoundedPass, boundStatement, type Cost, type Learned, type Pass } from "./bounded-pass.ts";
import type { Runtime } from "../runtime.ts";
import type { Ended, Strategy } from "./strategy.ts";
import { Touched } from "./touched.ts";

/** The pass that comes after one that has been walked in full; undefined: none, up to bound `maximum`. */
export function nextPass(pass: Pass, learned: Learned, maximum: number): Pass | undefined {
  const known = new Touched(pass.touched);
  const before = known.countShared();
  known.add(learned.touched);
  const touched = known.list();
  if (known.countShared() !== before) return { ...pass, touched };
  if (!learned.wasCut || pass.bound === maximum) return undefined;
  return { ...pass, touched, bound: pass.bound + 1 };
}

/** See the head of the file. */
export class Bounded implements Strategy {
  readonly name: string;
  readonly needsLog = true;
  readonly breaksOnWake = false;
  readonly #maximum: number;
  readonly #runtime: Runtime;
  #pass: BoundedPass;

  /**
   * @param maximum the last bound
   * @param isReduced interleavings are left out that show nothing new; preemptions only
   */
  constructor(runtime: Runtime, cost: Cost, maximum: number, isReduced = false) {
    this.name = cost;
    this.#maximum = maximum;
    this.#runtime = runtime;
    this.#pass = new BoundedPass(runtime, { cost, bound: 0, isReduced, touched: [] });
  }

  /** The bound that is being walked. */
  get bound(): number {
    return this.#pass.pass.bound;
  }

  get steps(): number {
    return this.#pass.steps;
  }

  get completeness(): string {
    return boundStatement(this.#pass.pass, this.#pass.learned().wasCut);
  }

  begin(): boolean {
    while (!this.#pass.begin()) {
      const next = nextPass(this.#pass.pass, this.#pass.learned(), this.#maximum);
      if (next === undefined) return false;
      this.#pass = new BoundedPass(this.#runtime, next);
    }
    return true;
  }

  next(runnable: number, events: number): number {
    return this.#pass.next(runnable, events);
  }

  end(ended: Ended): void {
    this.#pass.end(ended);
  }
}
