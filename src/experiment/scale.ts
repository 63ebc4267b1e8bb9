// `racier scale`: how many operations a second the kernel does on one CPU and on more, in processes and in threads,
// for each testcase, kernel and lock configuration.
//
// Every configuration is measured once in every round, in an order that changes from round to round, so that drift of
// the computer hits all alike; kernels are compared, and CPU counts related, round by round. Locks are counted on
// machines of their own, after everything else: counting makes a kernel slower.

import type { Engine } from "../engine/contract.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import { Interrupted } from "../kernel/error.ts";
import { readLockStat, resetLockStat } from "../machine/lock-stat.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  CONTROL_STOP,
  SCALE_PROGRAMS,
  type ScaleFiles,
  type ScaleMode,
  type ScaleOrder,
  type TestcaseName,
} from "../workload/scale/scale-order.ts";
import type { ProcessLayout } from "../workload/process-layout/layout.ts";
import { loadPreset } from "../workload/process-layout/presets.ts";
import { hostFacts } from "./host.ts";
import type {
  ScaleComparison,
  ScaleDocument,
  ScaleLockStat,
  ScaleResult,
} from "./scale-document.ts";
import { bootstrapChange, median, quantile } from "./stats.ts";
import { inTurn } from "./turns.ts";
import { racierVersion } from "./version.ts";

/** What to measure. */
export interface ScaleOptions {
  readonly testcases: readonly TestcaseName[];
  readonly modes: readonly ScaleMode[];
  /** Each is compared with the one before it. */
  readonly kernels: readonly string[];
  /** Numbers of CPUs. */
  readonly cpus: readonly number[];
  /** Rounds of every configuration, besides the first, which only warms up. */
  readonly rounds: number;
  /** Time of all measured rounds together. */
  readonly seconds: number;
  /** Bytes that page_fault1 to 3 touch before they begin anew. */
  readonly touchedBytes: number;
  /** Also count and time locks. @defaultValue false */
  readonly lockStat?: boolean | undefined;
  /** Told after each step how many of all are done. */
  readonly onProgress?: (done: number, total: number, note: string) => void;
  /** True when the user wants it to end. */
  readonly interrupted?: () => boolean;
}

/** Seed of the bootstrap: the same samples give the same interval. */
const BOOTSTRAP_SEED = 2004;
const WARMUP_MS = 20;
/** Time in which locks are counted. */
const LOCK_STAT_MS = 100;
const MIB = 2 ** 20;

/** One kernel and number of CPUs: a machine of its own. */
interface Bench {
  readonly kernel: string;
  readonly cpus: number;
  readonly machine: Machine;
  readonly files: ScaleFiles;
  /** The process that fork1 forks: a small program with its C library. */
  readonly forked: ProcessLayout;
}

/** One line of the result, while it grows. */
interface Series {
  readonly bench: Bench;
  readonly testcase: TestcaseName;
  readonly mode: ScaleMode;
  /** Operations a second, round by round. */
  readonly rounds: number[];
}

/** What each CPU needs: its mapping, its file in the page cache, tables, and the kernel. */
const memoryFor = (touchedBytes: number, cpus: number): number =>
  Math.ceil((2.1 * touchedBytes * cpus) / MIB + 24 + 4 * cpus) * MIB;

async function openBench(
  { touchedBytes }: ScaleOptions,
  kernel: string,
  cpus: number,
  engine: Engine,
): Promise<Bench> {
  const memory = memoryFor(touchedBytes, cpus);
  const machine = await createMachine({ kernel, cpus, memory }, engine);
  const module = ownModule("../workload/scale/scale-programs", import.meta.url);
  await machine.load({ module, programs: SCALE_PROGRAMS });
  const forked = loadPreset("hello");
  const files = (await machine.run("scaleFiles", { shared: forked })) as ScaleFiles;
  return { kernel, cpus, machine, files, forked };
}

