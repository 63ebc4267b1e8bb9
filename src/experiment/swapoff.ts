// `racier swapoff`: how long it takes to empty a swap area, by a scan of every address space (2.6.8) and through the
// anon_vma of each page (2.6.9), as processes and pages grow.

import { BOOT_PARAMS, BootParams, SWAPOFF_ANON_VMA, SWAPOFF_SCAN } from "../layout/structs.gen.ts";
import { setI32 } from "../layout/view.ts";
import type { Engine } from "../engine/contract.ts";
import { createMachine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  SWAPOFF_PROGRAMS,
  type SwapPlace,
  type SwapSharing,
  type SwapoffOrder,
} from "../workload/reclaim/orders.ts";
import { hostFacts } from "./host.ts";
import type { SwapoffDocument, SwapoffResult } from "./swapoff-document.ts";
import { median } from "./stats.ts";
import { takeTurns } from "./turns.ts";
import { racierVersion } from "./version.ts";

/** What to measure. */
export interface SwapoffOptions {
  readonly kernels: readonly string[];
  readonly processes: readonly number[];
  /** Pages on swap; of all processes together, if they are their own. */
  readonly pages: readonly number[];
  readonly sharings: readonly SwapSharing[];
  readonly places: readonly SwapPlace[];
  /** Only these, where a kernel knows several. @defaultValue both */
  readonly ways?: readonly SwapoffResult["way"][];
  readonly rounds: number;
  readonly onProgress?: (done: number, total: number, note: string) => void;
  readonly interrupted?: () => boolean;
}

type CellKey = "kernel" | "way" | "sharing" | "place" | "processes" | "pages";

interface Cell extends Pick<SwapoffResult, CellKey> {
  readonly times: number[];
}

/** The ways that a kernel knows: before 2.6.9 a page does not say where it was mapped. */
const waysOf = (kernel: string): readonly SwapoffResult["way"][] =>
  kernel.startsWith("2.6.9") ? ["scan", "anon_vma"] : ["scan"];

/** Bytes that a process takes besides its pages: structs, and page tables that are nearly empty. */
const PROCESS_BYTES = 64 << 10;
const PTE_BYTES = 8;

/** Memory for all pages at once, with some that reclaim leaves alone, and for the page tables. */
function memoryFor({ processes, pages, sharing }: Cell): number {
  const ptes = sharing === "own" ? pages : pages * processes;
  const tables = ptes * PTE_BYTES + processes * PROCESS_BYTES;
  return Math.ceil(pages * 4096 * 1.2) + tables + (48 << 20);
}

async function measure(cell: Cell, engine: Engine): Promise<void> {
  const { kernel, processes, sharing, place } = cell;
  const pages = sharing === "own" ? Math.ceil(cell.pages / processes) : cell.pages;
  const swapBytes = (sharing === "own" ? pages * processes : pages) * 4096;
  const memory = memoryFor(cell);
  const machine = await createMachine({ kernel, cpus: 1, memory, disk: swapBytes }, engine);
  try {
    const way = cell.way === "scan" ? SWAPOFF_SCAN : SWAPOFF_ANON_VMA;
    setI32(machine.memory, BOOT_PARAMS + BootParams.swapoff, way);
    const module = ownModule("../workload/reclaim/swapoff-programs", import.meta.url);
    await machine.load({ module, programs: SWAPOFF_PROGRAMS });
    const result = new SharedArrayBuffer(8);
    const shared: SwapoffOrder = { processes, pages, sharing, place, swapBytes, result };
    await machine.run("swapoffRoot", { shared });
    cell.times.push(new Float64Array(result)[0] ?? 0);
  } finally {
    await machine.stop();
  }
}

/** Every configuration. */
function cellsOf(options: SwapoffOptions): Cell[] {
  const { kernels, processes, pages, sharings, places } = options;
  const ways = kernels.flatMap((kernel) =>
    waysOf(kernel)
      .filter((way) => options.ways?.includes(way) ?? true)
      .map((way) => ({ kernel, way })),
  );
  const sizes = pages.flatMap((each) => processes.map((of) => ({ processes: of, pages: each })));
  return sharings.flatMap((sharing) =>
    places.flatMap((place) =>
      sizes.flatMap((size) => ways.map((way) => ({ ...way, sharing, place, ...size, times: [] }))),
    ),
  );
}

/** Runs the experiment. Rejects with ConfigError. */
export async function runSwapoff(
  options: SwapoffOptions,
  engine: Engine,
): Promise<SwapoffDocument> {
  const cells = cellsOf(options);
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
