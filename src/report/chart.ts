// Charts as static SVG, drawn when the report is written: Observable Plot on a document without a
// browser. Each chart is 360 pixels wide, so that it is readable as it is on a phone; a page puts
// several in a row. Colours are CSS variables of the page (--series-N, --phase-N, --muted), which
// knows light from dark. A chart gets the rows that may stand beside each other: the caller keeps
// those with more CPUs than cores apart. Left out: interaction; a mark's tooltip is its SVG title.

import { FORK_WORKLOADS } from "../experiment/fork-document.ts";
import type { ForkComparison, ForkResult, ForkWorkload } from "../experiment/fork-document.ts";
import { counted, formatChange, formatNumber, timeScale } from "./format.ts";
import type { TimeScale } from "./format.ts";
import { comparisonSentence, cpusLabel, differs, PHASES } from "./rows.ts";

/** A drawn chart. */
export interface Chart {
  title: string;
  /** An `<svg>` element. */
  svg: string;
}

type Plot = typeof import("@observablehq/plot");
type PlotOptions = NonNullable<Parameters<Plot["plot"]>[0]>;

/**
 * Draws charts. Loading it takes some tenths of a second, so a command loads it only for a report.
 */
export interface ChartMaker {
  /** Median and 5th to 95th percentile, one chart for each workload. */
  times(results: readonly ForkResult[]): Chart[];
  /** Nanoseconds by phase as stacked bars, one chart for each workload. */
  phases(results: readonly ForkResult[]): Chart[];
  /** Change with its interval and a line at zero, one chart for each pair of kernels. */
  changes(comparisons: readonly ForkComparison[]): Chart[];
}

const WIDTH_PX = 360;
const ROW_PX = 26;
/** A row that has its label above the mark. */
const CHANGE_ROW_PX = 36;
/** Room for axis, axis label and the gap above. */
const FRAME_PX = 62;
const MARGIN_BOTTOM_PX = 42;
/** Width that a character of a label takes at most, on average. */
const CHARACTER_PX = 8;

/** Puts the label of the x axis below its numbers, in the middle. */
const X_LABEL = { labelAnchor: "center", labelArrow: "none", labelOffset: 38 } as const;
/** Keeps a label readable where it crosses a line. */
const HALO = { fill: "currentColor", stroke: "var(--page)", strokeWidth: 4 } as const;

