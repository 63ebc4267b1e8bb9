// Reads the layout of a process from /proc/PID/smaps: from a text, a file, or a running process.
//
// Takes what Linux 2.6.14 to 6.x prints. What the fields mean for a layout is in smaps-vma.ts,
// what the lines must look like in smaps-records.ts. A text that is not sound is refused as a
// whole, with the line: a process with a mapping less would be measured without anyone noticing.
// Left out: smaps_rollup (totals only), maps (no resident pages), compressed captures.

import { closeSync, openSync, readSync } from "node:fs";

import { ConfigError } from "../../kernel/error.ts";
import { MAX_VMAS, orderProblem, tooManyVmas, vmaProblem } from "./layout.ts";
import type { ProcessLayout, VmaLayout } from "./layout.ts";
import { smapsError, splitRecords } from "./smaps-records.ts";
import { damaged, isGate, toVma } from "./smaps-vma.ts";

/** The largest capture that is read, in bytes; 65,530 mappings take about 45 MiB. */
const MAX_BYTES = 64 * 2 ** 20;

/** What is asked of the computer that racier runs on. */
export interface SmapsHost {
  /** process.platform */
  platform: string;
  /** The text of a file; throws errors with the `code` of node:fs, or a ConfigError. */
  readText(path: string): string;
}

/** So often the memory of a running process is read before it counts as too restless. */
const READINGS = 10;

const THIS_HOST: SmapsHost = { platform: process.platform, readText };

/**
 * The layout that a text of /proc/PID/smaps describes.
 * @param source where the text comes from, for the layout and for errors: "smaps FILE"
 * @throws ConfigError that names source and line: not smaps, cut short, damaged, too large
 */
export function parseSmaps(text: string, source: string): ProcessLayout {
  const vmas: VmaLayout[] = [];
  let line = 1;
  for (const record of splitRecords(text, source)) {
    if (isGate(record)) continue;
    const vma = toVma(record, source);
    const problem = vmaProblem(vma) ?? orderProblem(vmas[vmas.length - 1], vma);
    if (problem !== undefined) throw damaged(record, source, problem);
    vmas.push(vma);
    line = record.line;
  }
  if (vmas.length === 0) throw smapsError(source, line, NOTHING_LEFT);
  if (vmas.length > MAX_VMAS) throw smapsError(source, line, tooManyVmas(vmas.length));
  return { source, name: programName(vmas) ?? source, vmas };
}

/**
 * Reads a capture of /proc/PID/smaps, of at most 64 MiB.
 * @throws ConfigError if it cannot be read, and as parseSmaps()
 */
export function readSmapsFile(path: string, host: SmapsHost = THIS_HOST): ProcessLayout {
  try {
    return parseSmaps(host.readText(path), `smaps ${path}`);
  } catch (error) {
    throw explain(error, FILE_PROBLEMS, (problem) => `smaps ${path} ${problem}`);
  }
}

/**
 * Reads the layout of a running process. Needs Linux, and the right to trace the process. Linux
 * hands smaps out in pieces: when the process maps memory in between, the pieces contradict each
 * other, and they are read again.
 * @throws ConfigError if it cannot be read, and as parseSmaps()
 */
export function readSmapsOfPid(pid: number, host: SmapsHost = THIS_HOST): ProcessLayout {
  if (!Number.isSafeInteger(pid) || pid < 1) {
    throw new ConfigError(`pid ${pid} is no process: give a number from 1, as \`ps\` shows it`);
  }
  if (host.platform !== "linux") {
    const wayOut = "capture smaps on a Linux machine and give the file, or take a preset";
    throw new ConfigError(`pid ${pid} cannot be read on ${host.platform}: ${wayOut}`);
  }
  try {
    return readRunning(pid, host);
  } catch (error) {
    throw explain(error, PID_PROBLEMS, (problem) => `pid ${pid} ${problem}`);
  }
}

function readRunning(pid: number, host: SmapsHost): ProcessLayout {
  for (let reading = 1; ; reading++) {
    const text = host.readText(`/proc/${pid}/smaps`);
    if (text === "") throw new ConfigError(`pid ${pid} ${WITHOUT_MEMORY}`);
    try {
      return parseSmaps(text, `pid ${pid}`);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (reading === READINGS) throw new ConfigError(`pid ${pid} ${RESTLESS}`, { cause: error });
    }
  }
}

/** The file name of the first code of a process: its executable. */
function programName(vmas: readonly VmaLayout[]): string | undefined {
  const code = vmas.find((vma) => vma.exec && vma.name.startsWith("/"));
  return code?.name.replace(/ \(deleted\)$/, "").replace(/^.*\//, "");
}

const NOTHING_LEFT = "no mapping is below 2^47; take another process";

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist: give the path of a capture of /proc/PID/smaps",
  ENOTDIR: "does not exist, a part of its path is no directory: give the path of a capture",
  EISDIR: "is a directory: give the path of a file in it",
  EACCES: "may not be read: change its permissions, or run as its owner",
  EPERM: "may not be read: run as its owner",
};

const PID_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist: give the number of a running process, as `ps` shows it",
  ESRCH: "ended while it was read: give the number of a running process",
  EACCES: "may not be read: run as the owner of the process, or as root",
  EPERM: "may not be read: run as the owner of the process, or as root",
};

const WITHOUT_MEMORY =
  "has no memory of its own, it is a kernel thread or has ended: give the number of a program";

const RESTLESS =
  "changed its mappings each time while they were read: stop it with `kill -STOP` meanwhile";

/** Turns an error of node:fs into a sentence; other errors pass. */
function explain(
  error: unknown,
  problems: Readonly<Record<string, string>>,
  sentence: (problem: string) => string,
): unknown {
  if (!(error instanceof Error) || error instanceof ConfigError || !("code" in error)) return error;
  const code = String(error.code);
  const problem = problems[code] ?? `cannot be read (${code}): give another one`;
  return new ConfigError(sentence(problem), { cause: error });
}

/** Bytes of the first buffer of readText(); most captures fit. */
const BUFFER_BYTES = 2 ** 20;

/**
 * Reads to the end: files in /proc have no size, and a pipe does not tell. Allocates nothing between
 * two reads unless the buffer is full: a process that reads its own smaps would grow its heap, and so
 * change what it reads.
 */
function readText(path: string): string {
  const file = openSync(path, "r");
  try {
    let buffer = Buffer.alloc(BUFFER_BYTES);
    for (let total = 0; ;) {
      const length = readSync(file, buffer, total, buffer.length - total, null);
      if (length === 0) return buffer.toString("utf8", 0, total);
      total += length;
      if (total > MAX_BYTES) throw new ConfigError(tooLarge(path));
      if (total === buffer.length) buffer = Buffer.concat([buffer], 2 * total);
    }
  } finally {
    closeSync(file);
  }
}

function tooLarge(path: string): string {
  return `${path} is larger than 64 MiB: captures of a process are not, give another file`;
}
