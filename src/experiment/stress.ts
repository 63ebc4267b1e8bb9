// `racier stress`: random syscalls and accesses on every CPU, and everything that can be checked
// about them. Programs check each load against what was stored (src/workload/stress); from time to
// time all CPUs stand still, processes alive, and the host checks the invariants
// (src/machine/invariants); in the end everything exits and all memory must be back.

import {
  PERCPU_AREAS,
  PERCPU_RECLAIM,
  PERCPU_SIZE,
  PerCpu,
  ReclaimState,
  VM_CONTROL,
  VmControl,
} from "../layout/structs.gen.ts";
import { getU32 } from "../layout/view.ts";
import { ConfigError, KernelBug, SyscallError } from "../kernel/error.ts";
import type { Engine } from "../engine/contract.ts";
import { lastEvents } from "../machine/bug-report.ts";
import { memoryState } from "../machine/invariants/leaks.ts";
import { machineConfig } from "../machine/config.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import { COUNTERS, type Board, type StressFile } from "../workload/stress/board.ts";
import { mix } from "../workload/stress/random.ts";
import { STRESS_PROGRAMS } from "../workload/stress/stress-programs.ts";
import { hostFacts } from "./host.ts";
import type { KernelCounts, StressDocument, StressFailure } from "./stress-document.ts";
import { Broken, StressRun, type StressOptions } from "./stress-run.ts";
import { racierVersion } from "./version.ts";

export type { StressOptions, StressProgress } from "./stress-run.ts";

/**
 * Files for a machine with `frames` frames: small, since a machine without a disk takes no page out of the page cache.
 */
function wantedFiles(seed: number, frames: number): Omit<StressFile, "handle">[] {
  const large = Math.min(5000, Math.floor(frames / 16)) * 4096;
  const cut = [12 * 4096, 30 * 4096];
  const sizes = [20 * 4096 + 100, 32 * 4096, 16 * 4096, 40 * 4096 + 2047, large, ...cut];
  return sizes.map((sizeBytes, index) => ({ sizeBytes, seed: mix(seed, index) }));
}

function totalOf(machine: Machine, offset: number): number {
  let sum = 0;
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    sum += getU32(machine.memory, PERCPU_AREAS + cpu * PERCPU_SIZE + offset);
  }
  return sum;
}

const kernelCounts = (machine: Machine): KernelCounts => ({
  minorFaults: totalOf(machine, PerCpu.pgfault),
  majorFaults: totalOf(machine, PerCpu.pgmajfault),
  shootdowns: totalOf(machine, PerCpu.shootdowns),
  interrupts: totalOf(machine, PerCpu.ipis),
  tlbFlushes: totalOf(machine, PerCpu.tlb_flushes),
  sleeps: totalOf(machine, PerCpu.sleeps),
  pagesScanned: totalOf(machine, PERCPU_RECLAIM + ReclaimState.pgscan),
  pagesReclaimed: totalOf(machine, PERCPU_RECLAIM + ReclaimState.pgsteal),
  swapReads: totalOf(machine, PERCPU_RECLAIM + ReclaimState.pswpin),
  swapWrites: totalOf(machine, PERCPU_RECLAIM + ReclaimState.pswpout),
  fileReads: totalOf(machine, PERCPU_RECLAIM + ReclaimState.pgpgin),
  fileWrites: totalOf(machine, PERCPU_RECLAIM + ReclaimState.pgpgout),
  kswapdRuns: totalOf(machine, PERCPU_RECLAIM + ReclaimState.kswapd),
  directReclaims: totalOf(machine, PERCPU_RECLAIM + ReclaimState.allocstall),
  missedPtes: totalOf(machine, PERCPU_RECLAIM + ReclaimState.ptemissed),
  oomKills: getU32(machine.memory, VM_CONTROL + VmControl.oom_kills),
});

