// One running thread of the stress workload: who it is, what it may change, and how it stops. What
// it does is in *-ops.ts.

import {
  PAGE_SIZE,
  PerCpu,
  ZONE_NORMAL,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
} from "../../layout/structs.gen.ts";
import { getI32, getU32 } from "../../layout/view.ts";
import { MachineSignal, SyscallError, type SignalName } from "../../kernel/error.ts";
import type { ProgramTask } from "../../machine/task.ts";
import {
  CPU_PARKED,
  CPU_RUNNING,
  PHASE_PARK,
  PHASE_STOP,
  type Board,
  type Counter,
  type StressOrder,
} from "./board.ts";
import type { Model } from "./model.ts";
import { KIND_NONE, KIND_OBJECT, type Region } from "./region.ts";
import type { SharedObject } from "./objects.ts";
import { Random, mix } from "./random.ts";

/** How often a CPU that stands still looks whether it may go on, in ms: an interrupt wakes it at once. */
const PHASE_LOOK_MS = 1;

/** Memory that an actor keeps. It is not in the model: nothing else uses the range. */
export interface Hoard {
  readonly base: number;
  readonly pages: number;
}

/** A secondary MMU that a thread has registered, and its window. */
export interface Registration {
  readonly handle: number;
  readonly start: number;
  readonly end: number;
}

/** Memory answered with something that no order of events allows. */
export class OracleError extends Error {
  override readonly name = "OracleError";
  readonly rule: string;
  readonly cpu: number;
  readonly expected: string;
  readonly found: string;

  constructor(rule: string, cpu: number, object: string, expected: string, found: string) {
    super(`${rule} on CPU ${cpu}: ${object}: expected ${expected}, found ${found}`);
    this.rule = rule;
    this.cpu = cpu;
    this.expected = expected;
    this.found = found;
  }
}

/** A child that has been started and not been waited for. */
export interface Child {
  /** Where it writes how it ends. */
  readonly record: number;
}

/** The board as one thread of the host sees it. */
export interface Desk {
  readonly order: StressOrder;
  readonly board: Board;
  readonly models: readonly Model[];
  readonly objects: readonly SharedObject[];
}

/** What an actor is made of. */
export interface ActorSetup {
  readonly task: ProgramTask;
  readonly desk: Desk;
  readonly model: Model;
  /** Which of the threads of its address space it is. */
  readonly thread: number;
  readonly seed: number;
}

const hex = (address: number): string => `0x${address.toString(16)}`;

/** A running thread. */
export class Actor {
  readonly task: ProgramTask;
  readonly order: StressOrder;
  readonly board: Board;
  readonly models: readonly Model[];
  readonly model: Model;
  readonly thread: number;
  readonly random: Random;
  readonly objects: readonly SharedObject[];
  /** Memory that it keeps from the others. */
  hoard: Hoard | undefined;
  /** Secondary MMUs that it has registered. */
  readonly notifiers: Registration[] = [];
  /** By pid. */
  readonly children = new Map<number, Child>();

  constructor(setup: ActorSetup) {
    this.task = setup.task;
    this.order = setup.desk.order;
    this.board = setup.desk.board;
    this.models = setup.desk.models;
    this.objects = setup.desk.objects;
    this.model = setup.model;
    this.thread = setup.thread;
    this.random = new Random(setup.seed);
  }

  /** No other thread runs in this address space. */
  get alone(): boolean {
    return this.model.othersThan(this.thread).length === 0;
  }

  /**
   * True if this thread alone changes the regions of `thread`: its own, and those of threads that
   * have ended.
   */
  owns(thread: number): boolean {
    return thread === this.thread || (this.thread === 0 && !this.model.isAlive(thread));
  }

  /** Regions that exist and that this thread may change. */
  get ownRegions(): Region[] {
    return this.model.regions.filter(
      (region) => region.kind !== KIND_NONE && this.owns(region.thread),
    );
  }

  /** Counts something. */
  count(counter: Counter, by = 1): void {
    this.board.count(this.task.cpuId, counter, by);
  }

