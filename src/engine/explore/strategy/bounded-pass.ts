// One pass of iterative bounding: every interleaving that costs no more than a bound.
//
//   preemptions  (Musuvathi, Qadeer, PLDI 2007)            taking a CPU that could go on off its turn: 1
//   delays       (Emmi, Qadeer, Rakamaric, POPL 2011)      each CPU that is passed over, in the order
//                                                          of their numbers: 1
//
// Only accesses to words that were known to be shared when the pass began are worth a switch.
//
// Preemptions can be reduced: a CPU that is taken off its turn sleeps until another does something that
// does not commute with what it was about to do. If nobody did before its next turn, it could have done
// that step at the end of its last turn: the same behaviour, with no more preemptions, which is walked
// too. Moving steps to earlier turns comes to an end, so each behaviour within the bound has an
// interleaving that is walked. A step of two events (step.ts) does not sleep. Delays are not reduced: a
// step that moves may change what others cost.

import type { AccessLog } from "../access-log.ts";
import { MAX_CPUS, type Runtime } from "../runtime.ts";
import { Path, type PathState, type WalkFrom } from "./path.ts";
import { isDependent, isFirstHalf, isSecondHalf, putToSleep, stepOf, type Step } from "./step.ts";
import { lowestCpu, type Ended, type Strategy } from "./strategy.ts";
import { Touched, type TouchedList } from "./touched.ts";

/** What a choice costs. */
export type Cost = "preemptions" | "delays";

/** Which interleavings a pass takes. */
export interface Pass {
  readonly cost: Cost;
  readonly bound: number;
  /** Interleavings are left out that show nothing new; preemptions only. */
  readonly isReduced: boolean;
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

const NOBODY: readonly Step[] = [];

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
  /** Steps that sleep before each event of the path. */
  readonly #asleep: (readonly Step[])[] = [];
  readonly #runtime: Runtime;
  readonly #known: Touched;
  readonly #learned = new Touched();
  #wasCut = false;

  constructor(runtime: Runtime, pass: Pass, from: WalkFrom<PathState> = "start") {
    this.name = pass.cost;
    this.#runtime = runtime;
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
    this.#asleep.length = this.#spent.length;
    const branch = this.#spent.length - 1;
    if (branch >= 0) this.#asleep[branch] = this.#withPending(branch, this.#asleepAt(branch));
    return true;
  }

  next(runnable: number, events: number): number {
    if (!this.pass.isReduced) return this.#path.turn(runnable, events);
    const runtime = this.#runtime;
    const taken = this.#path.isForced(events) ? this.#pendingAt(events) : null;
    if (taken !== null && taken.cpu !== this.#path.chosen[events]) putToSleep(runtime, taken);
    const awake = runnable & ~runtime.status.asleep;
    return awake === 0 ? -1 : this.#path.turn(awake, events);
  }

  end({ log }: Ended): void {
    this.#learned.learn(log, this.#known);
    // The last forced event is new: what it cost, or woke, is known only now. Of a path that others have
    // walked, nothing is known yet.
    for (let i = this.#spent.length; i < log.length; i++) {
      this.#spent[i] = i === 0 ? 0 : this.#spentAfter(log, i - 1);
      this.#asleep[i] = i === 0 ? NOBODY : this.#asleepAfter(log, i - 1);
      if (i >= this.#path.chosen.length) this.#push(log, i);
      else this.#asleep[i] = this.#withPending(i, this.#asleepAt(i));
    }
  }

  #push(log: AccessLog, event: number): void {
    const todo = this.#alternatives(log, event);
    const sleeps = todo !== 0 && this.#canGoOn(log, event) && !isFirstHalf(log, event);
    const pending = this.pass.isReduced && sleeps ? stepOf(log, event) : null;
    this.#path.push(log.cpu(event), todo, pending);
  }

  #asleepAt(event: number): readonly Step[] {
    return this.#asleep[event] ?? NOBODY;
  }

  #pendingAt(event: number): Step | null {
    return this.#path.pending[event] ?? null;
  }

  /** What sleeps before an event, with what a CPU that has lost its turn there would have done. */
  #withPending(event: number, asleep: readonly Step[]): readonly Step[] {
    const pending = this.#pendingAt(event);
    if (pending === null || pending.cpu === this.#path.chosen[event]) return asleep;
    return [...asleep.filter(({ cpu }) => cpu !== pending.cpu), pending];
  }

  #spentAfter(log: AccessLog, event: number): number {
    return (this.#spent[event] as number) + this.#priceOf(log, event, log.cpu(event));
  }

  #asleepAfter(log: AccessLog, event: number): readonly Step[] {
    const before = this.#asleepAt(event);
    if (before.length === 0) return before;
    const step = stepOf(log, event);
    return before.filter((other) => !isDependent(other, step));
  }

  /** True when the CPU of the event before could have gone on. */
  #canGoOn(log: AccessLog, event: number): boolean {
    return event > 0 && ((log.runnable(event) >> log.cpu(event - 1)) & 1) === 1;
  }

  /** What it costs that `cpu` does event number `event`. */
  #priceOf(log: AccessLog, event: number, cpu: number): number {
    const running = event === 0 ? -1 : log.cpu(event - 1);
    const goesOn = this.#canGoOn(log, event);
    if (this.pass.cost === "preemptions") return goesOn && cpu !== running ? 1 : 0;
    return passedOver(log.runnable(event), goesOn ? running : running + 1, cpu);
  }

  #alternatives(log: AccessLog, event: number): number {
    if (isSecondHalf(log, event)) return 0;
    const sleepers = this.#asleepAt(event).reduce((mask, { cpu }) => mask | (1 << cpu), 0);
    let rest = log.runnable(event) & ~sleepers & ~(1 << log.cpu(event));
    if (rest === 0) return 0;
    const isWorthIt = event === 0 || !this.#canGoOn(log, event) || this.#isShared(log, event);
    if (!isWorthIt) return 0;
    const spent = this.#spent[event] as number;
    let allowed = 0;
    for (; rest !== 0; rest &= rest - 1) {
      const other = lowestCpu(rest);
      if (spent + this.#priceOf(log, event, other) <= this.pass.bound) allowed |= 1 << other;
      else this.#wasCut = true;
    }
    return allowed;
  }

  #isShared(log: AccessLog, event: number): boolean {
    if (this.#known.rivals(log, event) !== 0) return true;
    return isFirstHalf(log, event) && this.#known.rivals(log, event + 1) !== 0;
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