/** Loads the drawing library. */
export async function loadCharts(): Promise<ChartMaker> {
  const [Plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  // This project compiles without the browser's types: what is used of them is named here.
  const { document } = parseHTML("<html><body></body></html>") as { document: unknown };
  const draw = (options: PlotOptions): string => {
    const framed: object = { ...options, document, width: WIDTH_PX, style: { fontSize: "12px" } };
    return (Plot.plot(framed) as { outerHTML: string }).outerHTML;
  };
  return {
    times: (results) => byWorkload(results, (rows) => draw(timePlot(Plot, rows))),
    phases: (results) => byWorkload(results, (rows) => draw(phasePlot(Plot, rows))),
    changes: (comparisons) => byPair(comparisons, (rows) => draw(changePlot(Plot, rows))),
  };
}

function timePlot(Plot: Plot, results: readonly ForkResult[]): PlotOptions {
  const scale = timeScale(results.map((result) => result.medianNs));
  const kernels = distinct(results.map((result) => result.kernel));
  const marks = results.map((result) => ({
    ...place(result),
    median: result.medianNs / scale.divisor,
    low: result.p05Ns / scale.divisor,
    high: result.p95Ns / scale.divisor,
    label: scale.format(result.medianNs),
    title: timeTitle(result, scale),
  }));
  return {
    ...resultFrame(results, `time of one operation, ${scale.unit}`),
    x: { domain: [0, 1.25 * maximum(marks.map((mark) => mark.high))], ...axis(scale.unit) },
    color: { domain: kernels, range: kernels.map((_, i) => seriesColour(i)) },
    marks: [
      Plot.gridX({ ticks: 4 }),
      Plot.ruleX([0]),
      Plot.ruleY(marks, {
        ...{ fy: "fy", y: "kernel", x1: "low", x2: "high", stroke: "kernel" },
        ...{ strokeWidth: 3, strokeOpacity: 0.5, title: "title" },
      }),
      Plot.dot(marks, {
        ...{ fy: "fy", y: "kernel", x: "median", fill: "kernel", r: 4.5, title: "title" },
      }),
      Plot.text(marks, {
        ...{ fy: "fy", y: "kernel", x: "high", text: "label", textAnchor: "start", dx: 8 },
        ...HALO,
      }),
    ],
  };
}

function phasePlot(Plot: Plot, results: readonly ForkResult[]): PlotOptions {
  const scale = timeScale(results.map((result) => result.medianNs));
  const labels = PHASES.map(({ label }) => label);
  const marks = results.flatMap((result) =>
    PHASES.map(({ key, label }) => ({
      ...place(result),
      phase: label,
      time: result.phases[key] / scale.divisor,
      title: `${label}: ${scale.format(result.phases[key])} ${scale.unit}`,
    })),
  );
  return {
    ...resultFrame(results, `time by phase, ${scale.unit}`),
    x: { nice: true, ...axis(scale.unit) },
    color: { domain: labels, range: labels.map((_, i) => phaseColour(i)) },
    marks: [
      Plot.gridX({ ticks: 4 }),
      Plot.barX(
        marks,
        Plot.stackX({
          ...{ fy: "fy", y: "kernel", x: "time", fill: "phase", order: labels, title: "title" },
          ...{ insetTop: 2, insetBottom: 2 },
        }),
      ),
      Plot.ruleX([0]),
    ],
  };
}

function changePlot(Plot: Plot, comparisons: readonly ForkComparison[]): PlotOptions {
  const marks = comparisons.map((comparison) => ({
    y: `${comparison.workload}, ${counted(comparison.cpus, "CPU")}`,
    change: comparison.changePercent,
    low: comparison.ci95[0],
    high: comparison.ci95[1],
    label: formatChange(comparison.changePercent),
    colour: differs(comparison) ? seriesColour(1) : MUTED,
    title: comparisonSentence(comparison),
  }));
  const bar = { stroke: "colour", strokeWidth: 2, title: "title", y: "y" };
  return {
    ...{ height: FRAME_PX + CHANGE_ROW_PX * marks.length, marginLeft: 132, marginRight: 14 },
    marginBottom: MARGIN_BOTTOM_PX,
    ariaLabel: "Change of the median in percent, with 95 % intervals",
    x: {
      ...{
        domain: changeDomain(comparisons),
        ticks: 4,
        label: "change of the median, %",
        ...X_LABEL,
      },
      tickFormat: (percent: number) => formatChange(percent).replace(/(\.0)? %$/, ""),
    },
    y: { domain: marks.map((mark) => mark.y), label: null, tickSize: 0 },
    color: { type: "identity" },
    marks: [
      Plot.gridX({ ticks: 4 }),
      Plot.ruleX([0], { strokeWidth: 1.5 }),
      Plot.ruleY(marks, { ...bar, x1: "low", x2: "high" }),
      ...["low", "high"].map((end) => Plot.tickX(marks, { ...bar, x: end, inset: 12 })),
      Plot.dot(marks, { y: "y", x: "change", fill: "colour", r: 4.5, title: "title" }),
      Plot.text(marks, { ...{ y: "y", x: "change", text: "label", dy: -13 }, ...HALO }),
    ],
  };
}

/** Colour of the nth kernel. */
function seriesColour(index: number): string {
  return `var(--series-${index % SERIES_COLOURS})`;
}

/** Colour of the nth of `PHASES`. */
export function phaseColour(index: number): string {
  return `var(--phase-${index})`;
}

/** Colours that a page must define as --series-0 and so on; kernels beyond share them. */
const SERIES_COLOURS = 6;

const MUTED = "var(--muted)";

/** What the two charts of results have in common: facets by CPU count, rows by kernel. */
function resultFrame(results: readonly ForkResult[], what: string): PlotOptions {
  const kernels = distinct(results.map((result) => result.kernel));
  const facets = distinct(results.map(facet));
  return {
    height: FRAME_PX + facets.length * (ROW_PX * kernels.length + 8),
    marginLeft: Math.min(22 + CHARACTER_PX * longest(kernels), WIDTH_PX / 2),
    ...{ marginRight: 60, marginBottom: MARGIN_BOTTOM_PX },
    ariaLabel: `${results[0]?.workload ?? ""}: ${what}`,
    y: { domain: kernels, label: null, tickSize: 0 },
    fy: { domain: facets, label: null, padding: 0.12 },
  };
}

function axis(unit: string): NonNullable<PlotOptions["x"]> {
  const tickFormat = (value: number): string =>
    formatNumber(value, Number.isInteger(value) ? 0 : 1);
  return { ticks: 4, label: unit, ...X_LABEL, tickFormat };
}

function place(result: ForkResult): { kernel: string; fy: string } {
  return { kernel: result.kernel, fy: facet(result) };
}

function facet(result: ForkResult): string {
  return `${cpusLabel(result)} ${result.cpus === 1 ? "CPU" : "CPUs"}`;
}

function timeTitle(result: ForkResult, { format, unit }: TimeScale): string {
  const range = `${format(result.p05Ns)} to ${format(result.p95Ns)} ${unit}`;
  const median = `median ${format(result.medianNs)} ${unit}`;
  return `${result.kernel}, ${facet(result)}: ${median}, 5th to 95th percentile ${range}`;
}

/** From the lowest to the highest end, 0 included, with room for a label at either side. */
function changeDomain(comparisons: readonly ForkComparison[]): [number, number] {
  const ends = [0, ...comparisons.flatMap((comparison) => comparison.ci95)];
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  const room = 0.12 * (high - low || 1);
  return [low - room, high + room];
}

function byWorkload(
  results: readonly ForkResult[],
  draw: (rows: readonly ForkResult[]) => string,
): Chart[] {
  return FORK_WORKLOADS.map((workload: ForkWorkload) => ({
    title: workload,
    rows: results.filter((result) => result.workload === workload),
  }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, rows }) => ({ title, svg: draw(rows) }));
}

function byPair(
  comparisons: readonly ForkComparison[],
  draw: (rows: readonly ForkComparison[]) => string,
): Chart[] {
  const title = ({ from, to }: ForkComparison): string => `${from} to ${to}`;
  return distinct(comparisons.map(title)).map((pair) => ({
    title: pair,
    svg: draw(comparisons.filter((comparison) => title(comparison) === pair)),
  }));
}

function longest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length), 5);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function maximum(values: readonly number[]): number {
  return Math.max(...values.filter(Number.isFinite), 0) || 1;
}
