// The result of `racier locks` for a terminal: tables, curves, sentences, footnotes.

import type { LocksDocument } from "../../experiment/locks/document.ts";
import { printable } from "../format.ts";
import type { ReportTable } from "../rows.ts";
import { alignedTable, PLAIN, tableWidth, textStyle, type TextStyle } from "../table.ts";
import { barCurves } from "./bars.ts";
import {
  costLine,
  costTable,
  failures,
  fairnessTable,
  footnotes,
  hostLine,
  loadLine,
} from "./rows.ts";
import { trylockTable, trylockWords } from "./trylock.ts";
import { lockWords } from "./words.ts";

/** The whole text, ending in a newline. Where it is to be shown decides the style. */
export function locksText(doc: LocksDocument, style: TextStyle = textStyle()): string {
  const parts = [
    lines([loadLine(doc), hostLine(doc)]),
    ...(doc.results.length === 0 ? [] : [...tables(doc, style), lines([costLine(doc)])]),
    ...[footnotes(doc), words(doc), failures(doc)]
      .filter((sentences) => sentences.length > 0)
      .map(lines),
  ];
  return parts.join("\n");
}

/** The summary in words: of the comparison where there is one. */
function words(doc: LocksDocument): string[] {
  return doc.trylock.length > 0 ? trylockWords(doc) : lockWords(doc);
}

function tables(doc: LocksDocument, style: TextStyle): string[] {
  const own =
    doc.trylock.length > 0 ? [trylockTable(doc)] : [...costTables(doc, style), fairnessTable(doc)];
  return [...own.map((table) => drawn(table, style)), ...barCurves(doc)];
}

/** One table, or two where one would be wider than the terminal. */
function costTables(doc: LocksDocument, style: TextStyle): ReportTable[] {
  const whole = costTable(doc);
  if (tableWidth(drawn(whole, PLAIN)) <= style.width) return [whole];
  return [costTable(doc, "cost"), costTable(doc, "wait")];
}

function drawn({ columns, rows }: ReportTable, style: TextStyle): string {
  return alignedTable(columns, rows, style);
}

function lines(sentences: readonly string[]): string {
  return sentences.map((sentence) => `${printable(sentence)}\n`).join("");
}
