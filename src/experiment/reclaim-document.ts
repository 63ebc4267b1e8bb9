// The document that `racier reclaim` ends in: see docs/json.md.

import type { HostFacts } from "./host.ts";

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
  readonly interrupted: boolean;
  readonly results: readonly ReclaimResult[];
}
