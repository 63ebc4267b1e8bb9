// Trylock or spin: which of the two lets reclaim make better progress? Each kernel that was measured both ways is
// compared with itself.

import { chosenKernel } from "../kernel/catalogue.ts";
import { reclaimSpins } from "../kernel/variant.ts";
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
const CHOICE = /\+reclaim=(?:trylock|spin)/;

/** With fewer rounds an interval says nothing. */
const FEWEST_ROUNDS = 3;

const spins = (kernel: string): boolean => reclaimSpins(chosenKernel(kernel));

/** The kernel without what it says about the locks of reclaim. */
const restOf = (kernel: string): string => kernel.replace(CHOICE, "");

/** Every kernel that was measured both ways, at each size. */
export function compareLocks(all: readonly ReclaimSeries[]): ReclaimComparison[] {
  return all.flatMap((spin) => {
    if (!spins(spin.kernel)) return [];
    const trylock = all.find(
      (other) =>
        !spins(other.kernel) &&
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