  /** Notes an operation in the hash of this CPU. */
  note(operation: number, a = 0, b = 0): void {
    const cpu = this.task.cpuId;
    const detail = mix(mix(operation, a >>> 0), mix(Math.floor(a / 2 ** 32), b));
    this.board.setHash(cpu, mix(this.board.hash(cpu), detail));
  }

  /** Stops everything: memory does not hold what it must. */
  fail(rule: string, object: string, expected: string, found: string): never {
    throw new OracleError(rule, this.task.cpuId, object, expected, found);
  }

  /** Name of a place in a region, for people. */
  place(region: Region, page: number, offset = 0): string {
    const where = `${hex(region.address(page) + offset)} (kind ${region.kind}, region ${region.identity}, page ${page})`;
    return `${where} of process ${this.model.index}.${this.thread}, pid ${this.task.pid}`;
  }

  /** True once all processes are to end. */
  hasStopped(): boolean {
    return this.board.phase === PHASE_STOP;
  }

  /** This CPU has done all the operations that it was asked to do. */
  get #done(): boolean {
    const { operations } = this.order;
    return operations > 0 && this.board.operations(this.task.cpuId) >= operations;
  }

  /** Stands still while the host wants to look, or when there is nothing left to do. */
  pause(): void {
    const { board, task } = this;
    if (board.phase !== PHASE_PARK && !this.#done) return;
    board.setCpuState(task.cpuId, CPU_PARKED);
    const wakeWord = task.cpu.area + PerCpu.wake_word;
    for (;;) {
      const { phase } = board;
      if (phase === PHASE_STOP || (phase !== PHASE_PARK && !this.#done)) break;
      // Others may still be on their way, and wait for this CPU to answer.
      const kicks = getI32(task.cpu, wakeWord);
      task.cpu.k.take_interrupts();
      if (board.phase === phase) Atomics.wait(task.cpu.i32, wakeWord >>> 2, kicks, PHASE_LOOK_MS);
    }
    board.setCpuState(task.cpuId, CPU_RUNNING);
  }

  /** Free frames of the machine, without those on the lists of CPUs. */
  get freeFrames(): number {
    return getU32(this.task.cpu, ZONE_TABLE + ZONE_NORMAL * ZONE_STRIDE + Zone.free_pages);
  }

  /**
   * True if the machine has so little memory left that a request can have failed for that reason.
   */
  get memoryIsLow(): boolean {
    const present = getU32(
      this.task.cpu,
      ZONE_TABLE + ZONE_NORMAL * ZONE_STRIDE + Zone.present_pages,
    );
    return this.freeFrames < present / 2;
  }

  /**
   * Does an access; the signal that it raised, if any. SIGKILL is thrown: out of memory ends the
   * process.
   */
  attempt(access: () => void): SignalName | undefined {
    try {
      access();
      return undefined;
    } catch (error) {
      if (!(error instanceof MachineSignal)) throw error;
      this.count(error.signal);
      if (error.signal !== "SIGKILL") return error.signal;
      this.expectLowMemory("an access", "SIGKILL");
      throw error;
    }
  }

  /**
   * Does a syscall; the code of the error that it answered with, if any. Fails for one that is not
   * in `allowed`.
   */
  request(what: string, allowed: readonly string[], syscall: () => void): string | undefined {
    try {
      syscall();
      return undefined;
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      const { code } = error;
      if (allowed.includes(code)) return code;
      const isMemory = code === "ENOMEM" || code === "EAGAIN";
      if (isMemory) this.count(code);
      else this.fail("SYSCALL", what, ["success", ...allowed].join(" or "), code);
      this.expectLowMemory(what, code);
      return code;
    }
  }

  expectLowMemory(what: string, found: string): void {
    if (this.memoryIsLow || this.board.hungry) return;
    const free = (this.freeFrames * PAGE_SIZE) / 2 ** 20;
    this.fail("OUT-OF-MEMORY", what, `success, with ${free.toFixed(0)} MiB free`, found);
  }

  /** Forgets a region: its pages are gone. The caller has begun the change. */
  dropRegion(region: Region): void {
    if (region.kind === KIND_OBJECT) this.objects[region.object]?.dropReference();
    region.vanish();
  }
}
