// Explores a program or a scenario until something breaks, everything has been seen, or the budget is
// spent; then makes the schedule that broke it simple, and writes down its steps.

import { performance } from "node:perf_hooks";
import type { Off } from "../engine/explore/detect/catalogue.ts";
import type { Exploration, Outcome, Turn } from "../engine/explore/exploration.ts";
import { checkSchedule, formatSchedule, parseSchedule } from "../engine/explore/schedule.ts";
import { failingSchedule, shrink, type FailingSchedule } from "../engine/explore/shrink.ts";
import { Replay } from "../engine/explore/strategy/replay.ts";
import type { ExploreDocument, ExploreFailure, ExploreStep } from "./explore-document.ts";
import { planOf, type Phase, type StrategyName } from "./explore-plan.ts";
import { stepsOf } from "./explore-steps.ts";
import {
  subjectOf,
  subjectOfKey,
  type Explored,
  type ExploreSubject,
  type SubjectOptions,
} from "./explore-subject.ts";
import { hostFacts } from "./host.ts";

export { DETECTORS, NOTHING_OFF, parseOff, type Off } from "../engine/explore/detect/catalogue.ts";

/** How to explore. */
export interface ExploreOptions extends SubjectOptions {
  readonly strategy: StrategyName;
  readonly seed: number;
  readonly depth: number;
  /** Time, at most. */
  readonly seconds: number;
  /** Executions, at most. */
  readonly executions: number;
  readonly interrupted?: (() => boolean) | undefined;
  readonly onProgress?: ((progress: ExploreProgress) => void) | undefined;
}

/** How far a search has come. */
export interface ExploreProgress {
  readonly executions: number;
  readonly seconds: number;
  readonly strategy: string;
}

/** Executions between two looks at the clock. */
const SLICE = 16;
const MS_BETWEEN_PAUSES = 50;
/** Executions that may be spent on making a schedule simple. */
const SHRINKING = { program: 2000, kernel: 600 };

/** What a search found. */
interface Found {
  readonly failing: FailingSchedule | undefined;
  readonly execution: number;
  readonly strategy: string;
  readonly complete: string | null;
  readonly interrupted: boolean;
}

/**
 * Explores what the options name.
 * @throws ConfigError when there is no such thing, or a program does not compile
 */
export async function runExplore(options: ExploreOptions): Promise<ExploreDocument> {
  const host = hostFacts();
  const subject = await subjectOf(options);
  const explored = subject.open(false);
  const began = performance.now();
  const found = await new Search(subject, explored, options, began).run();
  const { executions, redundant, totalEvents } = explored.exploration;
  const seconds = (performance.now() - began) / 1000;
  return {
    ...{ command: "explore", host, subject: subject.name, fingerprint: subject.fingerprint },
    ...{ cpus: explored.exploration.subject.cpus, strategy: options.strategy, seed: options.seed },
    ...{ executions, redundant, events: totalEvents, seconds },
    ...{ complete: found.complete, interrupted: found.interrupted },
    failure: found.failing === undefined ? null : describe(subject, explored, found, found.failing),
  };
}

/** One search: phase after phase of a plan. */
class Search {
  readonly #subject: ExploreSubject;
  readonly #exploration: Exploration;
  readonly #explored: Explored;
  readonly #options: ExploreOptions;
  readonly #began: number;
  #lastPause: number;

  constructor(subject: ExploreSubject, explored: Explored, options: ExploreOptions, began: number) {
    this.#subject = subject;
    this.#explored = explored;
    this.#exploration = explored.exploration;
    this.#options = options;
    this.#began = this.#lastPause = began;
  }

  async run(): Promise<Found> {
    const { spins } = this.#subject;
    const { runtime, exploration } = this.#explored;
    const { cpus } = exploration.subject;
    if (spins) exploration.learnSpins();
    const { strategy, seed, depth } = this.#options;
    for (const phase of planOf({ strategy, seed, depth, cpus, runtime, isProgram: spins })) {
      const found = await this.#runPhase(phase);
      if (found !== undefined) return found;
    }
    return this.#nothing(strategy);
  }

