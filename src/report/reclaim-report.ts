// The results of `racier reclaim`, for the terminal and as one HTML file.

import type { ReclaimDocument, ReclaimResult } from "../experiment/reclaim-document.ts";
import { threadsCaption } from "./caption.ts";
import { counted, formatNumber } from "./format.ts";
import { dataSection, escapeHtml, htmlPage, htmlTable, paragraph, section } from "./page.ts";
import { OVERSUBSCRIBED_MARK, fieldTable, type Field, type ReportTable } from "./rows.ts";
import { alignedTable, textStyle, type TextStyle } from "./table.ts";

const whole = (header: string, of: (row: ReclaimResult) => number): Field<ReclaimResult> => ({
  ...{ header, align: "right" },
  cell: (row) => formatNumber(Math.round(of(row))),
});

const percent = (header: string, of: (row: ReclaimResult) => number): Field<ReclaimResult> => ({
  ...{ header, align: "right" },
  cell: (row) => formatNumber(of(row), 1),
});

function reclaimTable({ results, forks }: ReclaimDocument): ReportTable {
  const marked = results.some((row) => row.oversubscribed);
  const mark = ({ oversubscribed }: ReclaimResult): string =>
    oversubscribed ? OVERSUBSCRIBED_MARK : marked ? " " : "";
  return fieldTable(results, [
    { header: "kernel", align: "left", cell: (row) => row.kernel },
    { header: "CPUs", align: "right", cell: (row) => `${row.cpus}${mark(row)}` },
    whole("processes", (row) => row.processes),
    whole("scanned/s", (row) => row.scannedPerSecond),
    whole("reclaimed/s", (row) => row.reclaimedPerSecond),
    whole("PTEs/s", (row) => row.unmappedPerSecond),
    percent("missed %", (row) => row.missedPercent),
    whole("faults/s", (row) => row.faultsPerSecond),
    ...(forks ? [whole("forks/s", (row) => row.forksPerSecond)] : []),
  ]);
}

function notes(doc: ReclaimDocument): string[] {
  const crowded = doc.results.some((row) => row.oversubscribed);
  return [
    ...(doc.interrupted ? ["Interrupted: the figures are of the rounds that were completed."] : []),
    ...(crowded
      ? [`${OVERSUBSCRIBED_MARK} More CPUs than cores: the time includes waiting for a core.`]
      : []),
  ];
}

/** What is measured, in one line. */
function inputLine(doc: ReclaimDocument): string {
  const memory = `${formatNumber(doc.memoryBytes / 2 ** 20)} MiB of memory`;
  return `${counted(doc.pages, "shared anonymous page")}, ${memory}`;
}

/** Tables for the terminal. */
export function reclaimText(doc: ReclaimDocument, style: TextStyle = textStyle()): string {
  const { columns, rows } = reclaimTable(doc);
  return [
    `${inputLine(doc)}\n`,
    alignedTable(columns, rows, style),
    ...notes(doc).map((note) => `${note}\n`),
  ].join("\n");
}

const TITLE = "Reclaim under memory pressure";

/** One HTML file. `command`: the command line that made it. */
export function reclaimHtml(doc: ReclaimDocument, command: string): string {
  return htmlPage(TITLE, [
    `<h1>${escapeHtml(TITLE)}</h1>`,
    paragraph(inputLine(doc)),
    threadsCaption(doc, command),
    section("Results", [htmlTable(reclaimTable(doc)), ...notes(doc).map(paragraph)]),
    dataSection(doc),
  ]);
}
