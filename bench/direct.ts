// A machine in the bench's own thread: no worker, no message, so that what is timed is the kernel and
// the host code and nothing else. CPU 0 is this thread; more CPUs may be configured, which stay idle.

import { MmStruct, Task } from "../src/layout/structs.gen.ts";
import { getI32, getU32 } from "../src/layout/view.ts";
import { type Cpu, instantiateCpu, loadKernel } from "../src/kernel/load.ts";
import { CpuLoop } from "../src/machine/cpu-loop.ts";
import { allocateMemory, machineConfig } from "../src/machine/config.ts";
import { attachDisk } from "../src/machine/machine.ts";
import type { Program } from "../src/machine/program.ts";
import { ProgramTask } from "../src/machine/task.ts";
import { sysExit } from "../src/syscall/process.ts";

/** The kernels that are measured. */
export const KERNELS = ["2.6.8", "2.6.9"] as const;

/** Turns of a wait before it would park: nobody waits here. */
const SPIN_LIMIT = 2000;

/** A booted machine whose CPU 0 is this thread. */
export class DirectMachine {
  readonly cpu: Cpu;
  readonly #loop: CpuLoop;
  #programs = 0;

  /** Boots. `memory` and `disk` as for Machine.boot. Throws ConfigError. */
  constructor(kernel: string, memory: string, cpus = 1, disk: string | 0 = 0) {
    const config = machineConfig({ kernel, memory, cpus, disk });
    const module = loadKernel(kernel, false);
    this.cpu = instantiateCpu(module, allocateMemory(config), 0, () => 0);
    const { lowmemPages, highmemPages } = config;
    if (this.cpu.k.boot_machine(cpus, lowmemPages, highmemPages, SPIN_LIMIT, 0) === 0) {
      throw new Error("the machine did not boot");
    }
    attachDisk(config, this.cpu.k);
    this.cpu.k.leave_lazy();
    this.#loop = new CpuLoop(this.cpu, config, {
      reportThrown: (error) => {
        throw error;
      },
      sharedOf: () => undefined,
    });
  }

  /** Makes a closure known by `name`, for fork; returns its number. */
  program(name: string, body: Program): number {
    const id = this.#programs++;
    this.#loop.addProgram(id, name, body);
    return id;
  }

  /** A process with an empty address space that runs on the CPU from here on, until end(). */
  spawn(): ProgramTask {
    const { k } = this.cpu;
    const mm = k.mm_alloc();
    const task = mm === 0 ? 0 : k.task_alloc(0, mm, 0);
    if (task === 0) throw new Error("out of memory");
    this.cpu.i32[(task + Task.cpu) >>> 2] = this.cpu.id;
    k.switch_to(task);
    return new ProgramTask(this.cpu, task, this.#loop);
  }

  /** Ends a process of spawn(). */
  end(task: ProgramTask): void {
    sysExit(this.cpu, task.address, 0);
  }

  /** The address space of a process. */
  mmOf(task: ProgramTask): number {
    return getI32(this.cpu, task.address + Task.mm);
  }

  /** Pages that an address space maps. */
  rss(mm: number): number {
    return getU32(this.cpu, mm + MmStruct.rss);
  }
}
