// A machine: a kernel, CPUs, memory, and an engine that runs them. Made by createMachine, stopped
// by stop() or `await using`.

import { BOOT_MAGIC, BOOT_PARAMS, BootParams } from "../layout/structs.gen.ts";
import { getU32, memoryViews, setI32, type MemoryViews } from "../layout/view.ts";
import { ConfigError } from "../kernel/error.ts";
import type { KernelCalls } from "../kernel/calls.ts";
import { instantiateCpu, loadKernel } from "../kernel/load.ts";
import type { Engine, RunningEngine } from "../engine/contract.ts";
import { panicOf } from "./bug-report.ts";
import {
  allocateMemory,
  checkPlace,
  machineConfig,
  type MachineConfig,
  type MachineOptions,
} from "./config.ts";
import { CLIENTS } from "../notifier/clients/index.ts";
import { importClient } from "./client-module.ts";
import { procText, type ProcFile } from "./proc/proc.ts";
import { importProgram, moduleUrl, type ProgramEntry, type ProgramModule } from "./program.ts";

/** Turns of a wait before it parks or sleeps: with a core for each CPU, and without. */
const SPIN_LIMIT = 2000;
const SPIN_LIMIT_OVERSUBSCRIBED = 50;

/** How a program is run from the host. */
export interface RunOptions {
  /** Numbers for the program, at most four. @defaultValue none */
  readonly args?: readonly number[];
  /** CPU that runs it. @defaultValue 0 */
  readonly cpu?: number;
  /** What the program finds as `task.shared`. @defaultValue nothing */
  readonly shared?: unknown;
  /** The machine is stopped if the program has not ended by then, in ms. @defaultValue never */
  readonly timeoutMs?: number;
}

/** An emulated machine. */
export class Machine {
  readonly config: MachineConfig;
  /** The physical memory, for those who look from outside. */
  readonly memory: MemoryViews;
  readonly #engine: RunningEngine;
  readonly #programs = new Map<string, ProgramEntry>();
  readonly #clients = new Set(CLIENTS.map((client) => client.name));
  #lastProgramId = 0;

  /**
   * Takes what bootParts made.
   * @internal
   */
  constructor(config: MachineConfig, memory: MemoryViews, engine: RunningEngine) {
    this.config = config;
    this.memory = memory;
    this.#engine = engine;
  }

