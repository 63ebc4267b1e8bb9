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
export const STRATEGIES: Readonly<Record<string, (seed: number, cpus: number) => Strategy>> = {
  random: (seed) => new RandomWalk(seed),
  pct2: (seed, cpus) => new Pct(seed, cpus, 2),
  pct3: (seed, cpus) => new Pct(seed, cpus, 3),
};

/** The strategy of a name, for so many CPUs. */
export const strategyNamed = (name: string, seed: number, cpus = 2): Strategy =>
  (STRATEGIES[name] as (seed: number, cpus: number) => Strategy)(seed, cpus);

/** A scenario, ready. */
export function explorationOf(scenario: Scenario, options: KernelSubjectOptions = {}): Exploration {
  return explorationWith(new KernelSubject(scenario, options));
}

/** A subject, ready, with all detectors. */
export function explorationWith(subject: KernelSubject, off: Off = NOTHING_OFF): Exploration {
  const { runtime, memory, cpus, config } = subject;
  const names = kernelNames(config, memory);
  const looksForRaces = config.checking && !off.has("data-race");
  const detectors = looksForRaces ? [kernelDataRaces(runtime, cpus, names)] : [];
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
