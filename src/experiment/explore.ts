// Explores a program until something breaks, everything has been seen, or the budget is spent; then makes
// the schedule that broke it simple, and writes down its steps.

import { performance } from "node:perf_hooks";
import { basename } from "node:path";
import { findDataRace } from "../engine/explore/data-race.ts";
import {
  Exploration,
  type Detector,
  type Outcome,
  type Turn,
} from "../engine/explore/exploration.ts";
import { programNames, type Names } from "../engine/explore/names.ts";
import {
  checkSchedule,
  fingerprintOf,
  formatSchedule,
  parseSchedule,
} from "../engine/explore/schedule.ts";
import { shrink, type FailingSchedule } from "../engine/explore/shrink.ts";
import {
  SourceProgram,
  compileProgram,
  explainProgram,
  type CompiledProgram,
} from "../engine/explore/source-program.ts";
import { RandomWalk } from "../engine/explore/strategy/random.ts";
import { Replay } from "../engine/explore/strategy/replay.ts";
import type { ExploreDocument, ExploreFailure } from "./explore-document.ts";
import { planOf } from "./explore-plan.ts";
import { stepsOf } from "./explore-steps.ts";
import { hostFacts } from "./host.ts";

/** How to explore. */
export interface ExploreOptions {
  /** An AssemblyScript file. */
  readonly file: string;
  readonly strategy: string;
  readonly seed: number;
  readonly depth: number;
  /** Time, at most. */
  readonly seconds: number;
  /** Executions, at most. */
  readonly executions: number;
  /** Report data races. */
  readonly dataRaces: boolean;
  readonly interrupted?: () => boolean;
  readonly onProgress?: (progress: ExploreProgress) => void;
}

/** How far a search has come. */
export interface ExploreProgress {
  readonly executions: number;
  readonly seconds: number;
  readonly strategy: string;
}

/** Executions between two looks at the clock. */
const SLICE = 64;
/** Executions that learn how the program spins, before an exhaustive search. */
const LEARNING = 500;
const MS_BETWEEN_PAUSES = 50;

/** A program and its exploration. */
class Bench {
  readonly program: CompiledProgram;
  readonly subject: SourceProgram;
  readonly exploration: Exploration;
  readonly names: Names;
  readonly fingerprint: string;

  constructor(program: CompiledProgram, dataRaces: boolean) {
    this.program = program;
    this.subject = new SourceProgram(program);
    this.names = programNames(program.sites, program.variables);
    this.fingerprint = fingerprintOf(program.wasm);
    const detectors = dataRaces ? [dataRaceDetector(this.names)] : [];
    const { subject } = this;
    this.exploration = new Exploration(subject.runtime, subject, explainProgram, detectors);
  }

  get name(): string {
    return basename(this.program.path);
  }
}

function dataRaceDetector(names: Names): Detector {
  return (log) => {
    const race = findDataRace(log);
    if (race === undefined) return undefined;
    const [a, b] = [race.first, race.second];
    const object = names.objectAt(log.address(b));
    const places = `${names.functionOf(log.site(a))} and ${names.functionOf(log.site(b))}`;
    const message = `CPU ${log.cpu(a)} and CPU ${log.cpu(b)} access ${object}, and nothing orders them (in ${places})`;
    return { rule: "data race", message, cpu: log.cpu(b) };
  };
}

/** What a search found. */
interface Found {
  readonly failing: FailingSchedule | undefined;
  readonly execution: number;
  readonly strategy: string;
  readonly complete: string | null;
  readonly interrupted: boolean;
}

/**
 * Explores a program.
 * @throws ConfigError when the file does not compile or lacks its exports
 */
export async function runExplore(options: ExploreOptions): Promise<ExploreDocument> {
  const host = hostFacts();
  const bench = new Bench(await compileProgram(options.file), options.dataRaces);
  const began = performance.now();
  const found = await search(bench, options, began);
  const { executions, redundant, totalEvents } = bench.exploration;
  const seconds = (performance.now() - began) / 1000;
  return {
    ...{ command: "explore", host, subject: bench.name, fingerprint: bench.fingerprint },
    ...{ cpus: bench.subject.cpus, strategy: options.strategy, seed: options.seed },
    ...{ executions, redundant, events: totalEvents, seconds },
    ...{ complete: found.complete, interrupted: found.interrupted },
    failure: found.failing === undefined ? null : describeFailure(bench, found, found.failing),
  };
}

