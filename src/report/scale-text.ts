// The result of `racier scale` for a terminal, and its tables for the HTML page: one line for each testcase, mode and
// kernel, one column for each number of CPUs.

import type { ScaleComparison, ScaleDocument, ScaleResult } from "../experiment/scale-document.ts";
import { counted, formatChange, formatDate, formatNumber, printable } from "./format.ts";
import { lockStatText } from "./lock-stat-text.ts";
import { OVERSUBSCRIBED_MARK } from "./rows.ts";
import type { ReportTable } from "./rows.ts";
import { alignedTable, textStyle, type TextStyle } from "./table.ts";

const ROUGH_BELOW_ROUNDS = 10;

/** Host, versions, rounds and date in one line. */
export function scaleHostLine({ host, rounds, version }: ScaleDocument): string {
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  return `${machine}; racier ${version}, ${counted(rounds, "round")}, ${formatDate(host.date)}`;
}

/** The whole text, ending in a newline. */
export function scaleText(doc: ScaleDocument, style: TextStyle = textStyle()): string {
  const drawn = ({ columns, rows }: ReportTable): string => alignedTable(columns, rows, style);
  return [
    `${printable(scaleHostLine(doc))}\n`,
    drawn(scaleTable(doc)),
    ...(doc.comparisons.length > 0 ? [drawn(scaleComparisonTable(doc))] : []),
    ...doc.lockStat.map(
      ({ kernel, testcase, mode, cpus, classes }) =>
        `lock_stat, ${kernel}, ${testcase}_${mode}, ${counted(cpus, "CPU")}\n${lockStatText(classes)}`,
    ),
    ...scaleNotes(doc).map((note) => `${note}\n`),
  ].join("\n");
}

/** Operations a second, and how they grow with CPUs. */
export function scaleTable(doc: ScaleDocument): ReportTable {
  const counts = [...new Set(doc.results.map(({ cpus }) => cpus))].sort((a, b) => a - b);
  const lines = new Map<string, ScaleResult[]>();
  for (const result of doc.results) {
    const key = [result.testcase, result.mode, result.kernel].join(" ");
    lines.set(key, [...(lines.get(key) ?? []), result]);
  }
  return {
    columns: [
      ...["testcase", "mode", "kernel"].map((header) => ({ header, align: "left" as const })),
      ...counts.flatMap((cpus, index) =>
        [`${counted(cpus, "CPU")}, op/s`, ...(index === 0 ? [] : ["scaling", "95 %"])].map(
          (header) => ({ header, align: "right" as const }),
        ),
      ),
    ],
    rows: [...lines.values()].map((results) => {
      const { testcase, mode, kernel } = results[0] as ScaleResult;
      const cells = counts.flatMap((cpus, index) =>
        cellsOf(results.find((result) => result.cpus === cpus)).slice(0, index === 0 ? 1 : 3),
      );
      return [testcase, mode, kernel, ...cells];
    }),
  };
}

function cellsOf(result: ScaleResult | undefined): string[] {
  if (result === undefined) return ["", "", ""];
  const { operationsPerSecond, scaling, scalingCi95, oversubscribed } = result;
  const rate = formatNumber(Math.round(operationsPerSecond));
  if (oversubscribed) return [`${rate} ${OVERSUBSCRIBED_MARK}`, "", ""];
  if (scaling === null || scalingCi95 === null) return [rate, "", ""];
  return [rate, `× ${scaling.toFixed(2)}`, scalingCi95.map((end) => end.toFixed(2)).join(" to ")];
}

/** Kernel against kernel. */
export function scaleComparisonTable(doc: ScaleDocument): ReportTable {
  const left = ["testcase", "mode"].map((header) => ({ header, align: "left" as const }));
  return {
    columns: [
      ...left,
      { header: "CPUs", align: "right" },
      ...["from", "to"].map((header) => ({ header, align: "left" as const })),
      ...["change", "95 % interval"].map((header) => ({ header, align: "right" as const })),
      { header: "shown", align: "left" },
    ],
    rows: doc.comparisons.map((comparison) => [
      ...[comparison.testcase, comparison.mode, String(comparison.cpus)],
      ...[comparison.from, comparison.to, formatChange(comparison.changePercent)],
      comparison.ci95.map((end) => formatChange(end)).join(" to "),
      shown(comparison),
    ]),
  };
}

function shown({ ci95: [low, high] }: ScaleComparison): string {
  if (low > 0) return "faster";
  return high < 0 ? "slower" : "no difference";
}

/** What has to be said below the tables. */
export function scaleNotes(doc: ScaleDocument): string[] {
  const crowded = doc.results.some(({ oversubscribed }) => oversubscribed);
  const rough = doc.rounds < ROUGH_BELOW_ROUNDS;
  return [
    ...(crowded
      ? [
          `${OVERSUBSCRIBED_MARK} More CPUs than ${counted(doc.host.cores, "core")}: CPUs wait for a core. Compare such a figure with none.`,
        ]
      : []),
    ...(rough
      ? [
          `With fewer than ${ROUGH_BELOW_ROUNDS} rounds an interval is rough and tends to be too narrow.`,
        ]
      : []),
    ...(doc.interrupted ? ["Interrupted: the figures are of the rounds that were completed."] : []),
  ];
}
