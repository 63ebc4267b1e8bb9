// Runs a subject under a strategy, execution after execution: all CPUs in this thread, one at a time.
// After each execution the memory is put back, from the record of what was overwritten.

import { AccessLog } from "./access-log.ts";
import { NOTHING_OFF, type DetectorName, type Off } from "./detect/catalogue.ts";
import { Reason, type Runtime } from "./runtime.ts";
import { RandomWalk } from "./strategy/random.ts";
import type { Strategy } from "./strategy/strategy.ts";

/** What is explored: programs for some CPUs, over the memory of a runtime. */
export interface Subject {
  /** Programs, one for each CPU. */
  readonly cpus: number;
  /** Runs or resumes the program of a CPU until it ends or is suspended. Throws what breaks. */
  run(cpu: number): void;
  /** Bits of the CPUs whose programs have ended: they wait for interrupts only, which is no deadlock. */
  idle?(): number;
  /** Called before each execution. */
  begin?(): void;
  /** After all programs have ended: what is wrong, or undefined. */
  check(): string | undefined;
}

/** What went wrong in an execution. */
export interface Failure {
  /** What found it: it can be switched off. */
  readonly detector: DetectorName;
  /** The rule: "assertion", "deadlock", "livelock", "check", a BUG_*, ... */
  readonly rule: string;
  readonly message: string;
  /** CPU that found it, or -1. */
  readonly cpu: number;
}

/** Who ran, and for how many events. */
export interface Turn {
  readonly cpu: number;
  readonly steps: number;
}

/** How an execution ended. */
export interface Outcome {
  readonly failure: Failure | undefined;
  readonly events: number;
  /** It was given up, because others have shown the rest. */
  readonly wasRedundant: boolean;
}

/** Looks at the events of an execution in which nothing else broke; undefined: all is well. See SAMPLE. */
export type Detector = (log: AccessLog) => Failure | undefined;

/** Turns an exception of a program into a failure; undefined: it is an error of the explorer. */
export type Explain = (error: unknown, cpu: number) => Failure | undefined;

/**
 * Writing events down and looking at them takes as long as a short execution. Where the strategy has no use
 * for it, only each SAMPLE-th execution under a strategy, from the first on, is looked at.
 */
const SAMPLE = 8;
/** Executions that learn how a subject spins. */
const LEARNING = 500;

/** See the head of the file. */
export class Exploration {
  readonly runtime: Runtime;
  readonly subject: Subject;
  /** Executions so far. */
  executions = 0;
  /** Those of them that were given up as redundant. */
  redundant = 0;
  /** Events of all executions. */
  totalEvents = 0;
  readonly log: AccessLog;
  readonly #explain: Explain;
  readonly #detectors: readonly Detector[];
  readonly #off: Off;
  /** The strategy of the last execution, and how many it has had in a row. */
  #strategy: Strategy | undefined;
  #inARow = 0;
  /** The first #turnCount are those of this execution. */
  readonly #turnCpus: number[] = [];
  readonly #turnSteps: number[] = [];
  #turnCount = 0;

  /**
   * @param detectors look at executions whose events are written down
   * @param off what is found by these is passed over
   */
  constructor(
    runtime: Runtime,
    subject: Subject,
    explain: Explain,
    detectors: readonly Detector[] = [],
    off: Off = NOTHING_OFF,
  ) {
    this.runtime = runtime;
    this.subject = subject;
    this.#explain = explain;
    this.#detectors = detectors;
    this.#off = off;
    this.log = new AccessLog(runtime);
  }

  /** Begins to count anew. */
  forgetCounts(): void {
    this.executions = this.redundant = this.totalEvents = 0;
  }

  /** Lets the runtime find out how the subject spins: an exhaustive search then need not try in vain. */
  learnSpins(): void {
    const { calls } = this.runtime;
    const random = new RandomWalk(1);
    calls.learn(true);
    for (let i = 0; i < LEARNING; i++) this.execute(random);
    calls.learn(false);
    this.forgetCounts();
  }

