// `racier fork`: what fork costs for the layout of a process, under each kernel, on each number of
// CPUs.
//
// Every configuration is measured once in every round, in an order that changes from round to
// round, so that drift of the computer hits all alike; the change from kernel to kernel is taken
// round by round. Where the time went is measured in rounds of its own, since reading the clock
// costs time too.

import { PHASE_COW, PHASE_FAULTS, PHASE_OTHER, PHASE_PAGE_TABLES } from "../layout/structs.gen.ts";
import { PHASE_PTE_COPY, PHASE_VMAS, PHASE_ZAP } from "../layout/structs.gen.ts";
import { ConfigError, Interrupted } from "../kernel/error.ts";
import type { Engine } from "../engine/contract.ts";
import { readLockStat, resetLockStat } from "../machine/lock-stat.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  FORK_PROGRAMS,
  type RoundOrder,
  type RoundResult,
} from "../workload/process/fork-round.ts";
import type { FileTable } from "../workload/process/image.ts";
import { summarise, type ProcessLayout } from "../workload/process-layout/layout.ts";
import { loadPreset } from "../workload/process-layout/presets.ts";
import type {
  ForkComparison,
  ForkDocument,
  ForkLockStat,
  ForkPhases,
  ForkResult,
} from "./fork-document.ts";
import { FORK_WORKLOADS, type ForkWorkload } from "./fork-document.ts";
import { hostFacts } from "./host.ts";
import { bootstrapChange, median, quantile } from "./stats.ts";
import { inTurn } from "./turns.ts";
import { racierVersion } from "./version.ts";

/** What to measure. */
export interface ForkOptions {
  readonly layout: ProcessLayout;
  /** Kernels, oldest first; each is compared with the one before it. */
  readonly kernels: readonly string[];
  /** Numbers of CPUs. */
  readonly cpus: readonly number[];
  /** Rounds of every configuration, besides the first, which only warms up. */
  readonly rounds: number;
  /** Time of all measured rounds together. */
  readonly seconds: number;
  /** Memory of a machine. @defaultValue what the process needs */
  readonly memory?: string | undefined;
  /** Which of lmbench's three. @defaultValue all */
  readonly workloads?: readonly ForkWorkload[];
  /** Told after each step how many of all are done. */
  readonly onProgress?: (done: number, total: number, note: string) => void;
  /** True when the user wants it to end. */
  readonly interrupted?: () => boolean;
}

/** Seed of the bootstrap: the same samples give the same interval. */
const BOOTSTRAP_SEED = 2004;
/** Rounds that are profiled. */
const PROFILE_ROUNDS = 5;
/** Time of a warm-up and of a profiled round, in ms. */
const WARMUP_MS = 60;
const PROFILE_MS = 25;
const MIB = 1024 * 1024;

/** One kernel and number of CPUs: a machine of its own. */
interface Bench {
  readonly kernel: string;
  readonly cpus: number;
  readonly machine: Machine;
  readonly files: FileTable;
}

/** One line of the result, while it grows. */
interface Series {
  readonly bench: Bench;
  readonly workload: ForkWorkload;
  /** Median time of an operation, round by round. */
  readonly rounds: number[];
  /** Phases of an operation, profiled round by round. */
  readonly profiles: (readonly number[])[];
}

/** Memory that a machine needs for a parent on each CPU, with what fork and exec add, in bytes. */
export function memoryNeeded(
  layout: ProcessLayout,
  others: readonly ProcessLayout[],
  cpus: number,
): number {
  const sizes = [layout, ...others].map(summarise);
  const file = sizes.reduce((sum, size) => sum + size.filePages, 0);
  const perCpu = sizes.reduce((sum, size) => sum + size.anonymousPages + 4 * size.vmas, 0);
  const tables = (sizes.reduce((sum, size) => sum + size.residentPages, 0) / 512 + 64) * 3 * cpus;
  const pages = (file + perCpu * cpus + tables) * 1.1;
  return Math.ceil((pages * 4096) / MIB + 32) * MIB;
}

