// The results of `racier reclaim`, for the terminal and as one HTML file.

import type {
  ReclaimComparison,
  ReclaimDocument,
  ReclaimResult,
} from "../experiment/reclaim-document.ts";
import { threadsCaption } from "./caption.ts";
import { drawCurves, type CurveChart } from "./curves.ts";
import { counted, formatChange, formatNumber } from "./format.ts";
import {
  chartRow,
  dataSection,
  escapeHtml,
  htmlPage,
  htmlTable,
  legend,
  paragraph,
  section,
} from "./page.ts";
import { kernelsOf, seriesLegend, withLegend, withinCores, type Chart } from "./plot.ts";
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

/** Time in locks, in percent of the CPUs' time. */
const LOCK_COLUMNS = [
  percent("lock wait %", ({ locks }) => locks?.waitPercent ?? NaN),
  percent("ptl wait %", ({ locks }) => locks?.ptlWaitPercent ?? NaN),
  percent("ptl held %", ({ locks }) => locks?.ptlHoldPercent ?? NaN),
];

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
    ...(results.some(({ locks }) => locks !== null) ? LOCK_COLUMNS : []),
  ]);
}

/** A kernel with trylock against itself. */
function comparisonNote({ spin, trylock, cpus, processes, ...change }: ReclaimComparison): string {
  const [low = NaN, high = NaN] = change.ci95;
  const interval = `${formatChange(low)} to ${formatChange(high)}`;
  return (
    `${trylock} against ${spin}, ${counted(cpus, "CPU")}, ${counted(processes, "sharer")}: ` +
    `${formatChange(change.changePercent)} pages reclaimed a second (95 %: ${interval}).`
  );
}

/** The mail's question: does reclaim make better progress with trylocks? */
function answer({ comparisons }: ReclaimDocument): string[] {
  if (comparisons.length === 0) return [];
  const better = comparisons.filter(({ ci95 }) => ci95.every((end) => end > 0)).length;
  const worse = comparisons.filter(({ ci95 }) => ci95.every((end) => end < 0)).length;
  const same = comparisons.length - better - worse;
  const of = (count: number): string => `${count} of ${comparisons.length}`;
  const even = `no difference that is larger than the noise in ${of(same)}`;
  if (better === 0 && worse === 0) {
    return [`Trylock or spin? Neither makes better progress: ${even} comparisons.`];
  }
  if (worse === 0) {
    return [
      `Trylock or spin? Trylock makes better progress in ${of(better)} comparisons, ${even}.`,
    ];
  }
  if (better === 0) {
    return [`Trylock or spin? Spin makes better progress in ${of(worse)} comparisons, ${even}.`];
  }
  return [
    `Trylock or spin? It depends: trylock is better in ${of(better)} comparisons, spin in ${of(worse)}, ${even}.`,
  ];
}

function notes(doc: ReclaimDocument): string[] {
  const crowded = doc.results.some((row) => row.oversubscribed);
  return [
    ...doc.comparisons.map(comparisonNote),
    ...answer(doc),
    ...(doc.interrupted ? ["Interrupted: the figures are of the rounds that were completed."] : []),
    ...(crowded
      ? [`${OVERSUBSCRIBED_MARK} More CPUs than cores: the time includes waiting for a core.`]
      : []),
  ];
}

/** What is measured, in one line. */
function inputLine({ pages, memoryBytes, forks, vmas }: ReclaimDocument): string {
  const memory = `${formatNumber(memoryBytes / 2 ** 20)} MiB of memory`;
  const shared =
    vmas === 0
      ? counted(pages, "shared anonymous page")
      : `${counted(pages, "anonymous page")} in ${counted(vmas, "VMA")} of one process`;
  return `${shared}, ${memory}${forks ? ", the last CPU forks" : ""}`;
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

/** What there is a chart of. */
const CHARTS: readonly (readonly [label: string, of: (row: ReclaimResult) => number])[] = [
  ["pages reclaimed a second", (row) => row.reclaimedPerSecond],
  ["PTEs taken away a second", (row) => row.unmappedPerSecond],
  ["PTEs missed, %", (row) => row.missedPercent],
  ["waiting for locks, %", (row) => row.locks?.waitPercent ?? NaN],
];

/** Over CPUs, for each number of processes; over processes where there is but one number of CPUs. */
function chartsOf({ results }: ReclaimDocument): CurveChart[] {
  const overCpus = new Set(results.map(({ cpus }) => cpus)).size > 1;
  const [x, other] = overCpus ? (["cpus", "processes"] as const) : (["processes", "cpus"] as const);
  const label = { cpus: "CPUs", processes: "processes that share" };
  return [...new Set(results.map((row) => row[other]))].flatMap((fixed) =>
    CHARTS.map(([yLabel, of]): CurveChart => {
      const points = results
        .filter((row) => row[other] === fixed && Number.isFinite(of(row)))
        .map((row) => ({ series: row.kernel, x: row[x], y: of(row) }));
      const title = `${yLabel}; ${counted(fixed, other === "cpus" ? "CPU" : "sharer")}`;
      return { title, xLabel: label[x], yLabel, points };
    }),
  );
}

/** The curves of the page, within the cores. */
export async function reclaimCharts(doc: ReclaimDocument): Promise<readonly Chart[]> {
  const results = withinCores(doc.results);
  const kernels = kernelsOf(doc.results);
  return withLegend(
    await drawCurves(chartsOf({ ...doc, results }), kernels),
    seriesLegend(kernels),
  );
}

/** One HTML file. `command`: the command line that made it. */
export async function reclaimHtml(doc: ReclaimDocument, command: string): Promise<string> {
  const kernels = kernelsOf(doc.results);
  return htmlPage(TITLE, [
    `<h1>${escapeHtml(TITLE)}</h1>`,
    paragraph(inputLine(doc)),
    threadsCaption(doc, command),
    section("Progress", [
      legend(seriesLegend(kernels)),
      chartRow(await drawCurves(chartsOf(doc), kernels)),
    ]),
    section("Results", [htmlTable(reclaimTable(doc)), ...notes(doc).map(paragraph)]),
    dataSection(doc),
  ]);
}
