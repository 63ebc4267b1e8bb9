// In which order strategies are tried, and for how many executions each. Counted in executions, not in
// time, so that the same seed finds the same thing on any computer.

import { ConfigError } from "../kernel/error.ts";
import type { Runtime } from "../engine/explore/runtime.ts";
import { Bounded } from "../engine/explore/strategy/bounded.ts";
import { DepthFirst } from "../engine/explore/strategy/dfs.ts";
import { Dpor } from "../engine/explore/strategy/dpor.ts";
import { Pct } from "../engine/explore/strategy/pct.ts";
import { RandomWalk } from "../engine/explore/strategy/random.ts";
import { RoundRobin } from "../engine/explore/strategy/round-robin.ts";
import type { Strategy } from "../engine/explore/strategy/strategy.ts";

/** Names for --strategy. */
export const STRATEGIES = [
  "mix",
  "dpor",
  "dfs",
  "preemptions",
  "delays",
  "pct",
  "random",
  "round-robin",
] as const;

/** One of STRATEGIES. */
export type StrategyName = (typeof STRATEGIES)[number];

/** A strategy by its name. Throws ConfigError. */
export function strategyNamed(name: string): StrategyName {
  const found = STRATEGIES.find((each) => each === name);
  if (found !== undefined) return found;
  throw new ConfigError(`there is no strategy "${name}": take one of ${STRATEGIES.join(", ")}`);
}

/** A strategy, and for how many executions it has its turn. */
export interface Phase {
  readonly strategy: Strategy;
  readonly executions: number;
}

/** What a plan is made from. */
export interface PlanOptions {
  readonly strategy: StrategyName;
  readonly seed: number;
  readonly cpus: number;
  /** Bugs to find with pct, bound of preemptions and delays. */
  readonly depth: number;
  readonly runtime: Runtime;
  /** A small program, of which every behaviour can be tried; else a kernel. */
  readonly isProgram: boolean;
}

const FOREVER = Infinity;
const MIXED = 1000;

/** One strategy, or the mix: bounded first, then every behaviour, then chance. */
export function* planOf(options: PlanOptions): Generator<Phase> {
  const { seed, cpus, depth, runtime, isProgram } = options;
  switch (options.strategy) {
    case "mix":
      yield* mixed(options);
      return;
    case "dpor":
      yield { strategy: new Dpor(runtime), executions: FOREVER };
      return;
    case "dfs":
      yield { strategy: new DepthFirst(), executions: FOREVER };
      return;
    case "preemptions":
    case "delays":
      yield {
        strategy: new Bounded(options.strategy, depth, isProgram ? undefined : runtime),
        executions: FOREVER,
      };
      return;
    case "pct":
      yield { strategy: new Pct(seed, cpus, depth), executions: FOREVER };
      return;
    case "random":
      yield { strategy: new RandomWalk(seed), executions: FOREVER };
      return;
    case "round-robin":
      yield { strategy: new RoundRobin(), executions: FOREVER };
      return;
  }
}

function* mixed({ seed, cpus, runtime, isProgram }: PlanOptions): Generator<Phase> {
  yield {
    strategy: new Bounded("preemptions", 1, isProgram ? undefined : runtime),
    executions: isProgram ? 20_000 : 2000,
  };
  if (isProgram) yield { strategy: new Dpor(runtime), executions: 200_000 };
  const chance = [2, 3, 4].map((depth): Strategy => new Pct(seed, cpus, depth));
  chance.push(new RandomWalk(seed));
  for (;;) for (const strategy of chance) yield { strategy, executions: MIXED };
}