  /** Turns of the execution that ran last. */
  turns(): Turn[] {
    const cpus = this.#turnCpus.slice(0, this.#turnCount);
    return cpus.map((cpu, i) => ({ cpu, steps: this.#turnSteps[i] as number }));
  }

  /**
   * Runs one execution and puts the memory back. `inspect` sees the machine before that.
   * Returns undefined when the strategy has no more.
   */
  execute(strategy: Strategy, inspect?: (outcome: Outcome) => void): Outcome | undefined {
    if (!strategy.begin()) return undefined;
    const { calls } = this.runtime;
    const logs = this.#isLookedAt(strategy) || strategy.needsLog;
    calls.configure_turns(logs, strategy.breaksOnWake);
    calls.begin((1 << this.subject.cpus) - 1);
    this.subject.begin?.();
    this.#turnCount = 0;
    const ran = this.#runTurns(strategy);
    this.log.length = logs ? ran.events : 0;
    const failure = this.#unlessOff(ran.failure) ?? this.#detect();
    const outcome = failure === ran.failure ? ran : { ...ran, failure };
    inspect?.(outcome);
    calls.undo();
    this.executions++;
    if (outcome.wasRedundant) this.redundant++;
    this.totalEvents += outcome.events;
    strategy.end({ log: this.log, events: outcome.events, wasRedundant: outcome.wasRedundant });
    return outcome;
  }

  #isLookedAt(strategy: Strategy): boolean {
    if (strategy !== this.#strategy) this.#inARow = 0;
    this.#strategy = strategy;
    return this.#inARow++ % SAMPLE === 0 && this.#detectors.length > 0;
  }

  #unlessOff(failure: Failure | undefined): Failure | undefined {
    return failure === undefined || this.#off.has(failure.detector) ? undefined : failure;
  }

  #detect(): Failure | undefined {
    if (this.log.length === 0) return undefined;
    for (const detector of this.#detectors) {
      const failure = detector(this.log);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  #runTurns(strategy: Strategy): Outcome {
    const { calls, status } = this.runtime;
    let events = 0;
    let vain = 0;
    for (;;) {
      const { runnable } = status;
      if (runnable === 0) return this.#atEnd(events);
      const cpu = strategy.next(runnable, events);
      if (cpu < 0) return { failure: undefined, events, wasRedundant: true };
      calls.enter(cpu, strategy.steps);
      const failure = this.#runTurn(cpu);
      const now = status.events;
      const nowVain = status.vain;
      this.#note(cpu, now - events - (nowVain - vain));
      [events, vain] = [now, nowVain];
      if (failure !== undefined) return { failure, events, wasRedundant: false };
    }
  }

  #runTurn(cpu: number): Failure | undefined {
    const { calls } = this.runtime;
    try {
      this.subject.run(cpu);
    } catch (error) {
      const failure = this.#explain(error, cpu);
      if (failure === undefined) throw error;
      if (calls.leave() !== Reason.outOfBounds) return failure;
      const message = "an access beyond the end of memory";
      return { detector: "out-of-bounds", rule: "out of bounds", message, cpu };
    }
    if (calls.leave() !== Reason.overrun) return undefined;
    const message = `more than ${this.runtime.status.events} events: the programs do not come to an end`;
    return { detector: "livelock", rule: "livelock", message, cpu };
  }

  #note(cpu: number, steps: number): void {
    if (steps === 0) return;
    const last = this.#turnCount - 1;
    if (last >= 0 && this.#turnCpus[last] === cpu) {
      this.#turnSteps[last] = (this.#turnSteps[last] as number) + steps;
    } else {
      this.#turnCpus[this.#turnCount] = cpu;
      this.#turnSteps[this.#turnCount++] = steps;
    }
  }

  #atEnd(events: number): Outcome {
    const blocked = this.runtime.status.blocked & ~(this.subject.idle?.() ?? 0);
    if (blocked !== 0) {
      const names = Array.from({ length: this.subject.cpus }, (_, cpu) => cpu)
        .filter((cpu) => ((blocked >> cpu) & 1) === 1)
        .map((cpu) => `CPU ${cpu}`);
      const message = `${names.join(" and ")} wait, and nobody is left who could wake them`;
      const failure: Failure = { detector: "deadlock", rule: "deadlock", message, cpu: -1 };
      return { failure, events, wasRedundant: false };
    }
    let failure: Failure | undefined;
    try {
      const message = this.subject.check();
      if (message !== undefined) failure = { detector: "check", rule: "check", message, cpu: -1 };
    } catch (error) {
      failure = this.#explain(error, -1);
      if (failure === undefined) throw error;
    }
    return { failure, events, wasRedundant: false };
  }
}
