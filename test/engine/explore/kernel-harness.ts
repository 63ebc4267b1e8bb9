// Runs scenarios over the kernel: so many executions of a strategy, and what they found.

import { Exploration, type Failure } from "../../../src/engine/explore/exploration.ts";
import { NOTHING_OFF, type Off } from "../../../src/engine/explore/detect/catalogue.ts";
import { kernelDataRaces } from "../../../src/engine/explore/detect/intended.ts";
import { kernelNames } from "../../../src/engine/explore/kernel-names.ts";
import {
  KernelSubject,
  type KernelSubjectOptions,
} from "../../../src/engine/explore/kernel-subject.ts";
import { Pct } from "../../../src/engine/explore/strategy/pct.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import type { Strategy } from "../../../src/engine/explore/strategy/strategy.ts";
import type { Scenario } from "../../../src/scenario/scenario.ts";

/** Strategies that the tests take, by name. */
export const STRATEGIES: Readonly<Record<string, (seed: number) => Strategy>> = {
  random: (seed) => new RandomWalk(seed),
  pct2: (seed) => new Pct(seed, 2, 2),
  pct3: (seed) => new Pct(seed, 2, 3),
};

/** The strategy of a name. */
export const strategyNamed = (name: string, seed: number): Strategy =>
  (STRATEGIES[name] as (seed: number) => Strategy)(seed);

/** A scenario, ready. */
export function explorationOf(scenario: Scenario, options: KernelSubjectOptions = {}): Exploration {
  return explorationWith(new KernelSubject(scenario, options));
}

/** A subject, ready, with all detectors. */
export function explorationWith(subject: KernelSubject, off: Off = NOTHING_OFF): Exploration {
  const { runtime, memory, cpus, config } = subject;
  const names = kernelNames(config.kernel, memory, cpus);
  const detectors = off.has("data-race") ? [] : [kernelDataRaces(runtime, cpus, names)];
  return new Exploration(runtime, subject, subject.explain, detectors, off);
}

/** The first failure among some executions, and which one it was; undefined when all are clean. */
export function firstFailure(
  exploration: Exploration,
  strategy: Strategy,
  executions: number,
): { readonly failure: Failure; readonly execution: number } | undefined {
  for (let execution = 1; execution <= executions; execution++) {
    const failure = exploration.execute(strategy)?.failure;
    if (failure !== undefined) return { failure, execution };
  }
  return undefined;
}
