// CPUs on worker threads over any kernel build: what createMachine does, for a module that need not have a name.

import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { instantiateCpu } from "../../src/kernel/load.ts";
import { allocateMemory, machineConfig } from "../../src/machine/config.ts";
import { type MemoryViews, memoryViews } from "../../src/layout/view.ts";

/** CPUs that run programs of one module. */
export interface Threads {
  readonly memory: MemoryViews;
  readonly cpus: number;
  run(program: string, args: readonly number[], cpu?: number, shared?: unknown): Promise<unknown>;
  runOnAll(program: string, args: readonly number[], shared?: unknown): Promise<unknown[]>;
  stop(): Promise<void>;
}

/** Boots `module`, a build of `kernel`, and starts `cpus` CPUs that know the `programs` of the file `url`. */
export async function startThreads(
  kernel: string,
  module: WebAssembly.Module,
  cpus: number,
  url: URL,
  programs: readonly string[],
): Promise<Threads> {
  const config = machineConfig({ kernel, cpus, memory: "16M", checking: true });
  const memory = allocateMemory(config);
  const { k } = instantiateCpu(module, memory, 0, () => 0);
  const parks = config.oversubscribed ? 1 : 0;
  k.boot_machine(cpus, config.lowmemPages, config.highmemPages, parks ? 50 : 2000, parks);
  const engine = await threadsEngine(config, memory, module);
  const entries = programs.map((name, id) => ({ id, name, url: url.href }));
  for (const entry of entries) await engine.addProgram(entry);

  const run: Threads["run"] = (name, args, cpu = 0, shared) => {
    const program = entries.find((entry) => entry.name === name);
    if (program === undefined) throw new Error(`${url.href} was not asked for ${name}`);
    return engine.run({ program, args, cpu, shared });
  };
  return {
    memory: memoryViews(memory.buffer as unknown as SharedArrayBuffer),
    cpus,
    run,
    runOnAll: (name, args, shared) =>
      Promise.all(Array.from({ length: cpus }, (_, cpu) => run(name, args, cpu, shared))),
    stop: () => engine.stop(),
  };
}
