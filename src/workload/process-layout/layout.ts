// The memory layout of one process: what a machine needs to rebuild it. Data and rules, no
// machine.
//
// A layout says how many pages of a mapping are resident and how many of these are private
// copies, but not which: /proc/PID/smaps does not tell. residentRange() and writtenRange() decide
// it, in one place: pages are resident from the start of the mapping, in a stack that grows down
// from its end.
//
// Left out: huge pages (counted as the 4 KiB pages they consist of; hugetlb mappings have no
// resident pages), memory types, protection keys, MADV_DONTFORK and MADV_WIPEONFORK, locked
// pages.

import { ConfigError } from "../../kernel/error.ts";
import { PAGE_SIZE } from "../../layout/units.ts";

/** One mapping of a process: a range, its rights, what is behind it, what of it is in memory. */
export interface VmaLayout {
  /** First byte; page aligned. */
  start: number;
  /** One after the last byte; page aligned, at most 2^47. */
  end: number;
  read: boolean;
  write: boolean;
  exec: boolean;
  /** MAP_SHARED. */
  shared: boolean;
  /** A stack: MAP_GROWSDOWN. */
  growsDown: boolean;
  /** A path, "[heap]", "[stack]", or "" for anonymous memory. */
  name: string;
  /** Inode of the file, unique together with `device`. 0: anonymous. */
  inode: number;
  /** Major and minor number of the file's device in hexadecimal: "fe:00". */
  device: string;
  /** Where in the file the mapping starts, in bytes; page aligned. */
  fileOffset: number;
  /** Pages with a PTE that is present. */
  residentPages: number;
  /** Of the resident pages: anonymous ones and private copies of file pages. */
  anonymousPages: number;
  /** Of the resident pages: those written to since they were read from disk. */
  dirtyPages: number;
  /** Of the resident pages: those that another process, or another mapping, maps as well. */
  sharedPages: number;
  /** Pages in swap. */
  swapPages: number;
}

/** All mappings of a process below 2^47, in ascending order. */
export interface ProcessLayout {
  /** Where it comes from: "preset bash", "smaps FILE", "pid 123", "16384 pages". */
  source: string;
  /** What it is, for a title: the program's name. */
  name: string;
  vmas: readonly VmaLayout[];
}

/** Totals of a layout. Page counts are in pages of 4 KiB. */
export interface LayoutSummary {
  vmas: number;
  residentPages: number;
  anonymousPages: number;
  /** Resident pages that are not anonymous: page cache, and the page or two of the vdso. */
  filePages: number;
  virtualPages: number;
}

/** A range of virtual addresses: `start` included, `end` not. Empty when they are equal. */
export interface AddressRange {
  start: number;
  end: number;
}

/** One after the last address of a process: 2^47, as four-level page tables have it. */
export const TASK_SIZE: number = 2 ** 47;
/** The most mappings of one process: vm.max_map_count as Linux sets it. */
export const MAX_VMAS = 65_530;

/** Adds up a layout. */
export function summarise(layout: ProcessLayout): LayoutSummary {
  const sum = { vmas: 0, residentPages: 0, anonymousPages: 0, filePages: 0, virtualPages: 0 };
  for (const vma of layout.vmas) {
    sum.vmas++;
    sum.residentPages += vma.residentPages;
    sum.anonymousPages += vma.anonymousPages;
    sum.filePages += vma.residentPages - vma.anonymousPages;
    sum.virtualPages += (vma.end - vma.start) / PAGE_SIZE;
  }
  return sum;
}

/** The pages of a mapping that are resident: its first, of a stack that grows down its last. */
export function residentRange(vma: VmaLayout): AddressRange {
  return edge(vma, vma.residentPages);
}

/**
 * The pages of a mapping that the process has written to, a part of residentRange() that starts at
 * the same end. Private mapping: as many as are anonymous. Shared: as many as are dirty, if it may
 * be written to. The remaining resident pages were only read.
 */
export function writtenRange(vma: VmaLayout): AddressRange {
  if (!vma.shared) return edge(vma, vma.anonymousPages);
  return edge(vma, vma.write ? vma.dirtyPages : 0);
}

