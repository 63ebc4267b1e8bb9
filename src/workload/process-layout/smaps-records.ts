// The text of /proc/PID/smaps, cut into one record for each mapping. Knows lines, no meaning.
//
//    55d0c0a1e000-55d0c0a22000 r-xp 00001000 fe:00 260180    /usr/bin/dash      header
//    Size:                 16 kB                                                 fields
//    Rss:                  16 kB
//    ...
//    VmFlags: rd ex mr mw me                                                     since Linux 3.8
//
// A kernel prints the same fields for every mapping, so a mapping that lacks one is damaged, and
// where it is the last one, the text was cut short. Lines that start with # may stand before the
// first header.
// Left out: fields that nobody here reads; they pass if they look like a field. A cut between the
// last mapping's VmFlags cannot be seen.

import { ConfigError } from "../../kernel/error.ts";

/** The fields that are read, all in kB. Only Rss must be there. */
export type SizeField =
  | "Size"
  | "Rss"
  | "Shared_Clean"
  | "Shared_Dirty"
  | "Private_Clean"
  | "Private_Dirty"
  | "Anonymous"
  | "Swap";

/** One mapping as printed. */
export interface SmapsRecord {
  /** Line of the header, from 1. */
  line: number;
  /** "START-END" as printed. */
  range: string;
  start: string;
  end: string;
  permissions: string;
  offset: string;
  device: string;
  inode: string;
  name: string;
  /** In kB. */
  sizes: Map<SizeField, number>;
  /** The two-letter VmFlags; undefined: the kernel prints none. */
  flags: ReadonlySet<string> | undefined;
}

interface Reader {
  source: string;
  /** The last line that is not blank, from 1. */
  lastLine: number;
  records: SmapsRecord[];
}

/** START-END PERMISSIONS OFFSET DEVICE INODE NAME */
const HEADER = new RegExp(
  [
    /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][sp])/,
    / ([0-9a-f]{1,16}) ([0-9a-f]+:[0-9a-f]+) (\d+)(?: +([^]*))?$/,
  ]
    .map((part) => part.source)
    .join(""),
);
const FIELD = /^([A-Z]\w*):(.*)$/;
const KILOBYTES = /^\s*(\d+) kB\s*$/;
const FLAGS = /^(\s+[a-z0-9?]{2})*\s*$/;
const SIZE_FIELDS: readonly SizeField[] = [
  "Size",
  "Rss",
  "Shared_Clean",
  "Shared_Dirty",
  "Private_Clean",
  "Private_Dirty",
  "Anonymous",
  "Swap",
];

/** The way out of nearly everything. */
export const AGAIN = "capture it again with `cat /proc/PID/smaps > FILE`";

/** The error for a line of a capture: names source and line. `problem` ends with the way out. */
export function smapsError(source: string, line: number, problem: string): ConfigError {
  return new ConfigError(`${source}, line ${line}: ${problem}`);
}

/** Cuts a capture into its mappings, all complete. Throws ConfigError, which names the line. */
export function splitRecords(text: string, source: string): SmapsRecord[] {
  const lines = text.split(/\r?\n/);
  const reader: Reader = { source, lastLine: lastLineOf(lines), records: [] };
  refuseBinary(lines, source);
  if (reader.lastLine === 0) throw smapsError(source, 1, `the capture is empty; ${AGAIN}`);

  for (const [index, line] of lines.entries()) readLine(reader, line, index + 1);
  checkComplete(reader);
  return reader.records;
}

function lastLineOf(lines: readonly string[]): number {
  return lines.findLastIndex((line) => line.trim() !== "") + 1;
}

function refuseBinary(lines: readonly string[], source: string): void {
  const index = lines.findIndex((line) => line.includes("\0"));
  if (index >= 0) throw smapsError(source, index + 1, notText());
}

function notText(): string {
  return `this is binary data, not the text of /proc/PID/smaps; ${AGAIN}`;
}

function readLine(reader: Reader, line: string, number: number): void {
  const record = reader.records[reader.records.length - 1];
  if (line.trim() === "" || (record === undefined && line.startsWith("#"))) return;

  const header = HEADER.exec(line);
  if (header !== null) {
    reader.records.push(newRecord(header, number));
    return;
  }
  const field = FIELD.exec(line);
  if (field === null || record === undefined) throw unreadable(reader, line, number);
  readField(reader, record, field[1] ?? "", field[2] ?? "", number);
}