async function openBench(
  options: ForkOptions,
  images: readonly ProcessLayout[],
  kernel: string,
  cpus: number,
  engine: Engine,
): Promise<Bench> {
  const needed = memoryNeeded(options.layout, images, cpus);
  const memory = options.memory ?? needed;
  const machine = await createMachine({ kernel, cpus, memory }, engine);
  const pages = machine.config.lowmemPages + machine.config.highmemPages;
  if (pages * 4096 < needed) {
    await machine.stop();
    throw new ConfigError(
      `the process does not fit: it needs ${needed / MIB}M on ${cpus} CPU(s), so give --memory ${needed / MIB}M or more`,
    );
  }
  const module = ownModule("../workload/process/fork-programs", import.meta.url);
  await machine.load({ module, programs: FORK_PROGRAMS });
  const shared = [options.layout, ...images];
  const files = (await machine.run("prepareFiles", { shared })) as FileTable;
  return { kernel, cpus, machine, files };
}

/** The sum of what each CPU says, as one round. */
function merge(results: readonly RoundResult[]): RoundResult {
  const times = results.flatMap((result) => result.times);
  const first = results[0]?.phases ?? [];
  const phases = first.map(
    (_, phase) =>
      results.reduce((sum, result) => sum + (result.phases[phase] ?? 0), 0) / results.length,
  );
  return { times, phases };
}

/** All rounds of one experiment. */
class ForkRun {
  readonly #options: ForkOptions;
  readonly #images: { hello: ProcessLayout; shell: ProcessLayout };
  readonly #series: Series[];
  readonly #total: number;
  #done = 0;

