// In which order strategies are tried, and for how many executions each. Counted in executions, not in
// time, so that the same seed finds the same thing on any computer. Chance comes in chunks of their own:
// each can be run without those before it.

import { ConfigError } from "../kernel/error.ts";
import type { Work } from "../engine/explore/slice.ts";
import type { Cost } from "../engine/explore/strategy/bounded-pass.ts";

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
  /** Its name in reports. */
  readonly name: string;
  /** What it begins with. */
  readonly work: Work;
  readonly executions: number;
  /** The last bound of a bounded phase. */
  readonly maximum: number;
  /** What is known when nothing of it remains; null: nothing. A bounded phase says it by its bound. */
  readonly shows: string | null;
  /** When nothing of it remains the search is over. */
  readonly isLast: boolean;
}

/** What a plan is made from. */
export interface PlanOptions {
  readonly strategy: StrategyName;
  readonly seed: number;
  /** Bugs to find with pct, bound of preemptions and delays. */
  readonly depth: number;
  /** A small program, of which every behaviour can be tried; else a kernel. */
  readonly isProgram: boolean;
}

const FOREVER = Infinity;
/** Executions of a chunk of chance: what a phase of pct learns of their length goes no further. */
const CHUNK = 1000;

const walk = (name: string, work: Work, shows: string, executions = FOREVER): Phase => ({
  ...{ name, work, executions, maximum: 0, shows, isLast: true },
});

const chance = (name: string, work: Work): Phase => ({
  ...{ name, work, executions: CHUNK, maximum: 0, shows: null, isLast: false },
});

/** Up to bound `maximum`, of a kernel reduced; `executions`: others come after it. */
function bounded(cost: Cost, maximum: number, isProgram: boolean, executions = FOREVER): Phase {
  const isReduced = cost === "preemptions" && !isProgram;
  const pass = { cost, bound: 0, isReduced, touched: [] };
  return {
    ...{ name: cost, executions, maximum, shows: null, isLast: executions === FOREVER },
    work: { kind: "bounded", pass, path: "start" },
  };
}

const dpor = (executions?: number): Phase =>
  walk("dpor", { kind: "dpor", nodes: "start" }, "every behaviour", executions);

const pct = (seed: number, depth: number, from: number): Phase =>
  chance(`pct${depth}`, { kind: "pct", seed, depth, from });

const random = (seed: number, from: number): Phase =>
  chance("random", { kind: "random", seed, from });

/** One strategy, or the mix: bounded first, then every behaviour, then chance. */
export function* planOf(options: PlanOptions): Generator<Phase> {
  const { seed, depth, isProgram } = options;
  switch (options.strategy) {
    case "mix":
      yield* mixed(options);
      return;
    case "dpor":
      yield dpor();
      return;
    case "dfs":
      yield walk("dfs", { kind: "dfs", path: "start" }, "every interleaving");
      return;
    case "preemptions":
    case "delays":
      yield bounded(options.strategy, depth, isProgram);
      return;
    case "pct":
      for (let from = 0; ; from += CHUNK) yield pct(seed, depth, from);
    case "random":
      for (let from = 0; ; from += CHUNK) yield random(seed, from);
    case "round-robin":
      yield walk("round-robin", { kind: "round-robin" }, "the round robin schedule", 1);
      return;
  }
}

function* mixed({ seed, isProgram }: PlanOptions): Generator<Phase> {
  if (isProgram) yield bounded("preemptions", 1, isProgram, 20_000);
  else yield bounded("preemptions", 3, isProgram, 100_000);
  if (isProgram) yield dpor(200_000);
  for (let from = 0; ; from += CHUNK) {
    for (const depth of [2, 3, 4]) yield pct(seed, depth, from);
    yield random(seed, from);
  }
}