  /**
   * Makes the programs of a module known on every CPU, by the names of the exports. Rejects with
   * ConfigError.
   */
  async load(source: ProgramModule): Promise<void> {
    const url = moduleUrl(source.module);
    for (const name of source.programs ?? ["default"]) {
      const known = this.#programs.get(name);
      if (known?.url === url) continue;
      if (known !== undefined) {
        throw new ConfigError(`two programs are called "${name}": ${known.url} and ${url}`);
      }
      // A number of its own at once: two modules may be loading.
      const entry = { id: this.#lastProgramId++, name, url };
      // Once here, so that a mistake is reported in plain words and not by every CPU.
      await importProgram(entry);
      await this.#engine.addProgram(entry);
      this.#programs.set(name, entry);
    }
  }

  /** Makes the client of MMU notifiers that a module exports known on every CPU. Rejects with ConfigError. */
  async loadNotifier(module: string | URL): Promise<void> {
    const url = moduleUrl(module);
    const { name } = await importClient(url);
    if (this.#clients.has(name)) {
      throw new ConfigError(`there is a notifier client "${name}" already: call it otherwise`);
    }
    const id = this.#clients.size;
    this.#clients.add(name);
    await this.#engine.addClient({ id, url });
  }

  /** Runs a program as a process with an empty address space; resolves with what it returned. */
  async run(program: string, options: RunOptions = {}): Promise<unknown> {
    const { args = [], cpu = 0, shared, timeoutMs } = options;
    const entry = this.#programs.get(program);
    if (entry === undefined) {
      const known = [...this.#programs.keys()].join(", ") || "none";
      throw new ConfigError(`no program "${program}" is loaded: ${known}`);
    }
    checkPlace(this.config.cpus, cpu, args);
    const running = this.#engine.run({ program: entry, args, cpu, shared });
    return timeoutMs === undefined ? running : this.#withTimeout(running, program, timeoutMs);
  }

  /** Runs a program on every CPU at once; resolves with the results in order of CPUs. */
  async runOnAll(program: string, options: Omit<RunOptions, "cpu"> = {}): Promise<unknown[]> {
    const cpus = Array.from({ length: this.config.cpus }, (_, cpu) => cpu);
    return Promise.all(cpus.map((cpu) => this.run(program, { ...options, cpu })));
  }

  /**
   * Makes every CPU give back what it keeps for itself: no job runs meanwhile. For comparisons with
   * the boot state.
   */
  async quiesce(): Promise<void> {
    await this.#engine.quiesce();
  }

  /** What a file of /proc says, in the lines of Linux. Programs may run meanwhile. */
  proc(file: ProcFile): string {
    return procText(this.memory, file);
  }

  /** Starts or ends the timing of phases (arch/phase.ts of the kernel). No job runs meanwhile. */
  setProfiling(on: boolean): void {
    setI32(this.memory, BOOT_PARAMS + BootParams.profile, on ? 1 : 0);
  }

  /** Stops the machine, in the middle of whatever it does. Its memory can still be looked at. */
  async stop(): Promise<void> {
    await this.#engine.stop();
  }

  /** Throws the KernelBug that stopped the machine, if one has. */
  check(): void {
    const bug = panicOf(this.memory);
    if (bug !== undefined) throw bug;
  }

  /** See stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #withTimeout(running: Promise<unknown>, program: string, ms: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(
          new ConfigError(`the program "${program}" has not ended after ${ms} ms: does it loop?`),
        );
      }, ms);
    });
    try {
      return await Promise.race([running, late]);
    } catch (error) {
      running.catch(() => undefined);
      await this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Gives a booted machine its disk, if it is to have one. Throws ConfigError. */
export function attachDisk(
  { diskBlocks, backedBlocks }: Pick<MachineConfig, "diskBlocks" | "backedBlocks">,
  k: Pick<KernelCalls, "attach_disk">,
): void {
  if (diskBlocks === 0 || k.attach_disk(diskBlocks, backedBlocks) !== 0) return;
  throw new ConfigError("the memory is too small for the books of so large a disk");
}

/** Boots the kernel in fresh memory. Throws ConfigError when the memory is too small for it. */
function boot(config: MachineConfig, memory: WebAssembly.Memory, module: WebAssembly.Module): void {
  const { k } = instantiateCpu(module, memory, 0, () => 0);
  const { cpus, lowmemPages, highmemPages, oversubscribed } = config;
  const spin = oversubscribed ? SPIN_LIMIT_OVERSUBSCRIBED : SPIN_LIMIT;
  const parks = oversubscribed ? 1 : 0;
  if (k.boot_machine(cpus, lowmemPages, highmemPages, spin, parks) === 0) {
    const least = Math.ceil(k.min_lowmem_pfns(highmemPages) / 256);
    throw new ConfigError(`the memory is too small to boot: give the machine at least ${least}M`);
  }
  attachDisk(config, k);
}

/** What a Machine is made of. */
export type MachineParts = readonly [MachineConfig, MemoryViews, RunningEngine];

/** Boots a kernel in fresh memory and starts its CPUs on `engine`. Rejects with ConfigError. */
export async function bootParts(options: MachineOptions, engine: Engine): Promise<MachineParts> {
  const config = machineConfig(options);
  const module = options.module ?? loadKernel(config.kernel, config.checking);
  const memory = allocateMemory(config);
  boot(config, memory, module);
  const views = memoryViews(memory.buffer as unknown as SharedArrayBuffer);
  if (getU32(views, BOOT_PARAMS + BootParams.magic) !== BOOT_MAGIC) {
    throw new ConfigError("the memory holds no booted machine: the kernel build is damaged");
  }
  return [config, views, await engine(config, memory, module)];
}

/** Makes a machine and boots it on `engine`. Rejects with ConfigError. */
export async function createMachine(options: MachineOptions, engine: Engine): Promise<Machine> {
  return new Machine(...(await bootParts(options, engine)));
}
