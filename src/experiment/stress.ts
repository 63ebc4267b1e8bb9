// `racier stress`: random syscalls and accesses on every CPU, and everything that can be checked
// about them. Programs check each load against what was stored (src/workload/stress); from time to
// time all CPUs stand still, processes alive, and the host checks the invariants
// (src/machine/invariants); in the end everything exits and all memory must be back.

import { PERCPU_AREAS, PERCPU_SIZE, PerCpu } from "../layout/structs.gen.ts";
import { getU32 } from "../layout/view.ts";
import { KernelBug, MachineSignal, SyscallError } from "../kernel/error.ts";
import type { Engine } from "../engine/contract.ts";
import { lastEvents } from "../machine/bug-report.ts";
import { checkInvariants } from "../machine/invariants/check.ts";
import type { Violation } from "../machine/invariants/findings.ts";
import { leaks, memoryState, type MemoryState } from "../machine/invariants/leaks.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  Board,
  COUNTERS,
  PHASE_PARK,
  PHASE_RUN,
  PHASE_STOP,
  boardBuffer,
  type StressFile,
  type StressOrder,
} from "../workload/stress/board.ts";
import { enterFiles } from "../workload/stress/objects.ts";
import { Random, mix } from "../workload/stress/random.ts";
import { STRESS_PROGRAMS } from "../workload/stress/stress-programs.ts";
import { hostFacts } from "./host.ts";
import type { KernelCounts, StressDocument, StressFailure } from "./stress-document.ts";
import { isIdle, isQuiet } from "./stress-quiet.ts";
import { racierVersion } from "./version.ts";

/** What to stress, and for how long. */
export interface StressOptions {
  readonly kernel: string;
  readonly cpus: number;
  /** Size of the machine, such as "64M". */
  readonly memory: number | string;
  readonly seconds: number;
  /** 0 to 2^32 - 1. */
  readonly seed: number;
  /** Operations of all CPUs together, at most. @defaultValue as many as there is time for */
  readonly operations?: number | undefined;
  /** The checking build of the kernel. */
  readonly checking: boolean;
  /** Another build of the kernel. */
  readonly module?: WebAssembly.Module | undefined;
  /** Told from time to time how many of the seconds have gone. */
  readonly onProgress?: (seconds: number, note: string) => void;
  /** True when the user wants it to end. */
  readonly interrupted?: () => boolean;
  /** A CPU that does not come to a halt for so long hangs, in ms. @defaultValue 30000 */
  readonly hangMs?: number;
}

/** Time between two checks of the invariants, in ms: the first ones come early. */
const FIRST_ROUND_MS = 100;
const ROUND_MS = 600;
const POLL_MS = 2;
/** CPUs that stand still for so long after a check will do nothing more, in ms. */
const STUCK_MS = 2000;
const HANG_MS = 30_000;

/** A rule that did not hold when the machine stood still. */
class Broken extends Error {
  readonly failure: StressFailure;

  constructor(failure: StressFailure) {
    super(failure.text);
    this.failure = failure;
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Files for a machine with `frames` frames: nothing takes pages out of the page cache, so they are
 * small.
 */
function wantedFiles(seed: number, frames: number): Omit<StressFile, "handle">[] {
  const large = Math.min(5000, Math.floor(frames / 16)) * 4096;
  const sizes = [20 * 4096 + 100, 32 * 4096, 16 * 4096, 40 * 4096 + 2047, large];
  return sizes.map((sizeBytes, index) => ({ sizeBytes, seed: mix(seed, index) }));
}

/** Files of the list that are mapped shared and written. */
const SHARED_FILES = 2;

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
});

/** The command that runs the same again. */
export function replayCommand(options: StressOptions): string {
  const { kernel, cpus, memory, seed, seconds, operations, checking } = options;
  const parts = [
    ...["racier stress --kernel", kernel, "--cpus", cpus, "--memory", memory],
    ...["--seconds", seconds, "--seed", seed],
    ...(operations === undefined ? [] : ["--operations", operations]),
    ...(checking ? [] : ["--no-checking"]),
  ];
  return parts.join(" ");
}

/** One run on one machine. */
class StressRun {
  readonly #options: StressOptions;
  readonly #machine: Machine;
  readonly #boot: MemoryState;
  readonly #order: StressOrder;
  readonly board: Board;
  /** CPUs whose job has not come back. */
  readonly #busy: Set<number>;
  /** Why nothing goes on. */
  #error: unknown;
  /** No new job is given to a CPU. */
  #holding = false;
  #over = false;
  /** When the CPUs were last let go, in ms. */
  #runningSince = performance.now();
  checks = 0;
  interrupted = false;

