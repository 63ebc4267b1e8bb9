// `racier reclaim`: memory pressure on a machine whose processes share more anonymous memory than there is. Each
// configuration has a machine of its own in every round, and rounds take turns, so that drift of the computer hits all
// alike.

import {
  PERCPU_AREAS,
  PERCPU_RECLAIM,
  PERCPU_SIZE,
  PerCpu,
  ReclaimState,
} from "../layout/structs.gen.ts";
import { getU32 } from "../layout/view.ts";
import type { Engine } from "../engine/contract.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  PRESSURE_RESULTS,
  RECLAIM_PROGRAMS,
  type PressureOrder,
} from "../workload/reclaim/orders.ts";
import { hostFacts } from "./host.ts";
import { compareLocks, type ReclaimSeries } from "./reclaim-compare.ts";
import type { ReclaimDocument, ReclaimLockTimes, ReclaimResult } from "./reclaim-document.ts";
import { lockTimes, lockTotals, type LockTotals } from "./reclaim-locks.ts";
import { median } from "./stats.ts";
import { takeTurns } from "./turns.ts";
import { racierVersion } from "./version.ts";

/** What to measure. */
export interface ReclaimOptions {
  readonly kernels: readonly string[];
  readonly cpus: readonly number[];
  /** Numbers of processes that share the pages besides those that run. */
  readonly processes: readonly number[];
  readonly rounds: number;
  /** Time of all rounds together. */
  readonly seconds: number;
  /** Memory of a machine, in bytes. */
  readonly memoryBytes: number;
  /** The last CPU forks and waits, where there are several. */
  readonly forks: boolean;
  /** Not 0: the pages lie in so many VMAs of one process, whose threads use them on all CPUs. @defaultValue 0 */
  readonly vmas?: number;
  /** Also time locks, on machines of their own. */
  readonly lockStat?: boolean;
  readonly onProgress?: (done: number, total: number, note: string) => void;
  readonly interrupted?: () => boolean;
}

/** One configuration. */
interface Cell {
  readonly kernel: string;
  readonly cpus: number;
  readonly processes: number;
  readonly samples: Sample[];
  locks: ReclaimLockTimes | null;
}

type Sample = Omit<
  ReclaimResult,
  "kernel" | "cpus" | "processes" | "rounds" | "oversubscribed" | "locks"
>;

/** Pages that are shared: half as many again as there are frames. */
export const sharedPages = (memoryBytes: number): number => Math.floor((memoryBytes / 4096) * 1.5);

/** Pages of each VMA, and of all together, if there are to be many VMAs. */
function pagesOf({ memoryBytes, vmas = 0 }: ReclaimOptions): { pages: number; perVma: number } {
  const pages = sharedPages(memoryBytes);
  if (vmas === 0) return { pages, perVma: 0 };
  const perVma = Math.max(1, Math.ceil(pages / vmas));
  return { pages: perVma * vmas, perVma };
}

const FIELDS = {
  scanned: ReclaimState.pgscan,
  reclaimed: ReclaimState.pgsteal,
  unmapped: ReclaimState.pteunmap,
  missed: ReclaimState.ptemissed,
} as const;

type Counters = Record<keyof typeof FIELDS | "faults", number> & { readonly locks: LockTotals };

const sumOf = (machine: Machine, offset: number): number => {
  let sum = 0;
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    sum += getU32(machine.memory, PERCPU_AREAS + cpu * PERCPU_SIZE + offset);
  }
  return sum;
};

