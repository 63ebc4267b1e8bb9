// What the host and the fork programs of one round say to each other: data that can be posted
// between threads.

import type { ProcessLayout } from "../process-layout/layout.ts";
import type { FileTable } from "./image.ts";

/** lmbench's three. */
export type ForkWorkloadName = "fork+exit" | "fork+exec" | "fork+sh";

/** What a round is to do. */
export interface RoundOrder {
  readonly workload: ForkWorkloadName;
  /** The process that is forked. */
  readonly layout: ProcessLayout;
  /** What fork+exec executes. */
  readonly hello: ProcessLayout;
  /** What fork+sh executes. */
  readonly shell: ProcessLayout;
  readonly files: FileTable;
  /** Operations before the clock starts. */
  readonly warmup: number;
  /** How long to measure. */
  readonly milliseconds: number;
  /** Two words: CPUs that have arrived, and whether to go. */
  readonly barrier: SharedArrayBuffer;
}

/** What a parent measured. */
export interface RoundResult {
  /** Time of each operation, in ns. */
  readonly times: readonly number[];
  /** Mean time of one operation in each PHASE_* of the kernel, in ns; zeros unless profiled. */
  readonly phases: readonly number[];
}

/** Programs of fork-programs.ts that a machine must load. */
export const FORK_PROGRAMS: readonly string[] = [
  "prepareFiles",
  "forkParent",
  "childExit",
  "childExec",
  "childShell",
  "shellChild",
];
