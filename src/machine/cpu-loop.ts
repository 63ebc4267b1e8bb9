// What a CPU does: runs the programs of the tasks that are ready on it, one at a time. While a
// program waits for a child, other tasks of the CPU run on top of its frames; so a task runs to its
// end, or until it waits, before its CPU does anything else. Plain synchronous code: the engine
// decides what a wait is.

import { ATTENTION_HOST, PerCpu, Task } from "../layout/structs.gen.ts";
import { getU32 } from "../layout/view.ts";
import { ConfigError, MachineSignal, SyscallError } from "../kernel/error.ts";
import { EAGAIN } from "../layout/errno.ts";
import type { Cpu } from "../kernel/load.ts";
import { emptyMm } from "../mm/exec.ts";
import { mmput } from "../mm/unmap.ts";
import type { NotifierClient } from "../notifier/client.ts";
import { CLIENTS } from "../notifier/clients/index.ts";
import { NotifierHost } from "../notifier/host.ts";
import type { MachineConfig } from "./config.ts";
import { signalNumber } from "./fault-signal.ts";
import type { Program } from "./program.ts";
import { ProgramExit, ProgramTask, type TaskHost } from "./task.ts";
import { setTaskArgs, sysExit, sysWaitNoHang, taskArgs } from "../syscall/process.ts";
import type { WaitResult } from "../syscall/process.ts";

/** How a program ended. */
interface Ending {
  readonly exitCode: number;
  /** What it returned. */
  readonly result?: unknown;
  /** What it threw, but for exit(). */
  readonly thrown?: unknown;
}

/** After the first await the process would be gone. */
const ASYNC_PROGRAM = "a program returned a promise: programs are synchronous, without async";

const isTrap = (error: unknown): boolean => error instanceof WebAssembly.RuntimeError;

/**
 * Gives back what a CPU keeps for itself, so that the machine can be compared with its boot state.
 */
export function quiesceCpu(cpu: Cpu): void {
  cpu.k.drop_lazy_mm();
  cpu.k.lru_add_drain();
  cpu.k.pte_chain_drain();
  cpu.k.kmem_cache_reap_all();
  cpu.k.rcu_drain();
  cpu.k.drain_local_pages();
}

/** What the engine does for the loop of a CPU. */
export interface CpuEngine {
  /** Tells the host what a child threw that no job stands for. */
  reportThrown(error: unknown): void;
  /** What the host gave with a job that runs on some CPU. */
  sharedOf(job: number): unknown;
  /** What a program is given in place of its task. @defaultValue the task */
  viewOf?(task: ProgramTask): ProgramTask;
}

/** The loop of one CPU. */
export class CpuLoop implements TaskHost {
  readonly cpu: Cpu;
  readonly cpus: number;
  readonly kernel: string;
  /** See TaskHost. */
  readonly notifiers: NotifierHost;
  readonly #programs = new Map<number, Program>();
  readonly #ids = new Map<string, number>();
  readonly #engine: CpuEngine;

  constructor(cpu: Cpu, config: MachineConfig, engine: CpuEngine) {
    this.cpu = cpu;
    this.cpus = config.cpus;
    this.kernel = config.kernel;
    this.#engine = engine;
    this.notifiers = new NotifierHost(cpu);
    CLIENTS.forEach((client, id) => {
      this.notifiers.add(id, client);
    });
  }

  /** Makes a program known. */
  addProgram(id: number, name: string, program: Program): void {
    this.#programs.set(id, program);
    this.#ids.set(name, id);
  }

  /** Makes a client of MMU notifiers known. */
  addClient(id: number, client: NotifierClient): void {
    this.notifiers.add(id, client);
  }

  /** See TaskHost. */
  programId(name: string): number {
    const id = this.#ids.get(name);
    if (id !== undefined) return id;
    const known = [...this.#ids.keys()].join(", ");
    throw new ConfigError(`this machine has no program "${name}": it has ${known}`);
  }

  /** See TaskHost. */
  sharedOf(job: number): unknown {
    return this.#engine.sharedOf(job);
  }

  /**
   * Runs a program as a process of its own, with an empty address space. Returns its result, or
   * throws what it threw.
   */
  runJob(job: number, program: number, args: readonly number[]): unknown {
    const { k } = this.cpu;
    const mm = emptyMm(this.cpu);
    const task = mm === 0 ? 0 : k.task_alloc(0, mm, program);
    if (task === 0) {
      if (mm !== 0) mmput(this.cpu, mm);
      throw new SyscallError("spawn", EAGAIN, "out of memory");
    }
    setTaskArgs(this.cpu, task, args);
    this.cpu.i32[(task + Task.job) >>> 2] = job;
    this.cpu.i32[(task + Task.cpu) >>> 2] = this.cpu.id;
    const ending = this.#runTask(task, true);
    if ("thrown" in ending) throw ending.thrown;
    return ending.result;
  }

  /** Runs ready tasks and sleeps in between, until the host asks for attention. */
  serveTasks(): void {
    const { k } = this.cpu;
    for (;;) {
      const kicks = k.cpu_kicks();
      if (this.#hostWantsAttention()) return;
      const task = k.pick_next_task();
      if (task !== 0) this.#runTask(task, false);
      else k.cpu_idle(kicks);
    }
  }

  /** See TaskHost. */
  waitForChild(task: number): WaitResult {
    const { k } = this.cpu;
    for (;;) {
      const kicks = k.cpu_kicks();
      const result = sysWaitNoHang(this.cpu, task);
      if (result !== undefined) return result;
      const next = k.pick_next_task();
      if (next === 0) {
        k.cpu_idle(kicks);
      } else {
        this.#runTask(next, false);
        k.switch_to(task);
      }
    }
  }

  #hostWantsAttention(): boolean {
    const index = (this.cpu.area + PerCpu.attention) >>> 2;
    if ((Atomics.load(this.cpu.i32, index) & ATTENTION_HOST) === 0) return false;
    Atomics.and(this.cpu.i32, index, ~ATTENTION_HOST);
    return true;
  }

  /**
   * Runs a task to its end. `isJob`: what it throws goes to the host as its result, not as a stray
   * error.
   */
  #runTask(task: number, isJob: boolean): Ending {
    this.cpu.k.switch_to(task);
    const ending = this.#runProgram(task);
    sysExit(this.cpu, task, ending.exitCode);
    if (!isJob && "thrown" in ending && !(ending.thrown instanceof MachineSignal)) {
      this.#engine.reportThrown(ending.thrown);
    }
    return ending;
  }

  #runProgram(task: number): Ending {
    const program = this.#programs.get(getU32(this.cpu, task + Task.program)) as Program;
    const own = new ProgramTask(this.cpu, task, this);
    const view = this.#engine.viewOf?.(own) ?? own;
    try {
      const result = program(view, ...taskArgs(this.cpu, task));
      if (result instanceof Promise) throw new ConfigError(ASYNC_PROGRAM);
      return { exitCode: 0, result };
    } catch (error) {
      if (isTrap(error)) throw error;
      if (error instanceof ProgramExit) return { exitCode: error.status & 0xff };
      if (error instanceof MachineSignal) {
        return { exitCode: signalNumber(error.signal) << 8, thrown: error };
      }
      return { exitCode: 255, thrown: error };
    }
  }
}
