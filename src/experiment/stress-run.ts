// One run of `racier stress` on one machine: jobs for every CPU, rounds that end with all CPUs
// standing still, the checks, and the end, when everything exits and all memory must be back.

import { MachineSignal, SyscallError } from "../kernel/error.ts";
import { PANIC_RECORD, PanicRecord } from "../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../layout/view.ts";
import { lastEvents } from "../machine/bug-report.ts";
import { cpuReports } from "../machine/cpu-report.ts";
import { checkInvariants } from "../machine/invariants/check.ts";
import type { Violation } from "../machine/invariants/findings.ts";
import { leaks, memoryState, type MemoryState } from "../machine/invariants/leaks.ts";
import type { Machine } from "../machine/machine.ts";
import {
  Board,
  CPU_STATES,
  PHASE_PARK,
  PHASE_RUN,
  PHASE_STOP,
  SWAP_AREAS,
  boardBuffer,
  type StressFile,
  type StressOrder,
} from "../workload/stress/board.ts";
import { enterFiles } from "../workload/stress/objects.ts";
import { Random, mix } from "../workload/stress/random.ts";
import { operationName } from "../workload/stress/stress-programs.ts";
import { allowedClients } from "./allowed-clients.ts";
import { Patience } from "./patience.ts";
import { RCU_STALL_MS, RcuWatch } from "./rcu-watch.ts";
import type { StressFailure } from "./stress-document.ts";
import { isIdle, isQuiet } from "./stress-quiet.ts";

/** What to stress, and for how long. */
export interface StressOptions {
  readonly kernel: string;
  readonly cpus: number;
  /** Size of the machine, such as "64M". */
  readonly memory: number | string;
  readonly seconds: number;
  /** Disk of the machine: half of it is swap. @defaultValue 0: there is none, and nothing is reclaimed */
  readonly disk?: number | string;
  /** 0 to 2^32 - 1. */
  readonly seed: number;
  /** Operations of all CPUs together, at most. @defaultValue as many as there is time for */
  readonly operations?: number | undefined;
  /** The checking build of the kernel. */
  readonly checking: boolean;
  /** Another build of the kernel. */
  readonly module?: WebAssembly.Module | undefined;
  /** Told after each check how far it has come. */
  readonly onProgress?: (progress: StressProgress) => void;
  /** True when the user wants it to end. */
  readonly interrupted?: () => boolean;
  /** Shown the memory of the machine, before the work begins. */
  readonly atStart?: (memory: MemoryViews) => void;
  /** Shown the memory of the machine, before that is stopped. */
  readonly atEnd?: (memory: MemoryViews) => void;
  /** A CPU that does not come to a halt for so long hangs, in ms. @defaultValue 30000 */
  readonly hangMs?: number;
}

/** How far a run has come. */
export interface StressProgress {
  readonly seconds: number;
  readonly operations: number;
  readonly checks: number;
}

/** Time between two checks of the invariants, in ms: the first ones come early. */
const FIRST_ROUND_MS = 100;
const ROUND_MS = 600;
const POLL_MS = 2;
/**
 * CPUs that do nothing for so long, while others have used up their share, will do nothing more.
 */
const STUCK_MS = 2000;
const HANG_MS = 30_000;

/** A rule that did not hold when the machine stood still. */
export class Broken extends Error {
  readonly failure: StressFailure;

  constructor(failure: StressFailure) {
    super(failure.text);
    this.failure = failure;
  }
}

