// One pass of iterative bounding: every interleaving that costs no more than a bound.
//
//   preemptions  (Musuvathi, Qadeer, PLDI 2007)            taking a CPU that could go on off its turn: 1
//   delays       (Emmi, Qadeer, Rakamaric, POPL 2011)      each CPU that is passed over, in the order
//                                                          of their numbers: 1
//
// Only accesses to words that were known to be shared when the pass began are worth a switch.

import type { AccessLog } from "../access-log.ts";
import { MAX_CPUS } from "../runtime.ts";
import { Path, type PathState, type WalkFrom } from "./path.ts";
import { lowestCpu, type Ended, type Strategy } from "./strategy.ts";
import { Touched, type TouchedList } from "./touched.ts";

/** What a choice costs. */
export type Cost = "preemptions" | "delays";

/** Which interleavings a pass takes. */
export interface Pass {
  readonly cost: Cost;
  readonly bound: number;
  /** What CPUs were seen to touch before. */
  readonly touched: TouchedList;
}

/** What was learned in a pass, or in a part of it. */
export interface Learned {
  /** Words that were not known to be touched so. */
  readonly touched: TouchedList;
  /** Something was left out because it costs too much. */
  readonly wasCut: boolean;
}

/** What a pass has shown that was walked in full; `wasCut`: something was left out for its cost. */
export function boundStatement({ cost, bound }: Pass, wasCut: boolean): string {
  if (!wasCut) return "every interleaving";
  return `every interleaving with at most ${bound} ${bound === 1 ? cost.slice(0, -1) : cost}`;
}

/** See the head of the file. */
export class BoundedPass implements Strategy {
  readonly name: string;
  readonly needsLog = true;
  readonly breaksOnWake = false;
  readonly completeness = "";
  readonly pass: Pass;
  readonly #path: Path;
  /** Cost of the path before each of its events. */
  readonly #spent: number[] = [];
  readonly #known: Touched;
  readonly #learned = new Touched();
  #wasCut = false;

  constructor(pass: Pass, from: WalkFrom<PathState> = "start") {
    this.name = pass.cost;
    this.pass = pass;
    this.#path = new Path(from);
    this.#known = new Touched(pass.touched);
  }

  get steps(): number {
    return this.#path.steps;
  }

  /** What remains to be walked; undefined: nothing. */
  rest(): WalkFrom<PathState> | undefined {
    return this.#path.rest();
  }

  /** What was learned so far. */
  learned(): Learned {
    return { touched: this.#learned.list(), wasCut: this.#wasCut };
  }

  begin(): boolean {
    if (!this.#path.advance()) return false;
    this.#spent.length = Math.min(this.#spent.length, this.#path.chosen.length);
    return true;
  }

  next(runnable: number, events: number): number {
    return this.#path.turn(runnable, events);
  }

  end({ log }: Ended): void {
    this.#learned.learn(log, this.#known);
    const { chosen } = this.#path;
    // The last forced event is new: what it cost is known only now. Of a path that others have walked,
    // nothing is known yet.
    for (let i = this.#spent.length; i < log.length; i++) {
      const spent = i === 0 ? 0 : this.#spentAfter(log, i - 1);
      this.#spent[i] = spent;
      if (i >= chosen.length) this.#path.push(log.cpu(i), this.#alternatives(log, i, spent));
    }
  }

  #spentAfter(log: AccessLog, event: number): number {
    return (this.#spent[event] as number) + this.#priceOf(log, event, log.cpu(event));
  }

  /** What it costs that `cpu` does event number `event`. */
  #priceOf(log: AccessLog, event: number, cpu: number): number {
    const runnable = log.runnable(event);
    const running = event === 0 ? -1 : log.cpu(event - 1);
    const goesOn = running >= 0 && ((runnable >> running) & 1) === 1;
    if (this.pass.cost === "preemptions") return goesOn && cpu !== running ? 1 : 0;
    return passedOver(runnable, goesOn ? running : running + 1, cpu);
  }

  #alternatives(log: AccessLog, event: number, spent: number): number {
    const cpu = log.cpu(event);
    let rest = log.runnable(event) & ~(1 << cpu);
    if (rest === 0) return 0;
    const isFree = event > 0 && ((log.runnable(event) >> log.cpu(event - 1)) & 1) === 0;
    if (event > 0 && !isFree && !this.#known.isShared(log, event)) return 0;
    let allowed = 0;
    for (; rest !== 0; rest &= rest - 1) {
      const other = lowestCpu(rest);
      if (spent + this.#priceOf(log, event, other) <= this.pass.bound) allowed |= 1 << other;
      else this.#wasCut = true;
    }
    return allowed;
  }
}

/** Runnable CPUs from `from` on, round and round, that come before `cpu`. */
function passedOver(runnable: number, from: number, cpu: number): number {
  let count = 0;
  for (let other = from % MAX_CPUS; other !== cpu; other = (other + 1) % MAX_CPUS) {
    count += (runnable >> other) & 1;
  }
  return count;
}
