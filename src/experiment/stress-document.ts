// What `racier stress` tells: the document of --json, field by field as in docs/json.md.

import type { Counter } from "../workload/stress/board.ts";
import type { HostFacts } from "./host.ts";

/** A rule that broke. */
export interface StressFailure {
  /** Name of the rule, as in docs/stress.md. */
  readonly rule: string;
  /** CPU that found it; null when the host did. */
  readonly cpu: number | null;
  /** What broke, in one sentence. */
  readonly text: string;
  readonly expected: string | null;
  readonly found: string | null;
  /** More violations that the same check found. */
  readonly others: readonly string[];
  /** The last events of the machine, oldest first; none from a release build. */
  readonly events: readonly string[];
}

/** What the kernel counted. */
export interface KernelCounts {
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly shootdowns: number;
  readonly interrupts: number;
  readonly tlbFlushes: number;
  readonly sleeps: number;
  /** Pages that reclaim looked at, and that it freed. */
  readonly pagesScanned: number;
  readonly pagesReclaimed: number;
  readonly swapReads: number;
  readonly swapWrites: number;
  readonly fileReads: number;
  readonly fileWrites: number;
  readonly kswapdRuns: number;
  /** Allocations that reclaimed memory themselves. */
  readonly directReclaims: number;
  /** PTEs that reclaim passed over, since a lock was busy. */
  readonly missedPtes: number;
  readonly oomKills: number;
}

/** The outcome of a run. */
export interface StressDocument {
  readonly command: "stress";
  readonly version: string;
  readonly host: HostFacts;
  readonly kernel: string;
  readonly cpus: number;
  /** Bytes of the machine. */
  readonly memoryBytes: number;
  readonly checking: boolean;
  readonly seed: number;
  /** How long it ran, in seconds. */
  readonly seconds: number;
  readonly interrupted: boolean;
  readonly operations: number;
  /**
   * Of all operations of all CPUs, in the order of each: the same for the same seed with one CPU.
   */
  readonly operationsHash: string;
  readonly counts: Readonly<Record<Counter, number>>;
  readonly kernelCounts: KernelCounts;
  /** How often the machine stood still and every invariant was checked. */
  readonly checks: number;
  readonly failure: StressFailure | null;
  /** The command that runs it again. */
  readonly replay: string;
}
