// Programs for the explorer, given as text, and all that can happen to them.

import { dataRaces } from "../../src/engine/explore/detect/race-failure.ts";
import { Exploration, type Failure } from "../../src/engine/explore/exploration.ts";
import { programNames } from "../../src/engine/explore/names.ts";
import {
  SourceProgram,
  compileSource,
  explainProgram,
  type CompiledProgram,
} from "../../src/engine/explore/source-program.ts";
import type { Strategy } from "../../src/engine/explore/strategy/strategy.ts";

/** Compiles a program given as text. */
export const compileText = (text: string): Promise<CompiledProgram> =>
  compileSource("program.ts", text);

/** A fresh exploration of a program. */
export function explorationOf(program: CompiledProgram, races = false): Exploration {
  const subject = new SourceProgram(program);
  const { runtime, cpus } = subject;
  const names = programNames(program.sites, program.variables);
  const detectors = races ? [dataRaces(runtime, cpus, names)] : [];
  return new Exploration(runtime, subject, explainProgram, detectors);
}

/** What a search has seen. */
export interface Seen {
  /** Executions that were not redundant. */
  readonly full: number;
  readonly redundant: number;
  /** How often each result was seen. */
  readonly results: ReadonlyMap<string, number>;
  readonly failures: readonly Failure[];
}

/** Walks a strategy to its end, or for `limit` executions; `result` is read before memory is put back. */
export function walk(
  exploration: Exploration,
  strategy: Strategy,
  result: (words: Uint32Array) => string = () => "",
  limit = 1e6,
): Seen {
  const results = new Map<string, number>();
  const failures: Failure[] = [];
  for (let i = 0; i < limit; i++) {
    const outcome = exploration.execute(strategy, ({ wasRedundant }) => {
      if (wasRedundant) return;
      const key = result(exploration.runtime.words);
      results.set(key, (results.get(key) ?? 0) + 1);
    });
    if (outcome === undefined) break;
    if (outcome.failure !== undefined) failures.push(outcome.failure);
  }
  const { executions, redundant } = exploration;
  return { full: executions - redundant, redundant, results, failures };
}

/** CPUs that each add 1 to a word `times` times, by a load and a store. */
export function racyCounter(cpus: number, times: number): string {
  return `function work(): void {
  for (let i = 0; i < ${times}; i++) atomic.store<i32>(2048, atomic.load<i32>(2048) + 1);
}
${programs(cpus)}`;
}

/** CPUs that each add 1 to a variable `times` times, under a test-and-set lock. */
export function lockedCounter(cpus: number, times: number): string {
  return `let counter: i32 = 0;
function work(): void {
  for (let i = 0; i < ${times}; i++) {
    while (atomic.xchg<i32>(2048, 1) != 0) {}
    counter = counter + 1;
    atomic.store<i32>(2048, 0);
  }
}
${programs(cpus)}
export function check(): bool { return counter == ${cpus * times}; }`;
}

function programs(cpus: number): string {
  const each = (_: unknown, cpu: number): string => `export function cpu${cpu}(): void { work(); }`;
  return Array.from({ length: cpus }, each).join("\n");
}