/** Lets one configuration work for a while; operations a second of all its CPUs. */
async function slice(
  { bench, testcase, mode }: Pick<Series, "bench" | "testcase" | "mode">,
  touchedBytes: number,
  milliseconds: number,
): Promise<number> {
  const { machine, cpus, files, forked } = bench;
  const control = new SharedArrayBuffer(16);
  const results = new SharedArrayBuffer(16 * cpus);
  const shared: ScaleOrder = {
    ...{ testcase, touchedBytes, ...files, forked, control, results },
  };
  const timer = setTimeout(() => {
    Atomics.store(new Int32Array(control), CONTROL_STOP, 1);
  }, milliseconds);
  try {
    if (mode === "processes") await machine.runOnAll("scaleProcess", { shared });
    else await machine.run("scaleMain", { shared });
  } finally {
    clearTimeout(timer);
  }
  const each = new Float64Array(results);
  const rates = Array.from(
    { length: cpus },
    (_, cpu) => ((each[cpu * 2] as number) / (each[cpu * 2 + 1] as number)) * 1000,
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}

/** All rounds of one experiment. */
class ScaleRun {
  readonly series: readonly Series[];
  readonly #options: ScaleOptions;
  readonly #total: number;
  #done = 0;

  constructor(options: ScaleOptions, benches: readonly Bench[]) {
    this.#options = options;
    this.series = options.testcases.flatMap((testcase) =>
      options.modes.flatMap((mode) =>
        benches.map((bench) => ({ bench, testcase, mode, rounds: [] })),
      ),
    );
    const counted = options.lockStat ? 1 : 0;
    this.#total = this.series.length * (options.rounds + 1 + counted);
  }

  /** True when the user wants it to end. */
  isStopped(): boolean {
    return this.#options.interrupted?.() ?? false;
  }

  /** Runs everything, or until interrupted; true if it was. */
  async measure(): Promise<boolean> {
    const { rounds, seconds } = this.#options;
    const milliseconds = (seconds * 1000) / (rounds * this.series.length);
    await this.#round(WARMUP_MS, "warm-up", 0);
    for (let round = 0; round < rounds && !this.isStopped(); round++) {
      const rates = await this.#round(milliseconds, `round ${round + 1} of ${rounds}`, round);
      // A round counts only as a whole: what is compared was measured side by side.
      if (rates.size < this.series.length) break;
      for (const [series, rate] of rates) series.rounds.push(rate);
    }
    return this.isStopped();
  }

  /** Each configuration once, starting at another one each time. */
  async #round(milliseconds: number, note: string, shift: number): Promise<Map<Series, number>> {
    const rates = new Map<Series, number>();
    for (const series of inTurn(this.series, shift)) {
      if (this.isStopped()) break;
      rates.set(series, await slice(series, this.#options.touchedBytes, milliseconds));
      this.#options.onProgress?.(++this.#done, this.#total, note);
    }
    return rates;
  }

  /** Counts the locks of every configuration, on a machine whose kernel does that. */
  async countLocks(engine: Engine): Promise<ScaleLockStat[]> {
    const found: ScaleLockStat[] = [];
    const { kernels, cpus: counts, touchedBytes } = this.#options;
    for (const { kernel, cpus } of kernels.flatMap((kernel) =>
      counts.map((cpus) => ({ kernel, cpus })),
    )) {
      if (this.isStopped()) break;
      const counting = chosenKernel(`${kernel}+lock_stat=on`).name;
      const bench = await openBench(this.#options, counting, cpus, engine);
      try {
        const own = this.series.filter((each) => each.bench.kernel === kernel);
        for (const { bench: measured, testcase, mode } of own) {
          if (measured.cpus !== cpus || this.isStopped()) continue;
          const { memory } = bench.machine;
          await slice({ bench, testcase, mode }, touchedBytes, WARMUP_MS);
          resetLockStat(memory, cpus);
          await slice({ bench, testcase, mode }, touchedBytes, LOCK_STAT_MS);
          found.push({ kernel, testcase, mode, cpus, classes: readLockStat(memory, cpus) });
          this.#options.onProgress?.(++this.#done, this.#total, "locks");
        }
      } finally {
        await bench.machine.stop();
      }
    }
    return found;
  }
}

const isSameCase = (one: Series, other: Series): boolean =>
  one.testcase === other.testcase && one.mode === other.mode;

function resultOf(series: Series, all: readonly Series[]): ScaleResult {
  const { bench, testcase, mode, rounds } = series;
  const { oversubscribed } = bench.machine.config;
  const { scaling, scalingCi95 } = oversubscribed ? NO_SCALING : scalingOf(series, all);
  return {
    ...{ kernel: bench.kernel, testcase, mode, cpus: bench.cpus, rounds: rounds.length },
    operationsPerSecond: median(rounds),
    p05: quantile(rounds, 0.05),
    p95: quantile(rounds, 0.95),
    scaling,
    scalingCi95,
    oversubscribed,
  };
}

const NO_SCALING = { scaling: null, scalingCi95: null };

/** Against the fewest CPUs of the same kernel. */
function scalingOf(
  series: Series,
  all: readonly Series[],
): Pick<ScaleResult, "scaling" | "scalingCi95"> {
  const { bench, rounds } = series;
  const alike = all.filter(
    (each) => isSameCase(each, series) && each.bench.kernel === bench.kernel,
  );
  const least = Math.min(...alike.map((each) => each.bench.cpus));
  const base = alike.find((each) => each.bench.cpus === least);
  if (base === undefined || base === series) return NO_SCALING;
  const { changePercent, ci95 } = bootstrapChange(base.rounds, rounds, { seed: BOOTSTRAP_SEED });
  const times = (percent: number): number => 1 + percent / 100;
  return { scaling: times(changePercent), scalingCi95: [times(ci95[0]), times(ci95[1])] };
}

/** Each kernel against the one before it, everything else alike. */
function compare(all: readonly Series[], kernels: readonly string[]): ScaleComparison[] {
  return kernels.slice(1).flatMap((to, index) => {
    const from = kernels[index] as string;
    return all
      .filter(({ bench }) => bench.kernel === to && !bench.machine.config.oversubscribed)
      .flatMap((after) => {
        const { testcase, mode } = after;
        const { cpus } = after.bench;
        const before = all.find(
          (each) =>
            isSameCase(each, after) && each.bench.kernel === from && each.bench.cpus === cpus,
        );
        if (before === undefined) return [];
        const change = bootstrapChange(before.rounds, after.rounds, { seed: BOOTSTRAP_SEED });
        return [{ testcase, mode, cpus, from, to, ...change }];
      });
  });
}

/**
 * Measures. Rejects with ConfigError; resolves with what was found so far when interrupted after a whole round, and
 * rejects with Interrupted before.
 */
export async function runScale(options: ScaleOptions, engine: Engine): Promise<ScaleDocument> {
  const benches: Bench[] = [];
  let run: ScaleRun;
  let interrupted: boolean;
  try {
    for (const kernel of options.kernels) {
      for (const cpus of options.cpus) benches.push(await openBench(options, kernel, cpus, engine));
    }
    run = new ScaleRun(options, benches);
    interrupted = await run.measure();
  } finally {
    await Promise.all(benches.map((bench) => bench.machine.stop()));
  }
  if (run.series.some((series) => series.rounds.length === 0)) {
    throw new Interrupted("interrupted before the first round was complete: nothing was measured");
  }
  return {
    ...{ command: "scale", version: racierVersion(), host: hostFacts() },
    rounds: run.series[0]?.rounds.length ?? 0,
    touchedBytes: options.touchedBytes,
    interrupted,
    results: run.series.map((series) => resultOf(series, run.series)),
    comparisons: compare(run.series, options.kernels),
    lockStat: options.lockStat && !interrupted ? await run.countLocks(engine) : [],
  };
}