function newRecord(match: RegExpExecArray, line: number): SmapsRecord {
  const [
    ,
    start = "",
    end = "",
    permissions = "",
    offset = "",
    device = "",
    inode = "",
    name = "",
  ] = match;
  const range = `${start}-${end}`;
  const sizes = new Map<SizeField, number>();
  return {
    line,
    range,
    start,
    end,
    permissions,
    offset,
    device,
    inode,
    name,
    sizes,
    flags: undefined,
  };
}

function readField(
  reader: Reader,
  record: SmapsRecord,
  key: string,
  value: string,
  line: number,
): void {
  if (key === "VmFlags") {
    if (!FLAGS.test(value)) throw unreadable(reader, `${key}:${value}`, line);
    if (record.flags !== undefined) throw givenTwice(reader, key, line);
    record.flags = new Set(value.trim().split(/\s+/));
    return;
  }
  const field = SIZE_FIELDS.find((name) => name === key);
  if (field === undefined) return;
  const size = KILOBYTES.exec(value);
  if (size === null) throw unreadable(reader, `${key}:${value}`, line);
  if (record.sizes.has(field)) throw givenTwice(reader, key, line);
  record.sizes.set(field, Number(size[1]));
}

function givenTwice(reader: Reader, key: string, line: number): ConfigError {
  const problem = `${key} is given twice in one mapping: a line with a range is missing; ${AGAIN}`;
  return smapsError(reader.source, line, problem);
}

function unreadable(reader: Reader, text: string, line: number): ConfigError {
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  return smapsError(reader.source, line, unreadableBecause(reader, text, shown, line));
}

function unreadableBecause(reader: Reader, text: string, shown: string, line: number): string {
  if (isJunk(text)) return notText();
  const started = reader.records.length > 0;
  if (started && line === reader.lastLine) return `the last line is cut short: ${shown}; ${AGAIN}`;
  if (started) return `${shown} is neither a mapping nor one of its fields; ${AGAIN}`;
  if (FIELD.test(text) && text.endsWith(" kB")) {
    return `the capture starts in the middle of a mapping, with ${shown}; ${AGAIN}`;
  }
  return `this is not /proc/PID/smaps: it starts with ${shown}; ${AGAIN}`;
}

/** Control characters, or what decoding makes of bytes that are not UTF-8. */
function isJunk(text: string): boolean {
  return Array.from(text).some((char) => (char < " " && char !== "\t") || char === "\u{fffd}");
}

function checkComplete(reader: Reader): void {
  const { records, source } = reader;
  const first = records[0];
  if (first === undefined) {
    throw smapsError(source, reader.lastLine, `the capture has comments only; ${AGAIN}`);
  }
  if (first.name === "[rollup]") {
    throw smapsError(source, first.line, `this is /proc/PID/smaps_rollup, not smaps; ${AGAIN}`);
  }
  if (records.length > 1 && records.every((record) => record.sizes.size === 0)) {
    const problem = `this is /proc/PID/maps, not smaps: it does not say what is resident; ${AGAIN}`;
    throw smapsError(source, first.line, problem);
  }
  const printed = printedFields(records);
  for (const record of records) checkFields(reader, record, printed);
}

/** Rss, and all that the kernel printed for any mapping. */
function printedFields(records: readonly SmapsRecord[]): string[] {
  const printed = new Set<string>(["Rss"]);
  for (const record of records) {
    for (const field of record.sizes.keys()) printed.add(field);
    if (record.flags !== undefined) printed.add("VmFlags");
  }
  return [...printed];
}

function checkFields(reader: Reader, record: SmapsRecord, printed: readonly string[]): void {
  const missing = printed.find((field) => !hasField(record, field));
  if (missing === undefined) return;
  const problem =
    record === reader.records[reader.records.length - 1]
      ? `the capture is cut short: its last mapping, ${record.range}, has no ${missing} line`
      : `lines are missing: mapping ${record.range} has no ${missing} line`;
  throw smapsError(reader.source, record.line, `${problem}; ${AGAIN}`);
}

function hasField(record: SmapsRecord, field: string): boolean {
  if (field === "VmFlags") return record.flags !== undefined;
  return record.sizes.has(field as SizeField);
}
