// Trylock or spin: which of the two lets reclaim make better progress? Each kernel that was measured both ways is
// compared with itself.

import { bootstrapChange } from "./stats.ts";
import type { ReclaimComparison } from "./reclaim-document.ts";

/** What is compared: one configuration, with pages reclaimed a second in each round. */
export interface ReclaimSeries {
  readonly kernel: string;
  readonly cpus: number;
  readonly processes: number;
  readonly reclaimedPerSecond: readonly number[];
}

/** Seed of the bootstrap. */
const SEED = 2004;
const CHOICE = /\+reclaim=(trylock|spin)/;

/** How reclaim of a kernel takes page_table_lock and i_mmap_lock: 2.6.9 waits for them, the others try. */
export function reclaimLocksOf(kernel: string): "trylock" | "spin" {
  const chosen = CHOICE.exec(kernel)?.[1];
  if (chosen !== undefined) return chosen === "spin" ? "spin" : "trylock";
  return kernel === "2.6.9" || kernel.startsWith("2.6.9+") ? "spin" : "trylock";
}

/** With fewer rounds an interval says nothing. */
const FEWEST_ROUNDS = 3;

/** The kernel without what it says about the locks of reclaim. */
const restOf = (kernel: string): string => kernel.replace(CHOICE, "");

/** Every kernel that was measured both ways, at each size. */
export function compareLocks(all: readonly ReclaimSeries[]): ReclaimComparison[] {
  return all.flatMap((spin) => {
    if (reclaimLocksOf(spin.kernel) !== "spin") return [];
    const trylock = all.find(
      (other) =>
        reclaimLocksOf(other.kernel) === "trylock" &&
        restOf(other.kernel) === restOf(spin.kernel) &&
        other.cpus === spin.cpus &&
        other.processes === spin.processes,
    );
    return trylock === undefined ? [] : compare(spin, trylock);
  });
}

function compare(spin: ReclaimSeries, trylock: ReclaimSeries): ReclaimComparison[] {
  const [from, to] = [spin.reclaimedPerSecond, trylock.reclaimedPerSecond];
  if (Math.min(from.length, to.length) < FEWEST_ROUNDS) return [];
  if (![...from, ...to].every((value) => value > 0)) return [];
  const { changePercent, ci95 } = bootstrapChange(from, to, { seed: SEED });
  const { cpus, processes } = spin;
  const kernels = { spin: spin.kernel, trylock: trylock.kernel };
  return [{ ...kernels, cpus, processes, changePercent, ci95: [...ci95] }];
}