  constructor(
    options: StressOptions,
    machine: Machine,
    boot: MemoryState,
    files: readonly StressFile[],
  ) {
    const { cpus } = machine.config;
    const buffer = boardBuffer(cpus);
    this.#options = options;
    this.#machine = machine;
    this.#boot = boot;
    this.#busy = new Set();
    this.board = new Board(buffer, cpus);
    this.#order = {
      ...{ buffer, cpus },
      operations: options.operations === undefined ? 0 : Math.ceil(options.operations / cpus),
      sharedFiles: files.slice(0, SHARED_FILES),
      seedFiles: files.slice(SHARED_FILES),
    };
    enterFiles(this.board, this.#order.sharedFiles);
  }

  get #cpus(): number[] {
    return Array.from({ length: this.#machine.config.cpus }, (_, cpu) => cpu);
  }

  get #handles(): number[] {
    return [...this.#order.sharedFiles, ...this.#order.seedFiles].map((file) => file.handle);
  }

  /** Waits until `condition` holds. Throws what stopped the machine, or HANG. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    const hangMs = this.#options.hangMs ?? HANG_MS;
    let deadline = performance.now() + hangMs;
    let progress = this.#progress();
    for (;;) {
      if (this.#error !== undefined) throw this.#error as Error;
      if (condition()) return;
      const now = this.#progress();
      if (now !== progress) deadline = performance.now() + hangMs;
      progress = now;
      if (performance.now() > deadline) this.#hang(what, hangMs);
      await sleep(POLL_MS);
    }
  }

  /** Changes whenever some CPU does something. */
  #progress(): number {
    return this.#cpus.reduce((sum, cpu) => sum + this.board.operations(cpu), 0);
  }

  #hang(what: string, hangMs: number): never {
    const states = this.#cpus.map((cpu) => `CPU ${cpu} in state ${this.board.cpuState(cpu)}`);
    const text = `HANG: no CPU has done anything for ${hangMs / 1000} s: ${what}; ${states.join(", ")}`;
    throw new Broken({
      ...{ rule: "HANG", cpu: null, text, expected: what, found: states.join(", "), others: [] },
      events: lastEvents(this.#machine.memory),
    });
  }

  /** Gives a CPU one process after the other until the run is over. */
  async #feed(cpu: number): Promise<void> {
    const random = new Random(mix(this.#options.seed, cpu + 1));
    for (;;) {
      // Orphans run first: so the same seed gives the same order.
      await this.#until(
        "an idle CPU",
        () => this.#over || (!this.#holding && isIdle(this.#machine.memory, cpu)),
      );
      if (this.#over) return;
      this.#busy.add(cpu);
      const args = [random.bits(), random.between(40, 400)];
      const began = await this.#runJob(cpu, args);
      this.#busy.delete(cpu);
      if (!began) await sleep(POLL_MS);
    }
  }

  /** Runs one process; false if there was no room for it. */
  async #runJob(cpu: number, args: readonly number[]): Promise<boolean> {
    try {
      return (await this.#machine.run("stressJob", { cpu, args, shared: this.#order })) as boolean;
    } catch (error) {
      if (error instanceof MachineSignal) return true;
      if (error instanceof SyscallError && error.syscall === "spawn") return false;
      throw error;
    }
  }

  #allQuiet(): boolean {
    const { memory } = this.#machine;
    return this.#cpus.every((cpu) => isQuiet(memory, this.board, cpu, this.#busy.has(cpu)));
  }

  #report(violations: readonly Violation[], when: string): void {
    const first = violations[0];
    if (first === undefined) return;
    throw new Broken({
      ...{ rule: first.rule, cpu: null, text: `${first.text} (${when})` },
      ...{ expected: first.expected, found: first.found },
      others: violations.slice(1).map((violation) => violation.text),
      events: lastEvents(this.#machine.memory),
    });
  }

