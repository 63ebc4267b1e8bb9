// What a fork document says, as tables and sentences; the terminal and the HTML page both print
// these. The one rule that must not be broken: a result with more CPUs than cores is marked, and it
// is compared with nothing.

import { FORK_WORKLOADS } from "../experiment/fork-document.ts";
import type {
  ForkComparison,
  ForkDocument,
  ForkPhases,
  ForkResult,
} from "../experiment/fork-document.ts";
import { counted, decimalsFor, formatChange, formatDate, formatNumber } from "./format.ts";
import { formatShare, smallestPositive, timeScale } from "./format.ts";
import type { Align } from "./table.ts";

/** A table before it is drawn. */
export interface ReportTable {
  columns: { header: string; align: Align }[];
  rows: string[][];
}

/** Marks a result with more CPUs than the host has cores. */
export const OVERSUBSCRIBED_MARK = "†";

/** Rounds below which an interval is called rough. */
const ROUGH_BELOW_ROUNDS = 10;

/** The parts of an operation, in the order in which a fork meets them. */
export const PHASES: readonly { key: keyof ForkPhases; label: string }[] = [
  { key: "vmas", label: "VMAs" },
  { key: "pageTables", label: "page tables" },
  { key: "pteCopy", label: "PTE copy" },
  { key: "faults", label: "faults" },
  { key: "cow", label: "COW" },
  { key: "zap", label: "zap" },
  { key: "other", label: "other" },
];

/** "bash: 25 VMAs, 812 resident pages (310 anonymous)". */
export function inputLine({ input }: ForkDocument): string {
  const sizes = `${counted(input.vmas, "VMA")}, ${counted(input.pages, "resident page")}`;
  return `${input.source}: ${sizes} (${formatNumber(input.anonymousPages)} anonymous)`;
}

/** Host, versions, rounds and date in one line. */
export function hostLine({ host, rounds, version }: ForkDocument): string {
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  return `${machine}; racier ${version}, ${counted(rounds, "round")}, ${formatDate(host.date)}`;
}

/** Results by workload, then CPUs, then kernel in the document's order. */
export function sortedResults(doc: ForkDocument): ForkResult[] {
  return doc.results.toSorted((a, b) => workloadRank(a) - workloadRank(b) || a.cpus - b.cpus);
}

/** The comparisons that may be shown: none in which CPUs outnumber cores. Sorted as results are. */
export function fairComparisons(doc: ForkDocument): ForkComparison[] {
  return doc.comparisons
    .filter((comparison) => !comparedResults(doc, comparison).some((r) => r.oversubscribed))
    .filter((comparison) => comparison.cpus <= doc.host.cores)
    .toSorted((a, b) => workloadRank(a) - workloadRank(b) || a.cpus - b.cpus);
}

/** Which columns of the results a table has: all, only times, or only where the time went. */
export type ResultPart = "all" | "times" | "phases";

/** Kernel, workload and CPUs, then times, then shares of the time. */
export function resultTable(doc: ForkDocument, part: ResultPart = "all"): ReportTable {
  const results = sortedResults(doc);
  return fieldTable(results, [
    ...keyFields(results),
    ...(part === "phases" ? [] : timeFields(results)),
    ...(part === "times" ? [] : phaseFields()),
  ]);
}

/** Each fair comparison with its interval and what it shows. */
export function comparisonTable(doc: ForkDocument): ReportTable {
  return fieldTable(fairComparisons(doc), [
    { header: "workload", align: "left", cell: (c) => c.workload },
    { header: "CPUs", align: "right", cell: (c) => formatNumber(c.cpus) },
    { header: "from", align: "left", cell: (c) => c.from },
    { header: "to", align: "left", cell: (c) => c.to },
    { header: "change", align: "right", cell: (c) => formatChange(c.changePercent, decimals(c)) },
    { header: "95 % interval", align: "right", cell: intervalText },
    { header: "shown", align: "left", cell: verdict },
  ]);
}

/** One sentence for each fair comparison. */
export function comparisonSentences(doc: ForkDocument): string[] {
  return fairComparisons(doc).map(comparisonSentence);
}

/** "fork+exit on 1 CPU: 2.6.9 is 9.8 % faster than 2.6.8 (95 % interval 9.1 to 10.4 %)". */
export function comparisonSentence(comparison: ForkComparison): string {
  const { workload, cpus, from, to, changePercent, ci95 } = comparison;
  const where = `${workload} on ${counted(cpus, "CPU")}`;
  if (!differs(comparison)) {
    const interval = `95 % interval of the change ${intervalText(comparison)}`;
    return `${where}: no difference between ${from} and ${to} was shown (${interval})`;
  }
  const places = decimals(comparison);
  const [low, high] = ci95.map(Math.abs).toSorted((a, b) => a - b) as [number, number];
  const size = formatNumber(Math.abs(changePercent), places);
  const interval = `95 % interval ${formatNumber(low, places)} to ${formatNumber(high, places)} %`;
  return `${where}: ${to} is ${size} % ${verdict(comparison)} than ${from} (${interval})`;
}

