// A machine in the test's own thread: one CPU, no worker, programs are closures. Fast, deterministic, and a debugger can
// step from the test into the host code. More CPUs may be configured; then they are idle, unless a test instantiates them.

import { ATTENTION_HOST, PERCPU_AREAS, PERCPU_SIZE, PerCpu } from "../../src/layout/structs.gen.ts";
import { memoryViews } from "../../src/layout/view.ts";
import type { KernelCalls } from "../../src/kernel/calls.ts";
import { KernelBug } from "../../src/kernel/error.ts";
import { type Cpu, instantiateCpu, loadKernel } from "../../src/kernel/load.ts";
import { NotifierPort } from "../../src/kernel/notifier-port.ts";
import { bugOfTrap } from "../../src/machine/bug-report.ts";
import { CpuLoop, quiesceCpu } from "../../src/machine/cpu-loop.ts";
import { type MachineConfig, allocateMemory, machineConfig } from "../../src/machine/config.ts";
import { attachDisk } from "../../src/machine/machine.ts";
import type { NotifierClient } from "../../src/notifier/client.ts";
import { CLIENTS } from "../../src/notifier/clients/index.ts";
import type { Program } from "../../src/machine/program.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { type Census, takeCensus } from "./census.ts";

/** What a direct machine is made of. */
export interface DirectOptions {
  /** @defaultValue "2.6.9" */
  readonly kernel?: string;
  /** @defaultValue "16M" */
  readonly memory?: string;
  /** @defaultValue 1 */
  readonly cpus?: number;
  /** @defaultValue none */
  readonly disk?: string;
  /** In place of the kernel's own checking build. */
  readonly module?: WebAssembly.Module;
  /** Imports that `module` needs besides the kernel's own. */
  readonly arch?: WebAssembly.ModuleImports;
}

/** The kernels that every test of behaviour runs on. */
export const KERNEL_NAMES = ["2.6.8", "2.6.9"] as const;

const isTrap = (error: unknown): error is WebAssembly.RuntimeError =>
  error instanceof WebAssembly.RuntimeError;

/** A booted machine whose CPU 0 is this thread. */
export class DirectMachine {
  readonly cpu: Cpu;
  readonly config: MachineConfig;
  /** Errors that children threw and nobody waited for. */
  readonly stray: unknown[] = [];
  /** Free memory and slabs right after boot. */
  readonly bootCensus: Census;
  readonly #memory: WebAssembly.Memory;
  readonly #module: WebAssembly.Module;
  readonly #arch: WebAssembly.ModuleImports | undefined;
  readonly #loop: CpuLoop;
  #programs = 0;

  constructor(options: DirectOptions = {}) {
    const { kernel = "2.6.9", memory = "16M", cpus = 1, disk = 0 } = options;
    this.config = machineConfig({ kernel, memory, cpus, disk, checking: true });
    this.#module = options.module ?? loadKernel(kernel, true);
    this.#arch = options.arch;
    this.#memory = allocateMemory(this.config);
    this.cpu = this.instantiate(0);
    const { lowmemPages, highmemPages } = this.config;
    if (this.cpu.k.boot_machine(cpus, lowmemPages, highmemPages, 50, 0) === 0) {
      throw new Error("the machine did not boot");
    }
    attachDisk(this.config, this.cpu.k);
    this.cpu.k.leave_lazy();
    this.#loop = new CpuLoop(this.cpu, this.config, {
      reportThrown: (error) => {
        this.stray.push(error);
      },
      sharedOf: () => undefined,
    });
    this.bootCensus = this.census();
  }

  /** Another CPU of the machine, or CPU 0 once more, in this thread. */
  instantiate(id: number): Cpu {
    if (this.#arch === undefined) return instantiateCpu(this.#module, this.#memory, id, () => 0);
    const area = PERCPU_AREAS + id * PERCPU_SIZE;
    const base = new WebAssembly.Global({ value: "i32", mutable: false }, area);
    const notifiers = new NotifierPort();
    const { exports } = new WebAssembly.Instance(this.#module, {
      env: { memory: this.#memory },
      notifier: notifiers.imports(),
      arch: { percpu_base: base, clock: () => 0, ...this.#arch },
    });
    const views = memoryViews(this.#memory.buffer as unknown as SharedArrayBuffer);
    return { ...views, id, area, notifiers, k: exports as unknown as KernelCalls };
  }

  /** Makes a client of MMU notifiers known. */
  notifierClient(client: NotifierClient): void {
    this.#loop.notifiers.add(CLIENTS.length, client);
  }

  /** Makes a closure known by `name`, for fork and clone. */
  program(name: string, body: Program): number {
    const id = this.#programs++;
    this.#loop.addProgram(id, name, body);
    return id;
  }

  /** Runs a closure as a process of its own; returns its result or throws what it threw. A trap becomes the KernelBug. */
  run<T>(body: (task: ProgramTask, ...args: number[]) => T, args: readonly number[] = []): T {
    const id = this.program("main", body);
    try {
      return this.guard(() => this.#loop.runJob(0, id, args) as T);
    } finally {
      // What a child threw comes first: it says more than the status that its parent saw.

      if (this.stray.length > 0) throw this.stray.shift();
    }
  }

  /** Runs what is left on the run queue. */
  serve(): void {
    const { k, area, i32 } = this.cpu;
    const stopper = this.program("stopper", () => {
      Atomics.or(i32, (area + PerCpu.attention) >>> 2, ATTENTION_HOST);
    });
    const task = k.task_alloc(0, k.mm_alloc(), stopper);
    k.wake_up_new_task(task, 0);
    this.guard(() => {
      this.#loop.serveTasks();
    });
  }

  /** Does kernel calls; a trap becomes the KernelBug that the kernel has put on record. */
  guard<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!isTrap(error)) throw error;
      const bug = bugOfTrap(this.cpu, this.cpu.id, error.message);
      bug.cause = error;
      throw bug;
    }
  }

  /** The broken rule that a body must end with. */
  bugOf(body: () => unknown): KernelBug {
    try {
      this.guard(body);
    } catch (error) {
      if (error instanceof KernelBug) return error;
      throw error;
    }
    throw new Error("no rule was found to be broken");
  }

  /** Everything that the CPU keeps for itself goes back; then: what is free. */
  census(): Census {
    // Twice: what goes back to a slab may free a frame to the hot list.
    quiesceCpu(this.cpu);
    quiesceCpu(this.cpu);
    return takeCensus(this.cpu);
  }
}
