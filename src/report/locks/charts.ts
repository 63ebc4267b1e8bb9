// The charts of `racier locks`: throughput along what was varied, and how long it takes to get a lock, from
// the typical time to the longest. At most six locks share a chart; more get another one with the same scale.

import type { LockResult, LocksDocument } from "../../experiment/locks/document.ts";
import { formatNumber } from "../format.ts";
import {
  axis,
  CHARACTER_PX,
  FRAME_PX,
  HALO,
  loadPlot,
  longest,
  MARGIN_BOTTOM_PX,
  maximum,
  ROW_PX,
  SERIES_COLOURS,
  seriesColour,
  seriesLegend,
  WIDTH_PX,
  X_LABEL,
  type Chart,
  type LegendEntry,
  type Plot,
  type PlotOptions,
} from "../plot.ts";
import {
  AXIS_NAMES,
  axisLabel,
  axisText,
  axisValues,
  curveGroups,
  curveName,
  mainAxis,
  type Axis,
  type Curve,
} from "./curves.ts";
import { loadTitle } from "./rows.ts";

/** The charts of a document, for results within the cores or beyond them. */
export interface LockCharts {
  /** Throughput as curves; none where nothing was varied. */
  readonly curves: readonly Chart[];
  /** Throughput with its interval, a row for each lock. */
  readonly throughput: readonly Chart[];
  /** Time to get the lock, by percentile. */
  readonly waits: readonly Chart[];
}

/** Title of a chart when there is no other of its kind. */
const ALL = "all locks";
const HEIGHT_PX = 260;
const PERCENTILES = [
  ["50 %", "p50"],
  ["90 %", "p90"],
  ["99 %", "p99"],
  ["99.9 %", "p999"],
  ["longest", "max"],
] as const;
/** Where a logarithmic scale of times begins, in ns: below it the clock tells nothing. */
const LEAST_NS = 1;

/** Draws all charts of one kind of results. */
export async function drawCharts(doc: LocksDocument, oversubscribed: boolean): Promise<LockCharts> {
  const { Plot, draw } = await loadPlot();
  const along = mainAxis(doc);
  const groups = curveGroups(doc, along).filter((group) => group.oversubscribed === oversubscribed);
  const all = groups.flatMap(({ curves }) => curves.flatMap(({ results }) => results));
  const isVaried = groups.some(({ curves }) => curves.some(({ results }) => results.length > 1));
  const curves = !isVaried
    ? []
    : groups.flatMap(({ title, curves }) => {
        const results = curves.flatMap((curve) => curve.results);
        const most = maximum(results.map(({ perSecondCi95: [, high] }) => high / 1e6));
        return chunks(curves).map((some) => ({
          ...{ title: title || ALL, legend: legendOf(some) },
          svg: draw(curvePlot(Plot, some, along, most)),
        }));
      });
  const throughput = groups.map(({ title, curves }) => ({
    title: title || ALL,
    svg: draw(throughputPlot(Plot, curves, along)),
  }));
  return { curves, throughput, waits: waitCharts(Plot, draw, doc, all) };
}

/**
 * The curves, or bars where nothing was varied, for a picture. Only results within the cores: the others would need
 * their warning beside them.
 */
export async function locksCharts(doc: LocksDocument): Promise<readonly Chart[]> {
  const { curves, throughput } = await drawCharts(doc, false);
  return curves.length > 0 ? curves : throughput;
}

function waitCharts(
  Plot: Plot,
  draw: (options: PlotOptions) => string,
  doc: LocksDocument,
  all: readonly LockResult[],
): Chart[] {
  const timed = all.filter(({ wait }) => wait !== null);
  const titles = [...new Set(timed.map((result) => loadTitle(result, doc, ["acquire"])))];
  const most = maximum(timed.map(({ wait }) => wait?.max ?? 0));
  return titles.flatMap((title) => {
    const own = timed.filter((result) => loadTitle(result, doc, ["acquire"]) === title);
    const curves = own.map((result) => ({ name: curveName(result, doc), results: [result] }));
    return chunks(curves).map((some) => ({
      ...{ title: title || ALL, legend: legendOf(some), svg: draw(waitPlot(Plot, some, most)) },
    }));
  });
}

function curvePlot(Plot: Plot, curves: readonly Curve[], along: Axis, most: number): PlotOptions {
  const results = curves.flatMap((curve) => curve.results);
  const marks = curves.flatMap(({ name, results: points }) =>
    points.map((point) => ({
      ...{ name, x: axisLabel(along, point), y: point.perSecond / 1e6 },
      low: point.perSecondCi95[0] / 1e6,
      high: point.perSecondCi95[1] / 1e6,
      title: `${name}, ${AXIS_NAMES[along]} ${axisLabel(along, point)}: ${millions(point)}`,
    })),
  );
  const place = { x: "x", stroke: "name", title: "title" };
  return {
    ...lineFrame(curves, `throughput by ${AXIS_NAMES[along]}, millions a second`),
    x: {
      ...X_LABEL,
      type: "point",
      domain: axisValues(along, results, axisLabel),
      label: AXIS_NAMES[along],
    },
    y: { domain: [0, most], nice: true, label: "millions a second", ticks: 4 },
    marks: [
      Plot.gridY({ ticks: 4 }),
      Plot.ruleY([0]),
      Plot.ruleX(marks, { ...place, y1: "low", y2: "high", strokeOpacity: 0.5, strokeWidth: 3 }),
      Plot.lineY(marks, { x: "x", y: "y", stroke: "name", z: "name", strokeWidth: 1.5 }),
      Plot.dot(marks, { x: "x", y: "y", fill: "name", r: 3.5, title: "title" }),
    ],
  };
}

