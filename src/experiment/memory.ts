// `racier kernels --memory`: bytes that a VMA, a mapping and a process cost in each generation of the reverse map.

import type { Engine } from "../engine/contract.ts";
import { createMachine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import { MEMORY_PROGRAMS, type MemoryCost } from "../workload/process/memory-cost.ts";

/** One line of the table. */
export interface KernelMemory extends MemoryCost {
  readonly kernel: string;
}

/** Counts on a machine of each kernel. Rejects with ConfigError. */
export async function kernelMemory(
  kernels: readonly string[],
  engine: Engine,
): Promise<KernelMemory[]> {
  const lines: KernelMemory[] = [];
  for (const kernel of kernels) {
    const machine = await createMachine({ kernel, cpus: 1, memory: "64M" }, engine);
    try {
      const module = ownModule("../workload/process/memory-programs", import.meta.url);
      await machine.load({ module, programs: MEMORY_PROGRAMS });
      lines.push({ kernel, ...((await machine.run("measureMemory")) as MemoryCost) });
    } finally {
      await machine.stop();
    }
  }
  return lines;
}
