// The document that `racier notifiers` ends in. It is printed by --json, embedded in the HTML report and read by the
// tables. docs/json.md explains every field to users.

import type { InvalidatingOperation } from "../workload/notifiers/orders.ts";
import type { HostFacts } from "./host.ts";

/** Lower and upper end of a 95 % bootstrap interval. */
export type Interval = readonly [number, number];

/** A registration on one kernel. */
export interface RegistrationRow {
  readonly kernel: string;
  readonly vmas: number;
  /** Rounds that were completed. */
  readonly rounds: number;
  /** Median over rounds, as all that follows. */
  readonly registerNs: number;
  readonly registerCi95: Interval;
  readonly unregisterNs: number;
  readonly unregisterCi95: Interval;
}

/** One operation on one kernel with one client. */
export interface InvalidationRow {
  readonly kernel: string;
  /** null: nobody is registered. */
  readonly client: string | null;
  readonly operation: InvalidatingOperation;
  readonly rounds: number;
  readonly nsPerPage: number;
  readonly ci95: Interval;
  /** Times the kernel without notifiers; null: this is it. */
  readonly times: number | null;
  readonly timesCi95: Interval | null;
}

/** Accesses of a guest on one kernel. */
export interface AccessRow {
  readonly kernel: string;
  readonly rounds: number;
  readonly hitNs: number;
  readonly hitCi95: Interval;
  readonly faultNs: number;
  readonly faultCi95: Interval;
}

/** A guest that runs while its host swaps it. */
export interface GuestRow {
  readonly kernel: string;
  readonly client: string;
  readonly rounds: number;
  /** Loads and stores of the guest. */
  readonly guestPerSecond: number;
  readonly guestCi95: Interval;
  /** Words that the process on the other CPU used. */
  readonly hostPerSecond: number;
  readonly hostCi95: Interval;
  readonly swapInsPerSecond: number;
  readonly swapOutsPerSecond: number;
  /** Faults of the guest: each try. */
  readonly faultsPerSecond: number;
  /** Tries in vain, of all rounds together. */
  readonly retries: number;
  /** Accesses that reached a frame that the primary had given away, of all rounds together. */
  readonly stale: number;
}

/** A heap that grows and shrinks: brk_test of AIM9. */
export interface BrkRow {
  readonly kernel: string;
  /** What the locks of the reverse map are. */
  readonly locks: "spinlocks" | "semaphores";
  /** A word of each step is stored to, so that there are pages. */
  readonly touched: boolean;
  readonly rounds: number;
  readonly nsPerCall: number;
  readonly ci95: Interval;
  /** Change of the calls a second against spinlocks, in percent; null: this is it. */
  readonly changePercent: number | null;
  readonly changeCi95: Interval | null;
}

/** What `racier notifiers --json` prints. */
export interface NotifiersDocument {
  readonly command: "notifiers";
  readonly version: string;
  readonly host: HostFacts;
  /** Pages of an operation. */
  readonly pages: number;
  /** Rounds that were asked for. */
  readonly rounds: number;
  readonly interrupted: boolean;
  readonly registration: readonly RegistrationRow[];
  readonly invalidation: readonly InvalidationRow[];
  readonly access: readonly AccessRow[];
  readonly guest: readonly GuestRow[];
  readonly brk: readonly BrkRow[];
  /** What was not measured, and why: full sentences. */
  readonly leftOut: readonly string[];
}