/** What the kernel has counted so far. */
function countersOf(machine: Machine): Counters {
  const of = (field: keyof typeof FIELDS): number => sumOf(machine, PERCPU_RECLAIM + FIELDS[field]);
  const [scanned, reclaimed, unmapped, missed] = [
    of("scanned"),
    of("reclaimed"),
    of("unmapped"),
    of("missed"),
  ];
  const faults = sumOf(machine, PerCpu.pgfault);
  return { scanned, reclaimed, unmapped, missed, faults, locks: lockTotals(machine) };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Counters at the beginning and at the end of what is measured. */
async function watch(
  machine: Machine,
  barrier: SharedArrayBuffer,
  running: Promise<unknown>,
): Promise<[Counters, Counters]> {
  const words = new Int32Array(barrier);
  const state = { over: false };
  const ended = running.finally(() => (state.over = true));
  ended.catch(() => undefined);
  while (!state.over && Atomics.load(words, 1) === 0) await sleep(1);
  const before = countersOf(machine);
  while (!state.over && Atomics.load(words, 2) === 0) await sleep(1);
  const after = countersOf(machine);
  await running;
  return [before, after];
}

/** One round of one configuration; `kernel` may be that of the cell with lock_stat. */
async function measure(
  options: ReclaimOptions,
  { cpus, processes, kernel }: Pick<Cell, "kernel" | "cpus" | "processes">,
  milliseconds: number,
  engine: Engine,
): Promise<{ sample: Sample; locks: ReclaimLockTimes }> {
  const { pages, perVma } = pagesOf(options);
  const swapBytes = pages * 2 * 4096;
  const machine = await createMachine(
    { kernel, cpus, memory: options.memoryBytes, disk: swapBytes },
    engine,
  );
  try {
    const module = ownModule("../workload/reclaim/reclaim-programs", import.meta.url);
    await machine.load({ module, programs: RECLAIM_PROGRAMS });
    const barrier = new SharedArrayBuffer(12);
    const buffer = new SharedArrayBuffer(cpus * PRESSURE_RESULTS * 8);
    const shared: PressureOrder = {
      ...{ pages, processes, milliseconds, swapBytes, barrier, results: buffer },
      ...{ forks: options.forks, pagesPerVma: perVma },
    };
    const running = machine.run("pressureParent", { shared });
    const [before, after] = await watch(machine, barrier, running);
    const results = new Float64Array(buffer);
    const seconds = Math.max(...results.filter((_, i) => i % PRESSURE_RESULTS === 1));
    return {
      sample: sampleOf(results, before, after),
      locks: lockTimes(before.locks, after.locks, { seconds, cpus }),
    };
  } finally {
    await machine.stop();
  }
}

/** Rates and shares of one round. */
function sampleOf(results: Float64Array, before: Counters, after: Counters): Sample {
  const column = (offset: number): number =>
    results.reduce((sum, value, i) => (i % PRESSURE_RESULTS === offset ? sum + value : sum), 0);
  const seconds = Math.max(...results.filter((_, i) => i % PRESSURE_RESULTS === 1));
  const rate = (field: keyof typeof FIELDS | "faults"): number =>
    (after[field] - before[field]) / seconds;
  const looked = after.unmapped - before.unmapped + after.missed - before.missed;
  return {
    scannedPerSecond: rate("scanned"),
    reclaimedPerSecond: rate("reclaimed"),
    unmappedPerSecond: rate("unmapped"),
    missedPercent: looked === 0 ? 0 : ((after.missed - before.missed) / looked) * 100,
    faultsPerSecond: rate("faults"),
    forksPerSecond: column(0) / seconds,
  };
}

function resultOf({ kernel, cpus, processes, samples, locks }: Cell, cores: number): ReclaimResult {
  const of = (field: keyof Sample): number => median(samples.map((each) => each[field]));
  return {
    ...{ kernel, cpus, processes, rounds: samples.length, oversubscribed: cpus > cores },
    scannedPerSecond: of("scannedPerSecond"),
    reclaimedPerSecond: of("reclaimedPerSecond"),
    unmappedPerSecond: of("unmappedPerSecond"),
    missedPercent: of("missedPercent"),
    faultsPerSecond: of("faultsPerSecond"),
    forksPerSecond: of("forksPerSecond"),
    locks,
  };
}

/** What the comparison of trylock and spin needs of a cell; none of those that wait for cores. */
const seriesOf = ({ kernel, cpus, processes, samples }: Cell): ReclaimSeries => ({
  ...{ kernel, cpus, processes },
  reclaimedPerSecond: samples.map((each) => each.reclaimedPerSecond),
});

/** Every configuration. */
const cellsOf = ({ processes, cpus, kernels }: ReclaimOptions): Cell[] =>
  processes.flatMap((sharers) =>
    cpus.flatMap((count) =>
      kernels.map((kernel): Cell => {
        const size = { kernel, cpus: count, processes: sharers };
        return { ...size, samples: [], locks: null };
      }),
    ),
  );

/** Runs the experiment. Rejects with ConfigError. */
export async function runReclaim(
  options: ReclaimOptions,
  engine: Engine,
): Promise<ReclaimDocument> {
  const { rounds, seconds, lockStat = false } = options;
  const cells = cellsOf(options);
  const milliseconds = Math.max(20, (seconds * 1000) / (cells.length * rounds));
  const host = hostFacts();
  let interrupted = await takeTurns(
    cells,
    rounds,
    options,
    async (cell) => {
      cell.samples.push((await measure(options, cell, milliseconds, engine)).sample);
    },
    (cell) => cell.kernel,
  );
  if (lockStat && !interrupted) {
    interrupted = await takeTurns(
      cells,
      1,
      options,
      async (cell) => {
        const kernel = chosenKernel(`${cell.kernel}+lock_stat=on`).name;
        cell.locks = (await measure(options, { ...cell, kernel }, milliseconds, engine)).locks;
      },
      (cell) => `${cell.kernel}, locks`,
    );
  }
  const measured = cells.filter(({ samples }) => samples.length > 0);
  const fair = measured.filter(({ cpus }) => cpus <= host.cores);
  return {
    ...{ command: "reclaim", version: racierVersion(), host },
    ...{ memoryBytes: options.memoryBytes, pages: pagesOf(options).pages },
    ...{ forks: options.forks, vmas: options.vmas ?? 0, interrupted },
    results: measured.map((cell) => resultOf(cell, host.cores)),
    comparisons: compareLocks(fair.map(seriesOf)),
  };
}
