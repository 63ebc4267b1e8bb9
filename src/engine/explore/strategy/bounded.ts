// Iterative bounding: every interleaving of cost 0, then 1, then 2, ... up to a bound.
//
//   preemptions  (Musuvathi, Qadeer, PLDI 2007)            taking a CPU that could go on off its turn: 1
//   delays       (Emmi, Qadeer, Rakamaric, POPL 2011)      each CPU that is passed over, in the order
//                                                          of their numbers: 1
//
// Only accesses to words that CPUs share are worth a switch: those that more than one CPU was seen to
// touch and one of them to write. When that set has grown, the bound is walked again.

import type { AccessLog } from "../access-log.ts";
import { MAX_CPUS, isWrite } from "../runtime.ts";
import { Path } from "./path.ts";
import { countCpus, lowestCpu, type Ended, type Strategy } from "./strategy.ts";

/** What a choice costs. */
export type Cost = "preemptions" | "delays";

/** CPUs that were seen to touch a word. */
interface Touched {
  cpus: number;
  isWritten: boolean;
}

/** See the head of the file. */
export class Bounded implements Strategy {
  readonly name: string;
  readonly needsLog = true;
  readonly breaksOnWake = false;
  readonly #cost: Cost;
  readonly #maximum: number;
  readonly #path = new Path();
  /** Cost of the path before each of its events. */
  readonly #spent: number[] = [];
  readonly #touched = new Map<number, Touched>();
  #shared = 0;
  #sharedAtStart = 0;
  #bound = 0;
  #wasCut = false;

  /** @param maximum the last bound */
  constructor(cost: Cost, maximum: number) {
    this.name = cost;
    this.#cost = cost;
    this.#maximum = maximum;
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
      const hasGrown = this.#shared !== this.#sharedAtStart;
      if (!hasGrown && (!this.#wasCut || this.#bound === this.#maximum)) return false;
      if (!hasGrown) this.#bound++;
      this.#sharedAtStart = this.#shared;
      this.#wasCut = false;
      this.#path.reset();
    }
    this.#spent.length = this.#path.chosen.length;
    return true;
  }

  next(runnable: number, events: number): number {
    return this.#path.turn(runnable, events);
  }

  end({ log }: Ended): void {
    this.#learn(log);
    const { chosen } = this.#path;
    // The last forced event is new: what it cost is known only now.
    for (let i = chosen.length; i < log.length; i++) {
      const spent = i === 0 ? 0 : this.#spentAfter(log, i - 1);
      this.#spent[i] = spent;
      this.#path.push(log.cpu(i), this.#alternatives(log, i, spent));
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
    if (this.#cost === "preemptions") return goesOn && cpu !== running ? 1 : 0;
    return passedOver(runnable, goesOn ? running : running + 1, cpu);
  }

  #alternatives(log: AccessLog, event: number, spent: number): number {
    const cpu = log.cpu(event);
    let rest = log.runnable(event) & ~(1 << cpu);
    if (rest === 0) return 0;
    const isFree = event > 0 && ((log.runnable(event) >> log.cpu(event - 1)) & 1) === 0;
    if (event > 0 && !isFree && !this.#isShared(log, event)) return 0;
    let allowed = 0;
    for (; rest !== 0; rest &= rest - 1) {
      const other = lowestCpu(rest);
      if (spent + this.#priceOf(log, event, other) <= this.#bound) allowed |= 1 << other;
      else this.#wasCut = true;
    }
    return allowed;
  }

  #isShared(log: AccessLog, event: number): boolean {
    for (let key = log.firstWord(event); key <= log.lastWord(event); key++) {
      const touched = this.#touched.get(key);
      if (touched?.isWritten === true && countCpus(touched.cpus) > 1) return true;
    }
    return false;
  }

  #learn(log: AccessLog): void {
    for (let i = 0; i < log.length; i++) {
      for (let key = log.firstWord(i); key <= log.lastWord(i); key++) {
        let touched = this.#touched.get(key);
        if (touched === undefined) {
          this.#touched.set(key, (touched = { cpus: 0, isWritten: false }));
        }
        const wasShared = touched.isWritten && countCpus(touched.cpus) > 1;
        touched.cpus |= 1 << log.cpu(i);
        touched.isWritten ||= isWrite(log.kind(i));
        if (!wasShared && touched.isWritten && countCpus(touched.cpus) > 1) this.#shared++;
      }
    }
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
