// The result of `racier fork` for a terminal: input, tables, sentences, footnotes.

import type { ForkDocument, ForkLockStat } from "../experiment/fork-document.ts";
import { printable } from "./format.ts";
import { lockStatText } from "./lock-stat-text.ts";
import { comparisonSentences, comparisonTable, footnotes, hostLine } from "./rows.ts";
import { inputLine, resultTable } from "./rows.ts";
import type { ReportTable } from "./rows.ts";
import { alignedTable, PLAIN, tableWidth, textStyle } from "./table.ts";
import type { TextStyle } from "./table.ts";

/** The whole text, ending in a newline. Where it is to be shown decides the style. */
export function forkTables(doc: ForkDocument, style: TextStyle = textStyle()): string {
  const sentences = comparisonSentences(doc);
  const parts = [
    [inputLine(doc), hostLine(doc)].map(printable).join("\n") + "\n",
    ...(doc.results.length > 0 ? resultText(doc, style) : ["No round was completed.\n"]),
    ...(sentences.length > 0 ? [drawn(comparisonTable(doc), style), lines(sentences)] : []),
    ...doc.lockStat.map(lockStatOf),
    ...footnotes(doc).map((note) => `${note}\n`),
  ];
  return parts.join("\n");
}

function lockStatOf({ kernel, cpus, classes }: ForkLockStat): string {
  return `lock_stat, ${kernel}, ${cpus} CPU(s)\n${lockStatText(classes)}`;
}

/** One table, or two where one would be wider than the terminal. */
function resultText(doc: ForkDocument, style: TextStyle): string[] {
  const whole = resultTable(doc);
  if (tableWidth(drawn(whole, PLAIN)) <= style.width) return [drawn(whole, style)];
  return [drawn(resultTable(doc, "times"), style), drawn(resultTable(doc, "phases"), style)];
}

function drawn({ columns, rows }: ReportTable, style: TextStyle): string {
  return alignedTable(columns, rows, style);
}

function lines(sentences: readonly string[]): string {
  return sentences.map((sentence) => `${printable(sentence)}\n`).join("");
}
