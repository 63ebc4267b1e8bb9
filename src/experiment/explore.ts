// Explores a program or a scenario until something breaks, everything has been seen, or the budget is
// spent; then makes the schedule that broke it simple, and writes down its steps.

import { performance } from "node:perf_hooks";
import type { Off } from "../engine/explore/detect/catalogue.ts";
import type { Outcome, Turn } from "../engine/explore/exploration.ts";
import { checkSchedule, formatSchedule, parseSchedule } from "../engine/explore/schedule.ts";
import { shrink, type FailingSchedule } from "../engine/explore/shrink.ts";
import { Replay } from "../engine/explore/strategy/replay.ts";
import type { ExploreDocument, ExploreFailure, ExploreStep } from "./explore-document.ts";
import { Checkpoint, searchCode } from "./explore-checkpoint.ts";
import { Ledger } from "./explore-ledger.ts";
import { planOf, type StrategyName } from "./explore-plan.ts";
import { Search, type SearchOptions, type Searched } from "./explore-search.ts";
import { stepsOf } from "./explore-steps.ts";
import {
  subjectOf,
  subjectOfKey,
  type Explored,
  type ExploreSubject,
  type SubjectOptions,
} from "./explore-subject.ts";
import { hostFacts } from "./host.ts";

export type { ExploreProgress } from "./explore-search.ts";
export { DETECTORS, NOTHING_OFF, parseOff, type Off } from "../engine/explore/detect/catalogue.ts";

/** How to explore. */
export interface ExploreOptions extends SubjectOptions, SearchOptions {
  readonly strategy: StrategyName;
  readonly seed: number;
  readonly depth: number;
  /** Executions, at most. */
  readonly executions: number;
  /** File of a checkpoint: the search goes on where it was. @defaultValue none */
  readonly checkpoint?: string | undefined;
}

/** Executions that may be spent on making a schedule simple. */
const SHRINKING = { program: 2000, kernel: 600 };

/**
 * Explores what the options name.
 * @throws ConfigError when there is no such thing, a program does not compile, or a checkpoint does not fit
 */
export async function runExplore(options: ExploreOptions): Promise<ExploreDocument> {
  const host = hostFacts();
  const subject = await subjectOf(options);
  const { strategy, seed, depth, executions, workers } = options;
  const checkpoint = checkpointOf(subject, options);
  const written = checkpoint?.read();
  const plan = planOf({ strategy, seed, depth, isProgram: subject.spins });
  const ledger = new Ledger(plan, executions, written?.ledger);
  const explored = subject.open(false);
  const search = new Search(subject, explored, ledger, options, checkpoint, written?.seconds);
  const found = await search.run();
  return {
    ...{ command: "explore", host, subject: subject.name, fingerprint: subject.fingerprint },
    ...{ cpus: explored.exploration.subject.cpus, strategy, seed, workers },
    ...{ checkpoint: checkpoint?.path ?? null, ...found.counts, seconds: found.seconds },
    ...{ ended: found.reason, complete: ledger.shown, interrupted: found.reason === "interrupted" },
    failure: found.failing === undefined ? null : describe(subject, explored, found, found.failing),
  };
}

function checkpointOf(subject: ExploreSubject, options: ExploreOptions): Checkpoint | undefined {
  const { checkpoint, off, strategy, seed, depth, executions } = options;
  if (checkpoint === undefined) return undefined;
  return new Checkpoint(checkpoint, {
    ...{ code: searchCode(subject.fingerprint), subject: subject.key, off: [...off].sort() },
    ...{ strategy, seed, depth, executions: Number.isFinite(executions) ? executions : null },
  });
}

function describe(
  subject: ExploreSubject,
  { exploration }: Explored,
  found: Searched,
  failing: FailingSchedule,
): ExploreFailure {
  const tries = subject.spins ? SHRINKING.program : SHRINKING.kernel;
  const simplest = shrink(exploration, failing, tries);
  const { failure, turns, events } = simplest;
  const recorded = record(subject.open(true), turns);
  return {
    ...{ rule: failure.rule, message: recorded.outcome?.failure?.message ?? failure.message },
    cpu: failure.cpu < 0 ? null : failure.cpu,
    ...{ execution: found.counts.executions, strategy: found.strategy },
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
    ...{ cpus, strategy: "replay", seed: 0, workers: 1, checkpoint: null },
    ...{ executions: 1, redundant: 0, events, seconds: (performance.now() - began) / 1000 },
    ...{ ended: broken === undefined ? "complete" : "found", complete: null, interrupted: false },
    failure,
  };
}