  constructor(
    options: ForkOptions,
    benches: readonly Bench[],
    hello: ProcessLayout,
    shell: ProcessLayout,
  ) {
    this.#options = options;
    this.#images = { hello, shell };
    const workloads = options.workloads ?? FORK_WORKLOADS;
    this.#series = benches.flatMap((bench) =>
      workloads.map((workload) => ({ bench, workload, rounds: [], profiles: [] })),
    );
    this.#total = this.#series.length * (options.rounds + 1 + PROFILE_ROUNDS);
  }

  get series(): readonly Series[] {
    return this.#series;
  }

  /** Runs everything, or until interrupted; true if it was. */
  async measure(): Promise<boolean> {
    const { rounds, seconds } = this.#options;
    const slice = (seconds * 1000) / (rounds * this.#series.length);
    await this.#round(WARMUP_MS, "warm-up", () => undefined);
    await this.#profile();
    for (const { bench } of this.#series) resetLockStat(bench.machine.memory, bench.cpus);
    for (let round = 0; round < rounds; round++) {
      const partial: [Series, number][] = [];
      const note = `round ${round + 1} of ${rounds}`;
      await this.#round(
        slice,
        note,
        (series, result) => partial.push([series, median(result.times)]),
        round,
      );
      // A round counts only as a whole: the comparison pairs what was measured side by side.
      if (this.#stopped) break;
      for (const [series, time] of partial) series.rounds.push(time);
    }
    return this.#stopped;
  }

  /** Finds out where the time goes, with the clocks of the kernel on. */
  async #profile(): Promise<void> {
    for (const { bench } of this.#series) bench.machine.setProfiling(true);
    for (let round = 0; round < PROFILE_ROUNDS; round++) {
      await this.#round(
        PROFILE_MS,
        "profile",
        (series, { phases }) => series.profiles.push(phases),
        round,
      );
    }
    for (const { bench } of this.#series) bench.machine.setProfiling(false);
  }

  get #stopped(): boolean {
    return this.#options.interrupted?.() ?? false;
  }

  /** Each configuration once, starting at another one each time. */
  async #round(
    milliseconds: number,
    note: string,
    keep: (series: Series, result: RoundResult) => void,
    shift = 0,
  ): Promise<void> {
    for (const series of inTurn(this.#series, shift)) {
      if (this.#stopped) return;
      const order: RoundOrder = {
        ...this.#images,
        workload: series.workload,
        layout: this.#options.layout,
        files: series.bench.files,
        warmup: 1,
        milliseconds,
        barrier: new SharedArrayBuffer(8),
      };
      const results = await series.bench.machine.runOnAll("forkParent", { shared: order });
      keep(series, merge(results as RoundResult[]));
      this.#options.onProgress?.(++this.#done, this.#total, note);
    }
  }
}

/** The phases of one operation: the median over the profiled rounds. */
function phasesOf(profiles: readonly (readonly number[])[]): ForkPhases {
  const typical = (phase: number): number =>
    profiles.length === 0 ? 0 : median(profiles.map((profile) => profile[phase] ?? 0));
  return {
    vmas: typical(PHASE_VMAS),
    pageTables: typical(PHASE_PAGE_TABLES),
    pteCopy: typical(PHASE_PTE_COPY),
    faults: typical(PHASE_FAULTS),
    cow: typical(PHASE_COW),
    zap: typical(PHASE_ZAP),
    other: typical(PHASE_OTHER),
  };
}

function resultOf(series: Series, pages: number): ForkResult {
  const medianNs = median(series.rounds);
  return {
    kernel: series.bench.kernel,
    workload: series.workload,
    cpus: series.bench.cpus,
    rounds: series.rounds.length,
    medianNs,
    p05Ns: quantile(series.rounds, 0.05),
    p95Ns: quantile(series.rounds, 0.95),
    nsPerPage: medianNs / pages,
    oversubscribed: series.bench.machine.config.oversubscribed,
    phases: phasesOf(series.profiles),
  };
}

/** Each kernel against the one before it, for the same workload and number of CPUs. */
function compare(series: readonly Series[], kernels: readonly string[]): ForkComparison[] {
  return kernels.slice(1).flatMap((to, index) => {
    const from = kernels[index] as string;
    return series
      .filter(({ bench }) => bench.kernel === to && !bench.machine.config.oversubscribed)
      .flatMap((after) => {
        const before = series.find(
          ({ bench, workload }) =>
            bench.kernel === from && bench.cpus === after.bench.cpus && workload === after.workload,
        );
        if (before === undefined) return [];
        const change = bootstrapChange(before.rounds, after.rounds, { seed: BOOTSTRAP_SEED });
        return [{ workload: after.workload, cpus: after.bench.cpus, from, to, ...change }];
      });
  });
}

/** What a machine counted about its locks; none unless its kernel does. */
function lockStatOf({ kernel, cpus, machine }: Bench): ForkLockStat[] {
  const classes = readLockStat(machine.memory, cpus);
  return classes.length === 0 ? [] : [{ kernel, cpus, classes }];
}

/**
 * Measures fork. Rejects with ConfigError; resolves with what was found so far when interrupted
 * after a whole round.
 */
export async function runFork(options: ForkOptions, engine: Engine): Promise<ForkDocument> {
  const hello = loadPreset("hello");
  const shell = loadPreset("sh");
  const benches: Bench[] = [];
  try {
    for (const kernel of options.kernels) {
      for (const cpus of options.cpus) {
        benches.push(await openBench(options, [hello, shell], kernel, cpus, engine));
      }
    }
    const run = new ForkRun(options, benches, hello, shell);
    const interrupted = await run.measure();
    if (run.series.some((series) => series.rounds.length === 0)) {
      throw new Interrupted(
        "interrupted before the first round was complete: nothing was measured",
      );
    }
    const { vmas, residentPages: pages, anonymousPages } = summarise(options.layout);
    return {
      command: "fork",
      version: racierVersion(),
      host: hostFacts(),
      input: { source: options.layout.source, vmas, pages, anonymousPages },
      rounds: run.series[0]?.rounds.length ?? 0,
      interrupted,
      results: run.series.map((series) => resultOf(series, pages)),
      comparisons: compare(run.series, options.kernels),
      lockStat: benches.flatMap(lockStatOf),
    };
  } finally {
    await Promise.all(benches.map((bench) => bench.machine.stop()));
  }
}