/** The command that runs it again; one CPU does the same operations up to the one that failed. */
function replayCommand(options: StressOptions, done: number, failed: boolean): string {
  const { kernel, cpus, memory, disk = 0, seed, seconds, operations, checking } = options;
  const limit = failed && cpus === 1 ? done + 1 : operations;
  const parts = [
    ...["racier stress --kernel", kernel, "--cpus", cpus, "--memory", memory],
    ...["--disk", disk, "--seed", seed],
    ...(limit === undefined ? ["--seconds", seconds] : ["--operations", limit]),
    ...(checking ? [] : ["--no-checking"]),
  ];
  return parts.join(" ");
}

/** What broke, from whatever was thrown; rethrows what is no failure of the kernel. */
function failureOf(error: unknown, machine: Machine): StressFailure {
  if (error instanceof Broken) return error.failure;
  if (!(error instanceof Error)) throw error;
  const base = { others: [], text: error.message };
  if (error instanceof KernelBug) {
    const { rule, cpu, events } = error;
    return { ...base, rule, cpu, events, expected: null, found: null };
  }
  const events = lastEvents(machine.memory);
  const { rule, cpu, expected, found } = error as Partial<StressFailure>;
  if (typeof rule !== "string" || typeof cpu !== "number") throw error;
  return { ...base, rule, cpu, events, expected: expected ?? null, found: found ?? null };
}

function hashOf(board: Board): string {
  let hash = 0;
  for (let cpu = 0; cpu < board.cpus; cpu++) hash = mix(hash, board.hash(cpu));
  return hash.toString(16).padStart(8, "0");
}

/** A machine for the run. Throws ConfigError for one that the oracle could not follow. */
async function openMachine(options: StressOptions, engine: Engine): Promise<Machine> {
  const { kernel, cpus, memory, disk = 0, checking, module } = options;
  const wanted = {
    kernel,
    cpus,
    memory,
    disk,
    checking,
    ...(module === undefined ? {} : { module }),
  };
  if (machineConfig(wanted).highmemPages !== 0) {
    throw new ConfigError(
      "stress looks at what memory holds, and frames of highmem hold nothing: give --memory 3G or less",
    );
  }
  return createMachine(wanted, engine);
}

/** Makes the files of the run. Throws ConfigError when there is no room for them. */
async function makeFiles(machine: Machine, seed: number): Promise<StressFile[]> {
  const shared = wantedFiles(seed, machine.config.lowmemPages);
  try {
    return (await machine.run("stressFiles", { shared })) as StressFile[];
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new ConfigError("the machine has no room for the files of the test: give --memory 16M");
  }
}

/** What a run tells, apart from how it ended. */
function describe(machine: Machine, { board, checks, interrupted }: StressRun) {
  const cpus = Array.from({ length: board.cpus }, (_, cpu) => cpu);
  const counts = COUNTERS.map((counter) => [counter, board.total(counter)] as const);
  return {
    interrupted,
    operations: cpus.reduce((sum, cpu) => sum + board.operations(cpu), 0),
    operationsHash: hashOf(board),
    counts: Object.fromEntries(counts) as StressDocument["counts"],
    kernelCounts: kernelCounts(machine),
    checks,
  };
}

/** Runs the stress test. Rejects with ConfigError; a rule that breaks is told in the document. */
export async function runStress(options: StressOptions, engine: Engine): Promise<StressDocument> {
  const machine = await openMachine(options, engine);
  const host = hostFacts();
  const start = performance.now();
  try {
    const boot = memoryState(machine.memory);
    const programs = ownModule("../workload/stress/stress-programs", import.meta.url);
    await machine.load({ module: programs, programs: STRESS_PROGRAMS });
    const run = new StressRun(options, machine, boot, await makeFiles(machine, options.seed));
    options.atStart?.(machine.memory);
    const failure = await run.run().then(
      () => null,
      (error: unknown) => failureOf(error, machine),
    );
    const { kernel, cpus, lowmemPages } = machine.config;
    const told = describe(machine, run);
    options.atEnd?.(machine.memory);
    return {
      ...{ command: "stress", version: racierVersion(), host, kernel, cpus },
      ...{ memoryBytes: lowmemPages * 4096, checking: options.checking, seed: options.seed },
      seconds: (performance.now() - start) / 1000,
      ...told,
      ...{ failure, replay: replayCommand(options, told.operations, failure !== null) },
    };
  } finally {
    await machine.stop();
  }
}