  #nothing(strategy: string, interrupted = false, complete: string | null = null): Found {
    return { failing: undefined, execution: 0, strategy, complete, interrupted };
  }

  /** Undefined: the next phase goes on. */
  async #runPhase({ strategy, executions }: Phase): Promise<Found | undefined> {
    const exploration = this.#exploration;
    for (let done = 0; done < executions; done++) {
      if (exploration.executions >= this.#options.executions) return this.#nothing(strategy.name);
      const outcome = exploration.execute(strategy);
      if (outcome === undefined) return this.#atEnd(strategy.name, strategy.completeness);
      if (outcome.failure !== undefined) {
        const failing = failingSchedule(exploration, outcome);
        return { ...this.#nothing(strategy.name), failing, execution: exploration.executions };
      }
      if (exploration.executions % SLICE === 0 && (await this.#isOver(strategy.name))) {
        return this.#nothing(strategy.name, this.#options.interrupted?.() === true);
      }
    }
    return undefined;
  }

  /** A strategy has shown all it can; in the mix, one that was bounded is followed by others. */
  #atEnd(strategy: string, completeness: string): Found | undefined {
    const isBounded = completeness.includes(" at most ");
    if (isBounded && this.#options.strategy === "mix") return undefined;
    return this.#nothing(strategy, false, completeness);
  }

  async #isOver(strategy: string): Promise<boolean> {
    const now = performance.now();
    const seconds = (now - this.#began) / 1000;
    if (seconds >= this.#options.seconds || this.#options.interrupted?.() === true) return true;
    if (now - this.#lastPause < MS_BETWEEN_PAUSES) return false;
    this.#lastPause = now;
    const { executions } = this.#exploration;
    this.#options.onProgress?.({ executions, seconds, strategy });
    await new Promise(setImmediate);
    return this.#options.interrupted?.() === true;
  }
}

function describe(
  subject: ExploreSubject,
  { exploration }: Explored,
  found: Found,
  failing: FailingSchedule,
): ExploreFailure {
  const tries = subject.spins ? SHRINKING.program : SHRINKING.kernel;
  const simplest = shrink(exploration, failing, tries);
  const { failure, turns, events } = simplest;
  const recorded = record(subject.open(true), turns);
  return {
    ...{ rule: failure.rule, message: recorded.outcome?.failure?.message ?? failure.message },
    cpu: failure.cpu < 0 ? null : failure.cpu,
    ...{ execution: found.execution, strategy: found.strategy },
    found: { turns: failing.turns.length, events: failing.events },
    shrunk: { turns: turns.length, events },
    schedule: formatSchedule({ subject: subject.key, fingerprint: subject.fingerprint, turns }),
    steps: recorded.steps,
  };
}

/** Runs a schedule on a machine that writes down what each access found and left. */
function record(
  { exploration, names }: Explored,
  turns: readonly Turn[],
): { readonly steps: readonly ExploreStep[]; readonly outcome: Outcome | undefined } {
  let steps: readonly ExploreStep[] = [];
  const outcome = exploration.execute(new Replay(turns), () => {
    steps = stepsOf(exploration.log, names);
  });
  return { steps, outcome };
}

/**
 * Runs one schedule again.
 * @param line as `racier explore` prints it
 * @throws ConfigError when it is no schedule, or one of other code
 */
export async function runReplay(line: string, off: Off): Promise<ExploreDocument> {
  const host = hostFacts();
  const schedule = parseSchedule(line);
  const subject = await subjectOf(subjectOfKey(schedule.subject, off));
  const recording = subject.open(true);
  const { cpus } = recording.exploration.subject;
  checkSchedule(schedule, subject.fingerprint, cpus);
  const began = performance.now();
  const { steps, outcome } = record(recording, schedule.turns);
  const events = outcome?.events ?? 0;
  const count = { turns: schedule.turns.length, events };
  const broken = outcome?.failure;
  const replayed = { execution: 1, strategy: "replay", found: count, shrunk: count };
  const failure: ExploreFailure | null =
    broken === undefined
      ? null
      : {
          ...{ rule: broken.rule, message: broken.message },
          cpu: broken.cpu < 0 ? null : broken.cpu,
          ...replayed,
          ...{ schedule: line.trim(), steps },
        };
  return {
    ...{ command: "replay", host, subject: subject.name, fingerprint: subject.fingerprint },
    ...{ cpus, strategy: "replay", seed: 0, executions: 1, redundant: 0, events },
    ...{ seconds: (performance.now() - began) / 1000, complete: null, interrupted: false },
    failure,
  };
}
