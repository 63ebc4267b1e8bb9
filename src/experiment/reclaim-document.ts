// The document that `racier reclaim` ends in: see docs/json.md.

import type { HostFacts } from "./host.ts";

/** Percent of the time of all CPUs, measured on a machine whose kernel counts its locks. */
export interface ReclaimLockTimes {
  /** Waiting for spinlocks, rwsems and page locks of all classes. */
  readonly waitPercent: number;
  /** Waiting for page_table_lock. */
  readonly ptlWaitPercent: number;
  /** Holding a page_table_lock; of several CPUs that hold one each, all count. */
  readonly ptlHoldPercent: number;
}

/** One kernel, number of CPUs and number of processes. Figures are medians over rounds. */
export interface ReclaimResult {
  readonly kernel: string;
  readonly cpus: number;
  /** Processes that share the pages besides those that run. */
  readonly processes: number;
  readonly rounds: number;
  /** More CPUs than the host has cores. */
  readonly oversubscribed: boolean;
  readonly scannedPerSecond: number;
  readonly reclaimedPerSecond: number;
  /** PTEs that try_to_unmap took away. */
  readonly unmappedPerSecond: number;
  /** Of the PTEs that were looked for, those passed over since a lock was busy. */
  readonly missedPercent: number;
  readonly faultsPerSecond: number;
  readonly forksPerSecond: number;
  /** Time in locks; null without --lock-stat. */
  readonly locks: ReclaimLockTimes | null;
}

/** A kernel whose reclaim tries locks against the same one whose reclaim waits for them. */
export interface ReclaimComparison {
  readonly spin: string;
  readonly trylock: string;
  readonly cpus: number;
  readonly processes: number;
  /** Percent; positive: with trylock more pages are reclaimed a second. */
  readonly changePercent: number;
  /** 95 % bootstrap interval of `changePercent`. */
  readonly ci95: readonly number[];
}

/** What `racier reclaim` measured. */
export interface ReclaimDocument {
  readonly command: "reclaim";
  readonly version: string;
  readonly host: HostFacts;
  readonly memoryBytes: number;
  /** Anonymous pages that are shared: more than there are frames. */
  readonly pages: number;
  readonly forks: boolean;
  /** VMAs that the pages lie in, of one process whose threads use them on all CPUs; 0: one, and processes. */
  readonly vmas: number;
  readonly interrupted: boolean;
  readonly results: readonly ReclaimResult[];
  readonly comparisons: readonly ReclaimComparison[];
}