async function search(bench: Bench, options: ExploreOptions, began: number): Promise<Found> {
  const { exploration, subject } = bench;
  const plan = planOf({ ...options, cpus: subject.cpus, runtime: subject.runtime });
  learnSpins(exploration);
  let lastPause = began;
  for (const { strategy, executions } of plan) {
    const base = { strategy: strategy.name, execution: 0, failing: undefined, complete: null };
    for (let done = 0; done < executions; done++) {
      const outcome = exploration.execute(strategy);
      const execution = exploration.executions;
      if (outcome === undefined) {
        if (!strategy.completeness.startsWith("every ")) break;
        if (isPartial(strategy.completeness) && options.strategy === "mix") break;
        return { ...base, complete: strategy.completeness, interrupted: false };
      }
      if (outcome.failure !== undefined) {
        const failing = failingOf(exploration, outcome);
        return { ...base, execution, failing, interrupted: false };
      }
      if (execution % SLICE !== 0) continue;
      const now = performance.now();
      const isSpent = (now - began) / 1000 >= options.seconds;
      const interrupted = options.interrupted?.() === true;
      if (isSpent || interrupted || execution >= options.executions) {
        return { ...base, interrupted };
      }
      if (now - lastPause < MS_BETWEEN_PAUSES) continue;
      lastPause = now;
      options.onProgress?.({
        executions: execution,
        seconds: (now - began) / 1000,
        strategy: strategy.name,
      });
      await new Promise(setImmediate);
    }
    if (exploration.executions >= options.executions) return { ...base, interrupted: false };
  }
  return {
    strategy: options.strategy,
    execution: 0,
    failing: undefined,
    complete: null,
    interrupted: false,
  };
}

/** A bounded search goes on in the mix: there is more to be seen. */
const isPartial = (completeness: string): boolean => completeness.includes(" at most ");

/** The execution that ran last, which failed. */
function failingOf(exploration: Exploration, outcome: Outcome): FailingSchedule | undefined {
  const { failure, events } = outcome;
  return failure === undefined ? undefined : { turns: exploration.turns(), events, failure };
}

function learnSpins(exploration: Exploration): void {
  const { calls } = exploration.runtime;
  const random = new RandomWalk(1);
  calls.learn(true);
  for (let i = 0; i < LEARNING; i++) exploration.execute(random);
  calls.learn(false);
  exploration.forgetCounts();
}

function describeFailure(bench: Bench, found: Found, failing: FailingSchedule): ExploreFailure {
  const simplest = shrink(bench.exploration, failing);
  return {
    ...{ rule: simplest.failure.rule, message: simplest.failure.message },
    cpu: simplest.failure.cpu < 0 ? null : simplest.failure.cpu,
    ...{ execution: found.execution, strategy: found.strategy },
    found: { turns: failing.turns.length, events: failing.events },
    shrunk: { turns: simplest.turns.length, events: simplest.events },
    schedule: scheduleLine(bench, simplest.turns),
    steps: recordSteps(bench, simplest.turns).steps,
  };
}

function scheduleLine(bench: Bench, turns: readonly Turn[]): string {
  const { fingerprint, program } = bench;
  return formatSchedule({ subject: program.path, fingerprint, turns });
}

function recordSteps(
  bench: Bench,
  turns: readonly Turn[],
): { steps: ExploreFailure["steps"]; outcome: Outcome | undefined } {
  const { runtime } = bench.subject;
  let steps: ExploreFailure["steps"] = [];
  bench.subject.record(true);
  try {
    const outcome = bench.exploration.execute(new Replay(turns), ({ events }) => {
      steps = stepsOf(runtime, events, bench.names);
    });
    return { steps, outcome };
  } finally {
    bench.subject.record(false);
  }
}

/**
 * Runs one schedule again.
 * @param line as `racier explore` prints it
 * @throws ConfigError when it is no schedule, or one of other code
 */
export async function runReplay(line: string, dataRaces: boolean): Promise<ExploreDocument> {
  const host = hostFacts();
  const schedule = parseSchedule(line);
  const bench = new Bench(await compileProgram(schedule.subject), dataRaces);
  checkSchedule(schedule, bench.fingerprint, bench.subject.cpus);
  const began = performance.now();
  const { steps, outcome } = recordSteps(bench, schedule.turns);
  const events = outcome?.events ?? 0;
  const count = { turns: schedule.turns.length, events };
  const broken = outcome?.failure;
  const failure =
    broken === undefined
      ? null
      : {
          ...{
            rule: broken.rule,
            message: broken.message,
            cpu: broken.cpu < 0 ? null : broken.cpu,
          },
          ...{
            execution: 1,
            strategy: "replay",
            found: count,
            shrunk: count,
            schedule: line,
            steps,
          },
        };
  return {
    ...{ command: "replay", host, subject: bench.name, fingerprint: bench.fingerprint },
    ...{
      cpus: bench.subject.cpus,
      strategy: "replay",
      seed: 0,
      executions: 1,
      redundant: 0,
      events,
    },
    ...{ seconds: (performance.now() - began) / 1000, complete: null, interrupted: false, failure },
  };
}