/** Files of the list that are mapped shared and written. */
const SHARED_FILES = 2;
/** Files at the end of the list that are cut. */
const CUT_FILES = 2;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One run on one machine. */
export class StressRun {
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
  readonly #rcu: RcuWatch;
  readonly #hangMs: number;
  /** Since the last operation of any CPU. */
  readonly #idle = new Patience();
  /** Events that the kernel had traced when the last operation had come to its end. */
  #tracedThen = 0;
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
    this.#rcu = new RcuWatch(machine.memory);
    this.#hangMs = options.hangMs ?? HANG_MS;
    this.#order = {
      ...{ buffer, cpus },
      operations: options.operations === undefined ? 0 : Math.ceil(options.operations / cpus),
      notifiers: allowedClients(options.kernel),
      sharedFiles: files.slice(0, SHARED_FILES),
      seedFiles: files.slice(SHARED_FILES, -CUT_FILES),
      cutFiles: files.slice(-CUT_FILES),
      swapAreas: machine.config.diskBlocks === 0 ? 0 : SWAP_AREAS,
      swapBytes: Math.floor(machine.config.diskBlocks / 2) * 4096,
    };
    enterFiles(this.board, this.#order.sharedFiles);
  }

  get #cpus(): number[] {
    return Array.from({ length: this.#machine.config.cpus }, (_, cpu) => cpu);
  }

  get #files(): StressFile[] {
    const { sharedFiles, seedFiles, cutFiles } = this.#order;
    return [...sharedFiles, ...seedFiles, ...cutFiles];
  }

  get #handles(): number[] {
    return this.#files.map((file) => file.handle);
  }

  /** Waits until `condition` holds. Throws what stopped the machine, or HANG. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    const patience = new Patience();
    let progress = this.#progress();
    let seen = this.#traced();
    for (;;) {
      if (this.#error !== undefined) throw this.#error as Error;
      if (condition()) return;
      const now = this.#progress();
      const traced = this.#traced();
      if (now !== progress) {
        patience.renew();
        this.#tracedThen = traced;
      }
      const isMoving = traced !== seen;
      progress = now;
      seen = traced;
      if (patience.waitedMs(isMoving) > this.#hangMs) this.#hang(what);
      this.#idle.waitedMs(isMoving);
      this.#watchRcu();
      await sleep(POLL_MS);
    }
  }

  /** Throws RCU-STALL. */
  #watchRcu(): void {
    const cpus = this.#rcu.stalled();
    if (cpus.length === 0) return;
    const text = `RCU-STALL: a grace period has waited ${RCU_STALL_MS / 1000} s for CPU ${cpus.join(", ")}`;
    throw new Broken({
      ...{ rule: "RCU-STALL", cpu: cpus[0] ?? null, text },
      ...{ expected: "a quiescent state", found: "none" },
      others: cpuReports(this.#machine.memory),
      events: lastEvents(this.#machine.memory, cpus[0]),
    });
  }

  /**
   * Events that the kernel has traced, in checking builds: on a host that is short of cores one operation can take
   * long, if each of its many flushes waits for a CPU that is not running.
   */
  #traced(): number {
    return getU32(this.#machine.memory, PANIC_RECORD + PanicRecord.trace_clock);
  }

  /** Changes whenever some CPU does something. */
  #progress(): number {
    return this.#cpus.reduce((sum, cpu) => sum + this.board.operations(cpu), 0);
  }

  #hang(what: string): never {
    const { board } = this;
    const states = this.#cpus.map((cpu) => {
      const state = CPU_STATES[board.cpuState(cpu)];
      return `CPU ${cpu} ${state}, ${operationName(board.operation(cpu))}`;
    });
    const moves = (this.#traced() - this.#tracedThen) >>> 0;
    const text = `HANG: no operation has ended for ${this.#hangMs / 1000} s: ${what}`;
    throw new Broken({
      ...{ rule: "HANG", cpu: null, text, expected: what, found: states.join("; ") },
      others: [
        `the kernel has traced ${moves} events since the last operation ended`,
        ...cpuReports(this.#machine.memory),
      ],
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
    const quiet = (): boolean =>
      this.#cpus.every((cpu) => isQuiet(memory, this.board, cpu, this.#busy.has(cpu)));
    // Twice: while the first CPUs were looked at, the last may have woken kswapd.
    return quiet() && quiet();
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

  /** True if a CPU has done all the operations that it may do. */
  #hasDone(cpu: number): boolean {
    const limit = this.#order.operations;
    return limit > 0 && this.board.operations(cpu) >= limit;
  }

  /** True when the time is over or all operations are done. */
  #isDone(start: number): boolean {
    if (this.#cpus.every((cpu) => this.#hasDone(cpu))) return true;
    return performance.now() - start >= this.#options.seconds * 1000;
  }

  /** Rounds of work, each ended by a check. */
  async #rounds(): Promise<void> {
    const start = performance.now();
    let roundMs = FIRST_ROUND_MS;
    for (;;) {
      const end = performance.now() + roundMs;
      const done = this.#progress();
      const isOver = (): boolean => this.#isDone(start) || this.#interrupted();
      await this.#until("a round", () => performance.now() >= end || isOver());
      const last = isOver() || this.#isStuck(done);
      await this.#check();
      const seconds = (performance.now() - start) / 1000;
      this.#options.onProgress?.({ seconds, operations: this.#progress(), checks: this.checks });
      if (last) return;
      this.board.phase = PHASE_RUN;
      this.#holding = false;
      roundMs = Math.min(ROUND_MS, roundMs * 2);
    }
  }

  /**
   * Nothing has been done for a while. With a limit that is no wonder: some CPUs have used up their
   * share, and the others may need them.
   */
  #isStuck(before: number): boolean {
    if (this.#progress() !== before) this.#idle.renew();
    const idleMs = this.#idle.waitedMs();
    if (idleMs > STUCK_MS && this.#cpus.some((cpu) => this.#hasDone(cpu))) return true;
    if (idleMs > this.#hangMs) this.#hang("any operation");
    return false;
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
    await this.#machine.run("stressSwapoff", { shared: this.#order });
    await this.#machine.run("stressCloseFiles", { shared: this.#files });
    await this.#machine.quiesce();
    this.#report(checkInvariants(memory, { handles: [] }), "all files closed");
    this.#report(leaks(this.#boot, memoryState(memory)), "against the boot state");
    this.checks += 2;
  }

  /** Runs to the end. Rejects with what broke. */
  async run(): Promise<void> {
    await this.#machine.run("stressSwapon", { shared: this.#order });
    const feeders = Promise.all(this.#cpus.map((cpu) => this.#feed(cpu)));
    feeders.catch((error: unknown) => {
      this.#error ??= error;
    });
    await this.#rounds();
    await this.#wind(feeders);
  }
}
