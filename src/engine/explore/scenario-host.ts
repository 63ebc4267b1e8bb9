// The machine of a scenario while no program runs: makes its processes, and does work as one of
// them. All CPUs are in this thread; the one that works is awake, the others are lazy, so that
// nobody waits for them.

import { CACHE_MODULE, GFP_KERNEL, NR_CACHES, Task } from "../../layout/structs.gen.ts";
import { setI32 } from "../../layout/view.ts";
import { ConfigError } from "../../kernel/error.ts";
import type { Cpu } from "../../kernel/load.ts";
import { CpuLoop } from "../../machine/cpu-loop.ts";
import type { MachineConfig } from "../../machine/config.ts";
import type { Program } from "../../machine/program.ts";
import { ProgramTask } from "../../machine/task.ts";
import { emptyMm } from "../../mm/exec.ts";
import { sysClone, sysFork } from "../../syscall/process.ts";
import type { ScenarioMachine } from "../../scenario/scenario.ts";

/** What the host of a scenario is told by. */
export interface ScenarioListener {
  /** What a child of a program threw; the parent knows nothing of it. */
  stray(error: unknown, cpu: number): void;
  /** A task as its program is to see it. */
  viewOf(task: ProgramTask): ProgramTask;
}

/** See the head of the file. */
export class ScenarioHost implements ScenarioMachine {
  readonly kernel: string;
  readonly #cpus: readonly Cpu[];
  readonly #loops: readonly CpuLoop[];
  readonly #listener: ScenarioListener;

  constructor(
    config: MachineConfig,
    cpus: readonly Cpu[],
    children: Readonly<Record<string, Program>>,
    listener: ScenarioListener,
  ) {
    this.kernel = config.kernel;
    this.#cpus = cpus;
    this.#listener = listener;
    this.#loops = cpus.map((cpu) => {
      const reportThrown = (error: unknown): void => {
        listener.stray(error, cpu.id);
      };
      const viewOf = (task: ProgramTask): ProgramTask => listener.viewOf(task);
      return new CpuLoop(cpu, config, { reportThrown, sharedOf: () => undefined, viewOf });
    });
    Object.entries(children).forEach(([name, program], id) => {
      for (const loop of this.#loops) loop.addProgram(id, name, program);
    });
  }

  /** Fills the per-CPU lists of frames and objects, so that executions do not begin with that. */
  warm(): void {
    for (const { k, id } of this.#cpus) {
      this.#awake(id, () => {
        for (let cache = 0; cache < NR_CACHES; cache++) {
          if (cache === CACHE_MODULE) continue;
          k.kmem_cache_free(cache, k.kmem_cache_alloc(cache));
        }
        k.put_page(k.alloc_pages(GFP_KERNEL, 0));
      });
    }
  }

  /** Puts pages that wait in a per-CPU list on the LRU: while they wait, they are not freed. */
  settle(): void {
    for (const { k, id } of this.#cpus) {
      this.#awake(id, () => {
        k.lru_add_drain();
      });
    }
  }

  /** See ScenarioMachine. */
  spawn(cpu: number): ProgramTask {
    const own = this.#cpu(cpu);
    return this.#awake(cpu, () => {
      const mm = emptyMm(own);
      const task = mm === 0 ? 0 : own.k.task_alloc(0, mm, 0);
      if (task === 0) throw new ConfigError("the machine is too small for another process");
      setI32(own, task + Task.cpu, cpu);
      return this.#place(cpu, task);
    });
  }

  /** See ScenarioMachine. */
  clone(task: ProgramTask, cpu: number): ProgramTask {
    return this.#start(task, cpu, sysClone);
  }

  /** See ScenarioMachine. */
  fork(task: ProgramTask, cpu: number): ProgramTask {
    return this.#start(task, cpu, sysFork);
  }

  /** See ScenarioMachine. */
  resume(task: ProgramTask): ProgramTask {
    return this.run(task, () => task);
  }

  /** See ScenarioMachine. */
  run<T>(task: ProgramTask, body: (task: ProgramTask) => T): T {
    return this.#awake(task.cpuId, () => {
      task.cpu.k.switch_to(task.address);
      return body(task);
    });
  }

  #start(parent: ProgramTask, cpu: number, call: typeof sysFork): ProgramTask {
    const child = { program: 0, args: [], cpu };
    this.run(parent, () => call(parent.cpu, parent.address, child));
    return this.#awake(cpu, () => this.#place(cpu, this.#cpu(cpu).k.pick_next_task()));
  }

  #place(cpu: number, task: number): ProgramTask {
    this.#cpu(cpu).k.switch_to(task);
    const own = new ProgramTask(this.#cpu(cpu), task, this.#loops[cpu] as CpuLoop);
    return this.#listener.viewOf(own);
  }

  #awake<T>(cpu: number, body: () => T): T {
    const { k } = this.#cpu(cpu);
    k.leave_lazy();
    const result = body();
    k.enter_rest();
    return result;
  }

  #cpu(cpu: number): Cpu {
    const found = this.#cpus[cpu];
    if (found !== undefined) return found;
    throw new ConfigError(`there is no CPU ${cpu}: the scenario has ${this.#cpus.length} programs`);
  }
}
