// Curves over a number that grows: one line for each series, a dot for each figure. Both axes may be logarithmic: then
// what grows in proportion is a straight line at 45 degrees.

import { loadPlot, maximum, seriesColour, X_LABEL } from "./plot.ts";
import type { Chart, Plot, PlotOptions } from "./plot.ts";

/** One figure. */
export interface CurvePoint {
  readonly series: string;
  readonly x: number;
  readonly y: number;
}

/** What one chart shows. */
export interface CurveChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly CurvePoint[];
  /** Both axes are logarithmic. */
  readonly logarithmic?: boolean;
}

const HEIGHT_PX = 240;
/** Where a logarithmic axis begins, below the smallest figure. */
const ROOM_BELOW = 0.7;

function curvePlot(Plot: Plot, chart: CurveChart, series: readonly string[]): PlotOptions {
  const { points, xLabel, yLabel, logarithmic = false } = chart;
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const ys = points.map(({ y }) => y);
  const top = maximum(ys);
  const bottom = logarithmic ? Math.min(...ys.filter((y) => y > 0), top) * ROOM_BELOW : 0;
  const type = logarithmic ? "log" : "linear";
  return {
    height: HEIGHT_PX,
    ...{ marginLeft: 64, marginBottom: 42, ariaLabel: `${chart.title}: ${yLabel} over ${xLabel}` },
    x: logarithmic
      ? { type, label: xLabel, ticks: xs, tickFormat: "~s", ...X_LABEL }
      : { type: "point", domain: xs, label: xLabel, ...X_LABEL },
    y: { type, domain: [bottom, top], nice: true, label: yLabel, ticks: 4, tickFormat: "~s" },
    color: { domain: [...series], range: series.map((_, index) => seriesColour(index)) },
    marks: [
      Plot.gridY({ ticks: 4 }),
      Plot.lineY([...points], { x: "x", y: "y", stroke: "series", z: "series", strokeWidth: 1.5 }),
      Plot.dot([...points], { x: "x", y: "y", fill: "series", r: 3.5, title: "series" }),
    ],
  };
}

/** Draws the charts; `series` in the order of their colours. */
export async function drawCurves(
  charts: readonly CurveChart[],
  series: readonly string[],
): Promise<Chart[]> {
  const { Plot, draw } = await loadPlot();
  return charts
    .filter(({ points }) => points.length > 0)
    .map((chart) => ({ title: chart.title, svg: draw(curvePlot(Plot, chart, series)) }));
}
