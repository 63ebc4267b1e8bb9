// Iterative bounding: every interleaving of cost 0, then 1, then 2, ... up to a bound.
//
//   preemptions  (Musuvathi, Qadeer, PLDI 2007)            taking a CPU that could go on off its turn: 1
//   delays       (Emmi, Qadeer, Rakamaric, POPL 2011)      each CPU that is passed over, in the order
//                                                          of their numbers: 1
//
// Only accesses to words that CPUs share are worth a switch (shared-words.ts). When that set has grown,
// the bound is walked again.
//
// Preemptions, reduced: a CPU that is taken off its turn sleeps until another does something that does
// not commute with what it was about to do. If nobody did before its next turn, it could have done
// that step at the end of its last turn: the same behaviour, with no more preemptions, which is walked
// too. Moving steps to earlier turns comes to an end, so each behaviour within the bound has an
// interleaving that is walked. A step of two events (step.ts) does not sleep. Delays are not reduced: a
// step that moves may change what others cost.

import type { AccessLog } from "../access-log.ts";
import { MAX_CPUS, type Runtime } from "../runtime.ts";
import { Path } from "./path.ts";
import { SharedWords } from "./shared-words.ts";
import { isDependent, isFirstHalf, isSecondHalf, putToSleep, stepOf, type Step } from "./step.ts";
import { lowestCpu, type Ended, type Strategy } from "./strategy.ts";

/** What a choice costs. */
export type Cost = "preemptions" | "delays";

const NOBODY: readonly Step[] = [];

/** See the head of the file. */
export class Bounded implements Strategy {
  readonly name: string;
  readonly needsLog = true;
  readonly breaksOnWake = false;
  readonly #cost: Cost;
  readonly #maximum: number;
  readonly #runtime: Runtime | undefined;
  readonly #path = new Path();
  /** Cost of the path before each of its events. */
  readonly #spent: number[] = [];
  /** Steps that sleep before each event of the path. */
  readonly #asleep: (readonly Step[])[] = [];
  /** Where a CPU can be taken off its turn: what it would have done. */
  readonly #pending: (Step | undefined)[] = [];
  readonly #words = new SharedWords();
  #growthAtStart = 0;
  #bound = 0;
  #wasCut = false;

  /**
   * @param maximum the last bound
   * @param runtime where interleavings are left out that show nothing new; undefined: nowhere
   */
  constructor(cost: Cost, maximum: number, runtime?: Runtime) {
    this.name = cost;
    this.#cost = cost;
    this.#maximum = maximum;
    this.#runtime = cost === "preemptions" ? runtime : undefined;
  }

  /** The bound that is being walked. */
  get bound(): number {
    return this.#bound;
  }

  get steps(): number {
    return this.#path.steps;
  }

  get completeness(): string {
    if (!this.#wasCut) return "every interleaving";
    return `every interleaving with at most ${this.#bound} ${this.#cost}`;
  }

  begin(): boolean {
    while (!this.#path.advance()) {
      const hasGrown = this.#words.growth !== this.#growthAtStart;
      if (!hasGrown && (!this.#wasCut || this.#bound === this.#maximum)) return false;
      if (!hasGrown) this.#bound++;
      this.#growthAtStart = this.#words.growth;
      this.#wasCut = false;
      this.#path.reset();
    }
    const branch = this.#path.chosen.length - 1;
    this.#spent.length = this.#asleep.length = this.#pending.length = branch + 1;
    const pending = branch < 0 ? undefined : this.#pending[branch];
    if (pending !== undefined) {
      const others = (this.#asleep[branch] ?? NOBODY).filter(({ cpu }) => cpu !== pending.cpu);
      this.#asleep[branch] = [...others, pending];
    }
    return true;
  }

  next(runnable: number, events: number): number {
    const runtime = this.#runtime;
    if (runtime === undefined) return this.#path.turn(runnable, events);
    const taken = this.#path.isForced(events) ? this.#pending[events] : undefined;
    if (taken !== undefined && taken.cpu !== this.#path.chosen[events]) putToSleep(runtime, taken);
    const awake = runnable & ~runtime.calls.get_asleep();
    return awake === 0 ? -1 : this.#path.turn(awake, events);
  }

  end({ log }: Ended): void {
    const from = this.#path.chosen.length;
    this.#words.learn(log, Math.max(from - 1, 0));
    for (let i = from; i < log.length; i++) this.#push(log, i);
  }

  /** Adds an event to the path. What the last forced one cost, or woke, is known only now. */
  #push(log: AccessLog, event: number): void {
    this.#spent[event] = event === 0 ? 0 : this.#spentAfter(log, event - 1);
    const asleep = event === 0 ? NOBODY : this.#asleepAfter(log, event - 1);
    this.#asleep[event] = asleep;
    const todo = this.#alternatives(log, event, asleep);
    const sleeps = todo !== 0 && this.#canGoOn(log, event) && !isFirstHalf(log, event);
    this.#pending[event] = this.#runtime !== undefined && sleeps ? stepOf(log, event) : undefined;
    this.#path.push(log.cpu(event), todo);
  }

  #spentAfter(log: AccessLog, event: number): number {
    return (this.#spent[event] as number) + this.#priceOf(log, event, log.cpu(event));
  }

  #asleepAfter(log: AccessLog, event: number): readonly Step[] {
    const before = this.#asleep[event] as readonly Step[];
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
    if (this.#cost === "preemptions") return goesOn && cpu !== running ? 1 : 0;
    return passedOver(log.runnable(event), goesOn ? running : running + 1, cpu);
  }

  #alternatives(log: AccessLog, event: number, asleep: readonly Step[]): number {
    if (isSecondHalf(log, event)) return 0;
    const sleepers = asleep.reduce((mask, { cpu }) => mask | (1 << cpu), 0);
    let rest = log.runnable(event) & ~sleepers & ~(1 << log.cpu(event));
    if (rest === 0) return 0;
    const isWorthIt = event === 0 || !this.#canGoOn(log, event) || this.#isShared(log, event);
    if (!isWorthIt) return 0;
    const spent = this.#spent[event] as number;
    let allowed = 0;
    for (; rest !== 0; rest &= rest - 1) {
      const other = lowestCpu(rest);
      if (spent + this.#priceOf(log, event, other) <= this.#bound) allowed |= 1 << other;
      else this.#wasCut = true;
    }
    return allowed;
  }

  #isShared(log: AccessLog, event: number): boolean {
    if (this.#words.rivals(log, event) !== 0) return true;
    return isFirstHalf(log, event) && this.#words.rivals(log, event + 1) !== 0;
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
