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
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  PRESSURE_RESULTS,
  RECLAIM_PROGRAMS,
  type PressureOrder,
} from "../workload/reclaim/orders.ts";
import { hostFacts } from "./host.ts";
import type { ReclaimDocument, ReclaimResult } from "./reclaim-document.ts";
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
  readonly onProgress?: (done: number, total: number, note: string) => void;
  readonly interrupted?: () => boolean;
}

/** One configuration. */
interface Cell {
  readonly kernel: string;
  readonly cpus: number;
  readonly processes: number;
  readonly samples: Omit<
    ReclaimResult,
    "kernel" | "cpus" | "processes" | "rounds" | "oversubscribed"
  >[];
}

/** Pages that are shared: half as many again as there are frames. */
export const sharedPages = (memoryBytes: number): number => Math.floor((memoryBytes / 4096) * 1.5);

const FIELDS = {
  scanned: ReclaimState.pgscan,
  reclaimed: ReclaimState.pgsteal,
  unmapped: ReclaimState.pteunmap,
  missed: ReclaimState.ptemissed,
} as const;

const sumOf = (machine: Machine, offset: number): number => {
  let sum = 0;
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    sum += getU32(machine.memory, PERCPU_AREAS + cpu * PERCPU_SIZE + offset);
  }
  return sum;
};

/** What the kernel has counted so far. */
function countersOf(machine: Machine): Record<keyof typeof FIELDS | "faults", number> {
  const of = (field: keyof typeof FIELDS): number => sumOf(machine, PERCPU_RECLAIM + FIELDS[field]);
  const [scanned, reclaimed, unmapped, missed] = [
    of("scanned"),
    of("reclaimed"),
    of("unmapped"),
    of("missed"),
  ];
  return { scanned, reclaimed, unmapped, missed, faults: sumOf(machine, PerCpu.pgfault) };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Counters at the beginning and at the end of what is measured. */
async function watch(
  machine: Machine,
  barrier: SharedArrayBuffer,
  running: Promise<unknown>,
): Promise<[ReturnType<typeof countersOf>, ReturnType<typeof countersOf>]> {
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

async function sample(
  options: ReclaimOptions,
  cell: Cell,
  milliseconds: number,
  engine: Engine,
): Promise<void> {
  const { kernel, cpus, processes } = cell;
  const pages = sharedPages(options.memoryBytes);
  const swapBytes = pages * 2 * 4096;
  const machine = await createMachine(
    { kernel, cpus, memory: options.memoryBytes, disk: swapBytes },
    engine,
  );
  try {
    const module = ownModule("../workload/reclaim/reclaim-programs", import.meta.url);
    await machine.load({ module, programs: RECLAIM_PROGRAMS });
    const barrier = new SharedArrayBuffer(12);
    const results = new SharedArrayBuffer(cpus * PRESSURE_RESULTS * 8);
    const { forks } = options;
    const shared: PressureOrder = {
      pages,
      processes,
      milliseconds,
      forks,
      swapBytes,
      barrier,
      results,
    };
    const [before, after] = await watch(
      machine,
      barrier,
      machine.run("pressureParent", { shared }),
    );
    cell.samples.push(sampleOf(new Float64Array(results), before, after));
  } finally {
    await machine.stop();
  }
}

/** Rates and shares of one round. */
function sampleOf(
  results: Float64Array,
  before: ReturnType<typeof countersOf>,
  after: ReturnType<typeof countersOf>,
): Cell["samples"][number] {
  const column = (offset: number): number =>
    results.reduce((sum, value, i) => (i % PRESSURE_RESULTS === offset ? sum + value : sum), 0);
  const seconds = Math.max(...results.filter((_, i) => i % PRESSURE_RESULTS === 1));
  const rate = (field: keyof typeof before): number => (after[field] - before[field]) / seconds;
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

function resultOf({ kernel, cpus, processes, samples }: Cell, cores: number): ReclaimResult {
  const of = (field: keyof Cell["samples"][number]): number =>
    median(samples.map((each) => each[field]));
  return {
    ...{ kernel, cpus, processes, rounds: samples.length, oversubscribed: cpus > cores },
    scannedPerSecond: of("scannedPerSecond"),
    reclaimedPerSecond: of("reclaimedPerSecond"),
    unmappedPerSecond: of("unmappedPerSecond"),
    missedPercent: of("missedPercent"),
    faultsPerSecond: of("faultsPerSecond"),
    forksPerSecond: of("forksPerSecond"),
  };
}

/** Runs the experiment. Rejects with ConfigError. */
export async function runReclaim(
  options: ReclaimOptions,
  engine: Engine,
): Promise<ReclaimDocument> {
  const { kernels, rounds, seconds } = options;
  const cells = options.processes.flatMap((processes) =>
    options.cpus.flatMap((cpus) =>
      kernels.map((kernel): Cell => ({ kernel, cpus, processes, samples: [] })),
    ),
  );
  const milliseconds = Math.max(20, (seconds * 1000) / (cells.length * rounds));
  const host = hostFacts();
  const interrupted = await takeTurns(
    cells,
    rounds,
    options,
    (cell) => sample(options, cell, milliseconds, engine),
    (cell) => cell.kernel,
  );
  const measured = cells.filter(({ samples }) => samples.length > 0);
  return {
    ...{ command: "reclaim", version: racierVersion(), host },
    ...{ memoryBytes: options.memoryBytes, pages: sharedPages(options.memoryBytes) },
    ...{ forks: options.forks, interrupted },
    results: measured.map((cell) => resultOf(cell, host.cores)),
  };
}