  /** All CPUs stand still, and every invariant holds. */
  async #check(): Promise<void> {
    this.#holding = true;
    this.board.phase = PHASE_PARK;
    await this.#until("all CPUs stand still", () => this.#allQuiet());
    this.#report(
      checkInvariants(this.#machine.memory, { handles: this.#handles }),
      "processes alive",
    );
    this.checks++;
  }

  /** True when the time is over or all operations are done. */
  #isDone(start: number): boolean {
    const limit = this.#order.operations;
    if (limit > 0 && this.#cpus.every((cpu) => this.board.operations(cpu) >= limit)) return true;
    return performance.now() - start >= this.#options.seconds * 1000;
  }

  /** With a limit, CPUs may all have come to a halt before each of them has used up its share. */
  #isStuck(): boolean {
    if (this.#order.operations === 0 || this.#busy.size < this.#cpus.length) return false;
    // A CPU that is still parked shortly after a check is about to go on.
    return performance.now() > this.#runningSince + STUCK_MS && this.#allQuiet();
  }

  /** Rounds of work, each ended by a check. */
  async #rounds(): Promise<void> {
    const start = performance.now();
    let roundMs = FIRST_ROUND_MS;
    for (;;) {
      const end = performance.now() + roundMs;
      const due = (): boolean => performance.now() >= end || this.#isDone(start) || this.#isStuck();
      await this.#until("a round", () => due() || this.#interrupted());
      const last = this.#isDone(start) || this.#isStuck() || this.#interrupted();
      await this.#check();
      const note = `${this.#progress().toLocaleString("en-US")} operations`;
      this.#options.onProgress?.((performance.now() - start) / 1000, note);
      if (last) return;
      this.board.phase = PHASE_RUN;
      this.#runningSince = performance.now();
      this.#holding = false;
      roundMs = Math.min(ROUND_MS, roundMs * 2);
    }
  }

  #interrupted(): boolean {
    this.interrupted ||= this.#options.interrupted?.() ?? false;
    return this.interrupted;
  }

  /** Everything exits; all memory must be back. */
  async #wind(feeders: Promise<unknown>): Promise<void> {
    this.#over = true;
    this.board.phase = PHASE_STOP;
    const { memory } = this.#machine;
    await this.#until("every process ends", () => this.#busy.size === 0);
    await feeders;
    await this.#until("every orphan ends", () => this.#cpus.every((cpu) => isIdle(memory, cpu)));
    await this.#machine.quiesce();
    this.#report(checkInvariants(memory, { handles: this.#handles }), "all processes ended");
    const files = [...this.#order.sharedFiles, ...this.#order.seedFiles];
    await this.#machine.run("stressCloseFiles", { shared: files });
    await this.#machine.quiesce();
    this.#report(checkInvariants(memory, { handles: [] }), "all files closed");
    this.#report(leaks(this.#boot, memoryState(memory)), "against the boot state");
    this.checks += 2;
  }

  /** Runs to the end. Rejects with what broke. */
  async run(): Promise<void> {
    const feeders = Promise.all(this.#cpus.map((cpu) => this.#feed(cpu)));
    feeders.catch((error: unknown) => {
      this.#error ??= error;
    });
    await this.#rounds();
    await this.#wind(feeders);
  }
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

/** Runs the stress test. Rejects with ConfigError; a rule that breaks is told in the document. */
export async function runStress(options: StressOptions, engine: Engine): Promise<StressDocument> {
  const { kernel, cpus, memory, checking, seed, module } = options;
  const machineOptions = {
    kernel,
    cpus,
    memory,
    checking,
    ...(module === undefined ? {} : { module }),
  };
  const machine = await createMachine(machineOptions, engine);
  const host = hostFacts();
  const start = performance.now();
  try {
    const boot = memoryState(machine.memory);
    const programs = ownModule("../workload/stress/stress-programs", import.meta.url);
    await machine.load({ module: programs, programs: STRESS_PROGRAMS });
    const { lowmemPages, highmemPages } = machine.config;
    const shared = wantedFiles(seed, lowmemPages + highmemPages);
    const files = (await machine.run("stressFiles", { shared })) as StressFile[];
    const run = new StressRun(options, machine, boot, files);
    const failure = await run.run().then(
      () => null,
      (error: unknown) => failureOf(error, machine),
    );
    const { board, checks, interrupted } = run;
    const counts = COUNTERS.map((counter) => [counter, board.total(counter)] as const);
    return {
      ...{ command: "stress", version: racierVersion(), host, kernel: machine.config.kernel, cpus },
      ...{ memoryBytes: (lowmemPages + highmemPages) * 4096, checking, seed },
      ...{ seconds: (performance.now() - start) / 1000, interrupted },
      operations: Array.from({ length: cpus }, (_, cpu) => board.operations(cpu)).reduce(
        (a, b) => a + b,
      ),
      operationsHash: hashOf(board),
      counts: Object.fromEntries(counts) as StressDocument["counts"],
      kernelCounts: kernelCounts(machine),
      ...{ checks, failure, replay: replayCommand(options) },
    };
  } finally {
    await machine.stop();
  }
}
