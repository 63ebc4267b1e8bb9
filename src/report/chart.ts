// The charts of `racier fork`. A chart gets the rows that may stand beside each other: the caller keeps
// those with more CPUs than cores apart.

import { FORK_WORKLOADS } from "../experiment/fork-document.ts";
import type { ForkComparison, ForkResult, ForkWorkload } from "../experiment/fork-document.ts";
import { counted, formatChange, timeScale } from "./format.ts";
import type { TimeScale } from "./format.ts";
import { FRAME_PX, HALO, MARGIN_BOTTOM_PX, MUTED, ROW_PX, WIDTH_PX, X_LABEL } from "./plot.ts";
import { axis, CHARACTER_PX, distinct, loadPlot, longest, maximum, seriesColour } from "./plot.ts";
import { kernelsOf } from "./plot.ts";
import type { Chart, Plot, PlotOptions } from "./plot.ts";
import { comparisonSentence, cpusLabel, differs, PHASES } from "./rows.ts";

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

/** A row that has its label above the mark. */
const CHANGE_ROW_PX = 36;

/** Loads the drawing library. */
export async function loadCharts(): Promise<ChartMaker> {
  const { Plot, draw } = await loadPlot();
  return {
    times: (results) => byWorkload(results, (rows) => draw(timePlot(Plot, rows))),
    phases: (results) => byWorkload(results, (rows) => draw(phasePlot(Plot, rows))),
    changes: (comparisons) => byPair(comparisons, (rows) => draw(changePlot(Plot, rows))),
  };
}

function timePlot(Plot: Plot, results: readonly ForkResult[]): PlotOptions {
  const scale = timeScale(results.map((result) => result.medianNs));
  const kernels = kernelsOf(results);
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

/** Colour of the nth of `PHASES`. */
export function phaseColour(index: number): string {
  return `var(--phase-${index})`;
}

/** What the two charts of results have in common: facets by CPU count, rows by kernel. */
function resultFrame(results: readonly ForkResult[], what: string): PlotOptions {
  const kernels = kernelsOf(results);
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
