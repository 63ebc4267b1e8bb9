// Building the process that a layout describes, in the address space of the running task: the same
// mappings, the same pages resident, the same of them written. Which pages those are is decided by
// residentRange and writtenRange of the layout.
//
// A private page that was written before its mapping became read-only (relocations) is written
// first and protected after.

import { FILE_SEED, FILE_ZERO } from "../../layout/structs.gen.ts";
import type { Cpu } from "../../kernel/load.ts";
import type { ProgramTask } from "../../machine/task.ts";
import type { ExecImage, Segment } from "../../mm/exec.ts";
import { mappingFlags } from "../../mm/map.ts";
import {
  residentRange,
  writtenRange,
  type ProcessLayout,
  type VmaLayout,
} from "../process-layout/layout.ts";

/** Files of a machine by device and inode: the address of each inode. */
export type FileTable = Readonly<Record<string, number>>;

const isFile = (vma: VmaLayout): boolean => vma.inode !== 0 || vma.shared;
const fileKey = (vma: VmaLayout): string =>
  vma.inode === 0 ? `shared ${vma.start}` : `${vma.device} ${vma.inode}`;

/** Makes every file that the layouts map; nobody frees them before the machine ends. */
export function createFiles(cpu: Cpu, layouts: readonly ProcessLayout[]): FileTable {
  const sizes = new Map<string, { bytes: number; anonymous: boolean }>();
  for (const vma of layouts.flatMap((layout) => layout.vmas).filter(isFile)) {
    const key = fileKey(vma);
    const bytes = vma.fileOffset + vma.end - vma.start;
    const known = sizes.get(key)?.bytes ?? 0;
    sizes.set(key, { bytes: Math.max(known, bytes), anonymous: vma.inode === 0 });
  }
  const table: Record<string, number> = {};
  let ino = 0;
  for (const [key, { bytes, anonymous }] of sizes) {
    ino++;
    table[key] = cpu.k.inode_alloc(anonymous ? FILE_ZERO : FILE_SEED, ino, bytes, ino);
  }
  return table;
}

/** The inode that a mapping maps, or 0. */
function fileOf(vma: VmaLayout, files: FileTable): number {
  return isFile(vma) ? (files[fileKey(vma)] ?? 0) : 0;
}

const needsEarlyWrite = (vma: VmaLayout): boolean => {
  const written = writtenRange(vma);
  return !vma.write && written.end > written.start;
};

function touchPages(task: ProgramTask, vma: VmaLayout): void {
  const written = writtenRange(vma);
  const resident = residentRange(vma);
  if (written.end > written.start) task.touch(written.start, written.end - written.start, "write");
  if (needsEarlyWrite(vma)) {
    task.mprotect(vma.start, vma.end - vma.start, vma);
  }
  const readable = vma.read || vma.write || vma.exec;
  if (readable && resident.end > resident.start) {
    task.touch(resident.start, resident.end - resident.start, "read");
  }
}

/** Maps and touches everything of `layout` in the task, whose address space is empty there. */
export function buildProcess(task: ProgramTask, layout: ProcessLayout, files: FileTable): void {
  for (const vma of layout.vmas) {
    const { read, exec, shared, growsDown } = vma;
    const file = fileOf(vma, files);
    task.mmap({
      length: vma.end - vma.start,
      hint: vma.start,
      fixed: true,
      read,
      write: vma.write || needsEarlyWrite(vma),
      exec,
      shared,
      growsDown,
      ...(file === 0 ? {} : { file, offset: vma.fileOffset }),
    });
    touchPages(task, vma);
  }
}

/** The image that exec maps for `layout`; touchImage then does what the program would. */
export function execImage(layout: ProcessLayout, files: FileTable): ExecImage {
  const segments = layout.vmas.map((vma): Segment => {
    const prot = { read: vma.read, write: vma.write || needsEarlyWrite(vma), exec: vma.exec };
    return {
      start: vma.start,
      length: vma.end - vma.start,
      flags: mappingFlags(prot, vma.shared, vma.growsDown),
      file: fileOf(vma, files),
      pgoff: vma.fileOffset / 4096,
    };
  });
  const stack = layout.vmas.findLast((vma) => vma.growsDown);
  const heap = layout.vmas.find((vma) => vma.name === "[heap]");
  return { segments, brk: heap?.end ?? 0, stackTop: stack?.end ?? 0 };
}

/** Touches what a program of `layout` has touched when it ends. */
export function touchImage(task: ProgramTask, layout: ProcessLayout): void {
  for (const vma of layout.vmas) touchPages(task, vma);
}

/**
 * The pages that parent and child both write around a fork: the top of the stack and the first
 * written data pages.
 */
export function hotPages(layout: ProcessLayout): number[] {
  const pages: number[] = [];
  const stack = layout.vmas.findLast((vma) => vma.growsDown && vma.write);
  if (stack !== undefined) pages.push(stack.end - 4096);
  for (const vma of layout.vmas) {
    const written = writtenRange(vma);
    const isData = vma.write && !vma.shared && !vma.growsDown && written.end > written.start;
    if (isData && pages.length < 3) pages.push(written.start);
  }
  return pages;
}
