// The results of `racier reclaim` and `racier swapoff`, for the terminal and as one HTML file.

import type {
  ReclaimDocument,
  ReclaimResult,
  SwapoffDocument,
  SwapoffResult,
} from "../experiment/reclaim-document.ts";
import { counted, formatDate, formatNumber } from "./format.ts";
import { dataSection, escapeHtml, facts, htmlPage, htmlTable, paragraph, section } from "./page.ts";
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

function swapoffTable({ results }: SwapoffDocument): ReportTable {
  const number = (header: string, of: (row: SwapoffResult) => string): Field<SwapoffResult> => ({
    ...{ header, align: "right" },
    cell: of,
  });
  return fieldTable(results, [
    { header: "kernel", align: "left", cell: (row) => row.kernel },
    { header: "way", align: "left", cell: (row) => row.way },
    number("processes", (row) => formatNumber(row.processes)),
    number("pages", (row) => formatNumber(row.pages)),
    number("median ms", (row) => formatNumber(row.medianMs, 2)),
    number("us/page", (row) => formatNumber(row.usPerPage, 2)),
  ]);
}

type Document = ReclaimDocument | SwapoffDocument;

const tableOf = (doc: Document): ReportTable =>
  doc.command === "reclaim" ? reclaimTable(doc) : swapoffTable(doc);

function notes(doc: Document): string[] {
  const crowded = doc.command === "reclaim" && doc.results.some((row) => row.oversubscribed);
  return [
    ...(doc.interrupted ? ["Interrupted: the figures are of the rounds that were completed."] : []),
    ...(crowded
      ? [`${OVERSUBSCRIBED_MARK} More CPUs than cores: the time includes waiting for a core.`]
      : []),
  ];
}

/** What is measured, in one line. */
function inputLine(doc: Document): string {
  if (doc.command === "swapoff") return "swapoff of an area that is full";
  const memory = `${formatNumber(doc.memoryBytes / 2 ** 20)} MiB of memory`;
  return `${counted(doc.pages, "shared anonymous page")}, ${memory}`;
}

/** Tables for the terminal. */
export function reclaimText(doc: Document, style: TextStyle = textStyle()): string {
  const { columns, rows } = tableOf(doc);
  return [
    `${inputLine(doc)}\n`,
    alignedTable(columns, rows, style),
    ...notes(doc).map((note) => `${note}\n`),
  ].join("\n");
}

/** One HTML file. `command`: the command line that made it. */
export function reclaimHtml(doc: Document, command: string): string {
  const { host } = doc;
  const title =
    doc.command === "reclaim" ? "Reclaim under memory pressure" : "Emptying a swap area";
  return htmlPage(title, [
    `<h1>${escapeHtml(title)}</h1>`,
    paragraph(inputLine(doc)),
    facts([
      ["Engine", "threads: one real thread for each CPU, times measured on the host"],
      [
        "Host",
        escapeHtml(
          `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`,
        ),
      ],
      ["Version", escapeHtml(`racier ${doc.version}`)],
      ["Date", escapeHtml(formatDate(host.date))],
      ["Command", `<code>${escapeHtml(command)}</code>`],
    ]),
    section("Results", [htmlTable(tableOf(doc)), ...notes(doc).map(paragraph)]),
    dataSection(doc),
  ]);
}
