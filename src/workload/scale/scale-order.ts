// What the host and the programs of one slice of racier scale say to each other: data that can be posted between
// threads. The names and what each testcase does over and over are those of will-it-scale (docs/scale.md).

import type { FileTable } from "../process/image.ts";
import type { ProcessLayout } from "../process-layout/layout.ts";

/** The testcases, in the order in which they are listed and measured. */
export const TESTCASES = [
  { name: "page_fault1", operation: "first write to a page of a private anonymous mapping" },
  { name: "page_fault2", operation: "first write to a page of a private file mapping" },
  { name: "page_fault3", operation: "first write to a page of a shared file mapping" },
  { name: "mmap1", operation: "mmap and munmap of 128 MiB, anonymous, untouched" },
  { name: "mmap2", operation: "mmap and munmap of 128 MiB of a file, untouched" },
  { name: "brk1", operation: "a brk that moves the end of the heap by a page" },
  { name: "fork1", operation: "fork, exit of the child, wait" },
  { name: "tlb_flush1", operation: "mmap, write and munmap of one page" },
  { name: "tlb_flush2", operation: "write to a page, madvise(DONTNEED)" },
  { name: "tlb_flush3", operation: "write to a page, mprotect to read-only and back" },
  { name: "malloc1", operation: "malloc and free of 128 MiB" },
] as const satisfies readonly { readonly name: string; readonly operation: string }[];

/** Name of a testcase. */
export type TestcaseName = (typeof TESTCASES)[number]["name"];

/** Who does it: a process on each CPU, or threads of one process. */
export type ScaleMode = "processes" | "threads";

/** Both, in the order in which they are measured. */
export const MODES: readonly ScaleMode[] = ["processes", "threads"];

/** Words of ScaleOrder.control: tasks that have arrived, whether to go, whether to stop. */
export const CONTROL_ARRIVED = 0;
/** See CONTROL_ARRIVED. */
export const CONTROL_GO = 1;
/** See CONTROL_ARRIVED. */
export const CONTROL_STOP = 2;

/** Files that a machine has for the testcases. */
export interface ScaleFiles {
  /** A file for each CPU. */
  readonly files: readonly number[];
  /** Those of the process that fork1 forks. */
  readonly images: FileTable;
}

/** What a slice is to do. */
export interface ScaleOrder extends ScaleFiles {
  readonly testcase: TestcaseName;
  /** Bytes that page_fault1 to 3 touch before they begin anew. */
  readonly touchedBytes: number;
  /** The process that fork1 forks. */
  readonly forked: ProcessLayout;
  /** Words, see CONTROL_*. */
  readonly control: SharedArrayBuffer;
  /** Two doubles for each CPU: operations, and the ms that they took. */
  readonly results: SharedArrayBuffer;
}

/** Programs of scale-programs.ts that a machine must load. */
export const SCALE_PROGRAMS = [
  "scaleFiles",
  "scaleProcess",
  "scaleMain",
  "scaleThread",
  "scaleChild",
] as const;

/** Bytes that the testcases map without touching them. */
export const MAPPED_BYTES = 128 * 2 ** 20;