function edge(vma: VmaLayout, count: number): AddressRange {
  const length = count * PAGE_SIZE;
  if (vma.growsDown) return { start: vma.end - length, end: vma.end };
  return { start: vma.start, end: vma.start + length };
}

/** Refuses a layout that no process can have. Throws ConfigError, which names the mapping. */
export function validateLayout(layout: ProcessLayout): void {
  if (layout.vmas.length === 0) refuse(layout, "it has no mapping: a process has at least one");
  if (layout.vmas.length > MAX_VMAS) refuse(layout, tooManyVmas(layout.vmas.length));

  let previous: VmaLayout | undefined;
  for (const vma of layout.vmas) {
    const problem = vmaProblem(vma) ?? orderProblem(previous, vma);
    if (problem !== undefined) refuse(layout, `mapping ${rangeOf(vma)} ${problem}`);
    previous = vma;
  }
}

function refuse(layout: ProcessLayout, problem: string): never {
  throw new ConfigError(`${layout.source} is not the layout of a process: ${problem}`);
}

/** The sentence for a process of `count` mappings, more than the machine takes. */
export function tooManyVmas(count: number): string {
  return `it has ${count} mappings; a process has at most ${MAX_VMAS}, choose a smaller one`;
}

/** What is wrong with a mapping by itself, to follow "mapping A-B"; undefined: nothing. */
export function vmaProblem(vma: VmaLayout): string | undefined {
  return rangeProblem(vma) ?? fileProblem(vma) ?? countProblem(vma);
}

/** What is wrong with a mapping that comes after `previous`; undefined: nothing. */
export function orderProblem(
  previous: AddressRange | undefined,
  vma: AddressRange,
): string | undefined {
  if (previous === undefined || vma.start >= previous.end) return undefined;
  if (vma.end <= previous.start) {
    return `comes after ${rangeOf(previous)}, which is higher: mappings must be in ascending order`;
  }
  return `overlaps ${rangeOf(previous)}: every address belongs to one mapping at most`;
}

/** A range as /proc/PID/maps prints it. */
export function rangeOf(range: AddressRange): string {
  return `${hex(range.start)}-${hex(range.end)}`;
}

function hex(address: number): string {
  return address.toString(16).padStart(8, "0");
}

/** What is wrong with a range of addresses, to follow "mapping A-B"; undefined: nothing. */
export function rangeProblem(range: AddressRange): string | undefined {
  const { start, end } = range;
  if (!(end <= TASK_SIZE)) return "ends beyond 2^47, where the addresses of a process end";
  if (!(start >= 0 && start < end)) return "is empty or backwards: its end must be above its start";
  if (!isPageAligned(start) || !isPageAligned(end)) {
    return `is not page aligned: both addresses must be multiples of ${PAGE_SIZE}`;
  }
  return undefined;
}

function fileProblem(vma: VmaLayout): string | undefined {
  if (!isCount(vma.inode)) return `has inode ${vma.inode}: it must be an integer, 0 or more`;
  if (!isCount(vma.fileOffset) || !isPageAligned(vma.fileOffset)) {
    return `has file offset ${vma.fileOffset}: it must be a multiple of ${PAGE_SIZE} below 2^53`;
  }
  return undefined;
}

function countProblem(vma: VmaLayout): string | undefined {
  const size = (vma.end - vma.start) / PAGE_SIZE;
  const resident = vma.residentPages;
  return (
    atMost("resident", resident, size, "pages that it has") ??
    atMost("anonymous", vma.anonymousPages, resident, "that are resident") ??
    atMost("dirty", vma.dirtyPages, resident, "that are resident") ??
    atMost("shared", vma.sharedPages, resident, "that are resident") ??
    atMost("swapped", vma.swapPages, size, "pages that it has") ??
    atMost("anonymous", vma.shared ? vma.anonymousPages : 0, 0, "a shared mapping can have")
  );
}

function atMost(kind: string, count: number, limit: number, of: string): string | undefined {
  if (!isCount(count)) return `has ${count} ${kind} pages: a count is an integer, 0 or more`;
  if (count > limit) return `has ${count} ${kind} pages, more than the ${limit} ${of}`;
  return undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isPageAligned(value: number): boolean {
  return value % PAGE_SIZE === 0;
}