/** What a reader must know before believing the numbers: full sentences, possibly none. */
export function footnotes(doc: ForkDocument): string[] {
  const notes: string[] = [];
  if (doc.interrupted) {
    notes.push("Interrupted: the figures are of the rounds that were completed.");
  }
  if (doc.results.some((result) => result.oversubscribed)) {
    notes.push(
      `${OVERSUBSCRIBED_MARK} More CPUs than this host's ${counted(doc.host.cores, "core")}: the time ` +
        "includes waiting for a core, and is compared with nothing.",
    );
  }
  if (fairComparisons(doc).some((comparison) => isRough(doc, comparison))) {
    notes.push(
      `With fewer than ${ROUGH_BELOW_ROUNDS} rounds an interval is rough and tends to be too narrow.`,
    );
  }
  return notes;
}

/** The CPU count as tables and charts write it: "4†" when CPUs outnumber cores. */
export function cpusLabel({ cpus, oversubscribed }: ForkResult): string {
  return `${formatNumber(cpus)}${oversubscribed ? OVERSUBSCRIBED_MARK : ""}`;
}

/** Whether the interval leaves out 0. */
export function differs({ ci95: [low, high] }: ForkComparison): boolean {
  return low > 0 || high < 0;
}

/** A column and what stands in it. */
export interface Field<Row> {
  header: string;
  align: Align;
  cell: (row: Row) => string;
}

/** A table with a row for each of `rows`. */
export function fieldTable<Row>(rows: readonly Row[], fields: readonly Field<Row>[]): ReportTable {
  return {
    columns: fields.map(({ header, align }) => ({ header, align })),
    rows: rows.map((row) => fields.map((field) => field.cell(row))),
  };
}

function keyFields(results: readonly ForkResult[]): Field<ForkResult>[] {
  const marked = results.some((result) => result.oversubscribed);
  const room = (result: ForkResult) => (marked && !result.oversubscribed ? " " : "");
  return [
    { header: "kernel", align: "left", cell: (r) => r.kernel },
    { header: "workload", align: "left", cell: (r) => r.workload },
    { header: "CPUs", align: "right", cell: (r) => cpusLabel(r) + room(r) },
  ];
}

function timeFields(results: readonly ForkResult[]): Field<ForkResult>[] {
  const scale = timeScale(results.map((result) => result.medianNs));
  const perPage = decimalsFor(smallestPositive(results.map((result) => result.nsPerPage)));
  return [
    { header: `median ${scale.unit}`, align: "right", cell: (r) => scale.format(r.medianNs) },
    { header: `p5 ${scale.unit}`, align: "right", cell: (r) => scale.format(r.p05Ns) },
    { header: `p95 ${scale.unit}`, align: "right", cell: (r) => scale.format(r.p95Ns) },
    { header: "ns/page", align: "right", cell: (r) => formatNumber(r.nsPerPage, perPage) },
  ];
}

function phaseFields(): Field<ForkResult>[] {
  return PHASES.map(({ key, label }) => ({
    header: label,
    align: "right",
    cell: ({ phases }) => formatShare(phases[key], phaseSum(phases)),
  }));
}

function phaseSum(phases: ForkPhases): number {
  return PHASES.reduce((sum, { key }) => sum + phases[key], 0);
}

function workloadRank({ workload }: { workload: ForkResult["workload"] }): number {
  return FORK_WORKLOADS.indexOf(workload);
}

function comparedResults(doc: ForkDocument, comparison: ForkComparison): ForkResult[] {
  const { workload, cpus, from, to } = comparison;
  return doc.results.filter(
    (result) =>
      result.workload === workload &&
      result.cpus === cpus &&
      (result.kernel === from || result.kernel === to),
  );
}

function isRough(doc: ForkDocument, comparison: ForkComparison): boolean {
  return comparedResults(doc, comparison).some((result) => result.rounds < ROUGH_BELOW_ROUNDS);
}

function verdict(comparison: ForkComparison): string {
  if (!differs(comparison)) return "no difference";
  return comparison.changePercent < 0 ? "faster" : "slower";
}

function intervalText(comparison: ForkComparison): string {
  const [low, high] = comparison.ci95;
  const places = decimals(comparison);
  return `${formatChange(low, places).replace(" %", "")} to ${formatChange(high, places)}`;
}

/** One decimal, or as many as an end near zero needs to be told from zero; at most three. */
function decimals(comparison: ForkComparison): number {
  if (!differs(comparison)) return 1;
  const nearest = Math.min(...comparison.ci95.map(Math.abs));
  if (nearest >= 0.05) return 1;
  return nearest >= 0.005 ? 2 : 3;
}
