// `racier swapoff`: how long it takes to empty a swap area, by a scan of every address space (2.6.8) and through the
// anon_vma of each page (2.6.9), as processes and pages grow.

import { BOOT_PARAMS, BootParams, SWAPOFF_ANON_VMA, SWAPOFF_SCAN } from "../layout/structs.gen.ts";
import { setI32 } from "../layout/view.ts";
import type { Engine } from "../engine/contract.ts";
import { createMachine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import { RECLAIM_PROGRAMS, type SwapoffOrder } from "../workload/reclaim/orders.ts";
import { hostFacts } from "./host.ts";
import type { SwapoffDocument, SwapoffResult } from "./reclaim-document.ts";
import { median } from "./stats.ts";
import { takeTurns } from "./turns.ts";
import { racierVersion } from "./version.ts";

/** What to measure. */
export interface SwapoffOptions {
  readonly kernels: readonly string[];
  readonly processes: readonly number[];
  /** Pages on swap, of all processes together. */
  readonly pages: readonly number[];
  readonly rounds: number;
  readonly onProgress?: (done: number, total: number, note: string) => void;
  readonly interrupted?: () => boolean;
}

interface Cell extends Pick<SwapoffResult, "kernel" | "way" | "processes" | "pages"> {
  readonly times: number[];
}

/** The ways that a kernel knows: before 2.6.9 a page does not say where it was mapped. */
const waysOf = (kernel: string): readonly SwapoffResult["way"][] =>
  kernel.startsWith("2.6.9") ? ["scan", "anon_vma"] : ["scan"];

async function measure(cell: Cell, engine: Engine): Promise<void> {
  const { kernel, processes } = cell;
  const pages = Math.ceil(cell.pages / processes);
  const swapBytes = pages * processes * 4096;
  const memory = Math.ceil(swapBytes * 1.2) + (48 << 20);
  const machine = await createMachine({ kernel, cpus: 1, memory, disk: swapBytes }, engine);
  try {
    const way = cell.way === "scan" ? SWAPOFF_SCAN : SWAPOFF_ANON_VMA;
    setI32(machine.memory, BOOT_PARAMS + BootParams.swapoff, way);
    const module = ownModule("../workload/reclaim/reclaim-programs", import.meta.url);
    await machine.load({ module, programs: RECLAIM_PROGRAMS });
    const result = new SharedArrayBuffer(8);
    const shared: SwapoffOrder = { processes, pages, swapBytes, result };
    await machine.run("swapoffRoot", { shared });
    cell.times.push(new Float64Array(result)[0] ?? 0);
  } finally {
    await machine.stop();
  }
}

/** Runs the experiment. Rejects with ConfigError. */
export async function runSwapoff(
  options: SwapoffOptions,
  engine: Engine,
): Promise<SwapoffDocument> {
  const cells = options.pages.flatMap((pages) =>
    options.processes.flatMap((processes) =>
      options.kernels.flatMap((kernel) =>
        waysOf(kernel).map((way): Cell => ({ kernel, way, processes, pages, times: [] })),
      ),
    ),
  );
  const host = hostFacts();
  const interrupted = await takeTurns(
    cells,
    options.rounds,
    options,
    (cell) => measure(cell, engine),
    ({ kernel, way }) => `${kernel}, ${way}`,
  );
  const results = cells
    .filter(({ times }) => times.length > 0)
    .map(({ times, ...cell }): SwapoffResult => {
      const medianMs = median(times);
      return { ...cell, rounds: times.length, medianMs, usPerPage: (medianMs * 1000) / cell.pages };
    });
  return { ...{ command: "swapoff", version: racierVersion(), host }, interrupted, results };
}
