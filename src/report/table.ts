// Aligned tables for the terminal: two spaces between columns, no frame. On a terminal the header
// is bold and ruled; in a pipe or file there is nothing but text, so that grep and awk can read it.

import process from "node:process";
import CliTable from "cli-table3";
import { formatNumber, printable } from "./format.ts";

export type Align = "left" | "right";

/**
 * A column: its header, or header and alignment. Columns of numbers are aligned right by
 * themselves.
 */
export type Column = string | { header: string; align: Align };

/** A cell: numbers get thousands separators, text stays as it is. */
export type Cell = string | number;

/** What the place where a table will be read can show. */
export interface TextStyle {
  /** Escape codes for bold. */
  bold: boolean;
  /** A line under the header. */
  ruled: boolean;
  /** Characters in a line; Infinity where lines do not wrap. */
  width: number;
}

/** Text only: for pipes and files. */
export const PLAIN: TextStyle = { bold: false, ruled: false, width: Infinity };

/** The parts of an output stream that matter here. */
export interface OutputStream {
  isTTY?: boolean;
  columns?: number;
}

/** Style of a stream. Honours NO_COLOR (https://no-color.org) and TERM=dumb. */
export function textStyle(
  stream: OutputStream = process.stdout,
  env: Readonly<Record<string, string | undefined>> = process.env,
): TextStyle {
  if (stream.isTTY !== true) return PLAIN;
  const columns = stream.columns ?? 0;
  const bold = !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return { bold, ruled: true, width: columns > 0 ? columns : Infinity };
}

/**
 * Lays rows out under headers. A row may be shorter than the headers.
 * @returns lines that end in a newline, without trailing spaces
 */
export function alignedTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  style: TextStyle = textStyle(),
): string {
  const table = new CliTable({
    head: columns.map((column) => heading(columnHeader(column), style)),
    colAligns: columns.map((column, index) => alignment(column, index, rows)),
    chars: { ...NO_FRAME, ...(style.ruled ? RULE : {}) },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  table.push(...rows.map((row) => columns.map((_, index) => cellText(row[index] ?? ""))));
  return `${table.toString().replace(/[ \t]+$/gm, "")}\n`;
}

/** Characters that the widest line of a table made without escape codes takes. */
export function tableWidth(plainText: string): number {
  return Math.max(...plainText.split("\n").map((line) => line.length));
}

const GAP = "  ";

const NO_FRAME = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
  ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
  ...{ mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  ...{ left: "", right: "", middle: GAP },
};

const RULE = { mid: "─", "mid-mid": "──" };

function heading(header: string, style: TextStyle): string {
  return style.bold ? `\u001b[1m${printable(header)}\u001b[22m` : printable(header);
}

function columnHeader(column: Column): string {
  return typeof column === "string" ? column : column.header;
}

function alignment(column: Column, index: number, rows: readonly (readonly Cell[])[]): Align {
  if (typeof column !== "string") return column.align;
  const numeric = rows.length > 0 && rows.every((row) => typeof row[index] === "number");
  return numeric ? "right" : "left";
}

function cellText(cell: Cell): string {
  if (typeof cell === "string") return printable(cell);
  return formatNumber(cell, Number.isInteger(cell) ? 0 : 2);
}