function waitPlot(Plot: Plot, curves: readonly Curve[], most: number): PlotOptions {
  const marks = curves.flatMap(({ name, results }) =>
    results.flatMap(({ wait }) =>
      wait === null
        ? []
        : PERCENTILES.map(([label, key]) => ({
            ...{ name, x: label, y: Math.max(wait[key], LEAST_NS) },
            title: `${name}, ${label}: ${formatNumber(wait[key])} ns`,
          })),
    ),
  );
  return {
    ...lineFrame(curves, "time to get the lock by percentile, ns"),
    x: {
      ...X_LABEL,
      type: "point",
      domain: PERCENTILES.map(([label]) => label),
      label: "percentile",
    },
    y: {
      type: "log",
      domain: [LEAST_NS, Math.max(most, 10)],
      label: "ns",
      ticks: 5,
      tickFormat: "~s",
    },
    marks: [
      Plot.gridY({ ticks: 5 }),
      Plot.lineY(marks, { x: "x", y: "y", stroke: "name", z: "name", strokeWidth: 1.5 }),
      Plot.dot(marks, { x: "x", y: "y", fill: "name", r: 3.5, title: "title" }),
    ],
  };
}

function throughputPlot(Plot: Plot, curves: readonly Curve[], along: Axis): PlotOptions {
  const results = curves.flatMap((curve) => curve.results);
  const names = curves.map(({ name }) => name);
  const facets = axisValues(along, results, axisText);
  const marks = curves.flatMap(({ name, results: points }) =>
    points.map((point) => ({
      ...{ y: name, fy: axisText(along, point), x: point.perSecond / 1e6 },
      low: point.perSecondCi95[0] / 1e6,
      high: point.perSecondCi95[1] / 1e6,
      label: formatNumber(point.perSecond / 1e6, 2),
      title: `${name}, ${AXIS_NAMES[along]} ${axisLabel(along, point)}: ${millions(point)}`,
    })),
  );
  const row = { fy: "fy", y: "y", title: "title" };
  return {
    height: FRAME_PX + facets.length * (ROW_PX * names.length + 8),
    marginLeft: Math.min(22 + CHARACTER_PX * longest(names), WIDTH_PX / 2),
    ...{ marginRight: 60, marginBottom: MARGIN_BOTTOM_PX },
    ariaLabel: `throughput by lock and ${AXIS_NAMES[along]}, millions a second`,
    x: { domain: [0, 1.25 * maximum(marks.map(({ high }) => high))], ...axis("millions a second") },
    y: { domain: names, label: null, tickSize: 0 },
    fy: { domain: facets, label: null, padding: 0.12 },
    marks: [
      Plot.gridX({ ticks: 4 }),
      Plot.ruleX([0]),
      Plot.ruleY(marks, {
        ...row,
        x1: "low",
        x2: "high",
        strokeWidth: 3,
        stroke: seriesColour(0),
        strokeOpacity: 0.5,
      }),
      Plot.dot(marks, { ...row, x: "x", fill: seriesColour(0), r: 4 }),
      Plot.text(marks, {
        ...{ fy: "fy", y: "y", x: "high", text: "label", textAnchor: "start", dx: 8 },
        ...HALO,
      }),
    ],
  };
}

/** What charts of curves have in common. */
function lineFrame(curves: readonly Curve[], what: string): PlotOptions {
  const names = curves.map(({ name }) => name);
  return {
    ...{ height: HEIGHT_PX, marginLeft: 48, marginRight: 14, marginBottom: MARGIN_BOTTOM_PX },
    ariaLabel: `${what}: ${names.join(", ")}`,
    color: { domain: names, range: names.map((_, i) => seriesColour(i)) },
  };
}

const legendOf = (curves: readonly Curve[]): LegendEntry[] =>
  seriesLegend(curves.map(({ name }) => name));

/** Curves that share a chart: as many as there are colours. */
function chunks<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / SERIES_COLOURS);
  return Array.from({ length: count }, (_, i) =>
    items.slice(i * SERIES_COLOURS, (i + 1) * SERIES_COLOURS),
  );
}

function millions({ perSecond, perSecondCi95: [low, high] }: LockResult): string {
  const [middle, from, to] = [perSecond, low, high].map((value) => formatNumber(value / 1e6, 2));
  return `${middle} million a second, 95 % interval ${from} to ${to}`;
}
