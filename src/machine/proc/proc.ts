// /proc of a machine: files by their names.

import type { MemoryViews } from "../../layout/view.ts";
import { buddyinfo, meminfo, slabinfo, vmstat } from "./text.ts";

/** A file of /proc that tells of the whole machine. */
export type ProcFile = "meminfo" | "vmstat" | "buddyinfo" | "slabinfo";

const FILES: Readonly<Record<ProcFile, (memory: MemoryViews) => string>> = {
  ...{ meminfo, vmstat, buddyinfo, slabinfo },
};

/** All of them. */
export const PROC_FILES = Object.keys(FILES) as ProcFile[];

/** What the file says now; while CPUs run each number is right at some moment. */
export const procText = (memory: MemoryViews, file: ProcFile): string => FILES[file](memory);

/** Files one after the other, each under its name. */
export const procPages = (memory: MemoryViews, files: readonly ProcFile[] = PROC_FILES): string =>
  files.map((file) => `/proc/${file}\n${procText(memory, file)}`).join("\n");
