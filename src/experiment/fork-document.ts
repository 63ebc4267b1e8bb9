// The document that `racier fork` ends in: what it measured, on what, and what can be said about
// it. It is printed by --json, embedded in the HTML report and read by the tables. docs/json.md
// explains every field to users; test/report/json-docs.test.ts compares the two.

import type { LockClassStat } from "../machine/lock-stat.ts";
import type { HostFacts } from "./host.ts";

/** lmbench's three: the child exits, executes a small program, or executes a shell that does. */
export type ForkWorkload = "fork+exit" | "fork+exec" | "fork+sh";

/** The workloads in the order in which they are run and reported. */
export const FORK_WORKLOADS: readonly ForkWorkload[] = ["fork+exit", "fork+exec", "fork+sh"];

/** The process that is forked. */
export interface ForkInput {
  /** Where the layout came from: name of a preset, file, process or "N pages". Untrusted text. */
  source: string;
  /** Mappings of the process. */
  vmas: number;
  /** Resident pages of 4 KiB. */
  pages: number;
  /** Those of `pages` that are anonymous. */
  anonymousPages: number;
}

/** Nanoseconds of one operation, by what the kernel was doing. The sum is about the mean time. */
export interface ForkPhases {
  /** Copying and freeing the list of VMAs, and linking them to their anon_vma. */
  vmas: number;
  /** Allocating and freeing page-table pages. */
  pageTables: number;
  /** Copying PTEs: reference count, mapcount, write protection. */
  pteCopy: number;
  /** Page faults that do not copy a page. */
  faults: number;
  /** Page faults that copy a page. */
  cow: number;
  /** Unmapping PTEs when the child exits or executes. */
  zap: number;
  /** Everything else: creating the task, scheduling, wait. */
  other: number;
}

/** One kernel, workload and CPU count. Times are those of one operation, seen by one CPU. */
export interface ForkResult {
  /** Name of the kernel configuration, for example "2.6.8". */
  kernel: string;
  workload: ForkWorkload;
  /** CPUs that run the workload at the same time, each with a process of its own. */
  cpus: number;
  /** Rounds that were completed; each gave one time. */
  rounds: number;
  medianNs: number;
  /** 5th percentile over rounds. */
  p05Ns: number;
  /** 95th percentile over rounds. */
  p95Ns: number;
  /** `medianNs` divided by the resident pages of the process. */
  nsPerPage: number;
  /**
   * More CPUs than the host has cores: times include waiting for a core and are compared with none.
   */
  oversubscribed: boolean;
  phases: ForkPhases;
}

/** The change of the median between two kernels, same workload and CPU count. */
export interface ForkComparison {
  workload: ForkWorkload;
  cpus: number;
  from: string;
  to: string;
  /** Percent; negative: `to` is faster. */
  changePercent: number;
  /** 95 % bootstrap interval of `changePercent`. */
  ci95: [number, number];
}

/** What one machine counted about its locks. */
export interface ForkLockStat {
  kernel: string;
  cpus: number;
  /** Classes that were taken, those that were waited for most first. */
  classes: LockClassStat[];
}

/** The whole of it. */
export interface ForkDocument {
  command: "fork";
  /** Version of racier. */
  version: string;
  host: HostFacts;
  input: ForkInput;
  /** Rounds that were asked for or, with a time limit, completed. */
  rounds: number;
  /** Stopped by Ctrl-C before all rounds were done. */
  interrupted: boolean;
  results: ForkResult[];
  comparisons: ForkComparison[];
  /** One for each machine that counted and timed its locks: only with --lock-stat. */
  lockStat: ForkLockStat[];
}
