// The document that `racier scale` ends in. It is printed by --json, embedded in the HTML report and read by the
// tables. docs/json.md explains every field to users; test/report/json-docs.test.ts compares the two.

import type { LockClassStat } from "../machine/lock-stat.ts";
import type { ScaleMode, TestcaseName } from "../workload/scale/scale-order.ts";
import type { HostFacts } from "./host.ts";

/** One kernel, testcase, mode and CPU count. All CPUs together. */
export interface ScaleResult {
  /** Name of the kernel configuration, for example "2.6.9+ptl=mcs". */
  kernel: string;
  testcase: TestcaseName;
  mode: ScaleMode;
  cpus: number;
  /** Rounds that were completed; each gave one figure. */
  rounds: number;
  /** Median over rounds. */
  operationsPerSecond: number;
  /** 5th percentile over rounds. */
  p05: number;
  /** 95th percentile over rounds. */
  p95: number;
  /** `operationsPerSecond` divided by that of the fewest CPUs that were measured; null: this is it, or oversubscribed. */
  scaling: number | null;
  /** 95 % bootstrap interval of `scaling`. */
  scalingCi95: [number, number] | null;
  /** More CPUs than the host has cores: compared with none. */
  oversubscribed: boolean;
}

/** The change of the median between two kernels, everything else alike. */
export interface ScaleComparison {
  testcase: TestcaseName;
  mode: ScaleMode;
  cpus: number;
  from: string;
  to: string;
  /** Percent; positive: `to` does more operations. */
  changePercent: number;
  /** 95 % bootstrap interval of `changePercent`. */
  ci95: [number, number];
}

/** What a kernel that counts its locks says about one result; measured for itself. */
export interface ScaleLockStat {
  kernel: string;
  testcase: TestcaseName;
  mode: ScaleMode;
  cpus: number;
  /** Classes that were taken, those that were waited for most first. */
  classes: LockClassStat[];
}

/** The whole of it. */
export interface ScaleDocument {
  command: "scale";
  /** Version of racier. */
  version: string;
  host: HostFacts;
  /** Rounds that were completed. */
  rounds: number;
  /** Bytes that page_fault1 to 3 touch before they begin anew. */
  touchedBytes: number;
  /** Stopped by Ctrl-C before all rounds were done. */
  interrupted: boolean;
  results: ScaleResult[];
  comparisons: ScaleComparison[];
  /** Only with --lock-stat. */
  lockStat: ScaleLockStat[];
}
