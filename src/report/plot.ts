// Charts as static SVG, drawn when the report is written: Observable Plot on a document without a
// browser. Each chart is 360 pixels wide, so that it is readable as it is on a phone; a page puts
// several in a row. Colours are CSS variables of the page (--series-N, --phase-N, --muted), which
// knows light from dark. Left out: interaction; a mark's tooltip is its SVG title.

import { formatNumber } from "./format.ts";

/** A drawn chart. */
export interface Chart {
  title: string;
  /** An `<svg>` element. */
  svg: string;
  /** What its colours mean, where the page does not say it. */
  legend?: readonly LegendEntry[];
}

/** A colour of ours, and what it means. */
export interface LegendEntry {
  readonly label: string;
  readonly colour: string;
}

/** The drawing library. */
export type Plot = typeof import("@observablehq/plot");
export type PlotOptions = NonNullable<Parameters<Plot["plot"]>[0]>;

export const WIDTH_PX = 360;
export const ROW_PX = 26;
/** Room for axis, axis label and the gap above. */
export const FRAME_PX = 62;
export const MARGIN_BOTTOM_PX = 42;
/** Width that a character of a label takes at most, on average. */
export const CHARACTER_PX = 8;

/** Puts the label of the x axis below its numbers, in the middle. */
export const X_LABEL = { labelAnchor: "center", labelArrow: "none", labelOffset: 38 } as const;
/** Keeps a label readable where it crosses a line. */
export const HALO = { fill: "currentColor", stroke: "var(--page)", strokeWidth: 4 } as const;

/** Colours that a page must define as --series-0 and so on; series beyond share them. */
export const SERIES_COLOURS = 6;

export const MUTED = "var(--muted)";

/** Colour of the nth series. */
export function seriesColour(index: number): string {
  return `var(--series-${index % SERIES_COLOURS})`;
}

/** What the colours of series mean, in their order. */
export const seriesLegend = (names: readonly string[]): LegendEntry[] =>
  names.map((label, index) => ({ label, colour: seriesColour(index) }));

/** Charts that say themselves what their colours mean. */
export const withLegend = (charts: readonly Chart[], entries: readonly LegendEntry[]): Chart[] =>
  charts.map((chart) => ({ ...chart, legend: entries }));

/** Loads the drawing library: takes some tenths of a second, so a command does it only for a report. */
export async function loadPlot(): Promise<{ Plot: Plot; draw: (options: PlotOptions) => string }> {
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
  return { Plot, draw };
}

/** An axis of a unit, with numbers as in the tables. */
export function axis(unit: string): NonNullable<PlotOptions["x"]> {
  const tickFormat = (value: number): string =>
    formatNumber(value, Number.isInteger(value) ? 0 : 1);
  return { ticks: 4, label: unit, ...X_LABEL, tickFormat };
}

/** Characters of the longest text; five at least. */
export function longest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length), 5);
}

/** Each value once. */
export function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** The kernels that rows are of, in their order. */
export const kernelsOf = (rows: readonly { readonly kernel: string }[]): string[] =>
  distinct(rows.map(({ kernel }) => kernel));

/** Rows that may be compared: with no more CPUs than the host has cores. */
export const withinCores = <T extends { readonly oversubscribed: boolean }>(
  rows: readonly T[],
): T[] => rows.filter(({ oversubscribed }) => !oversubscribed);

/** The largest of values that may be none. */
export function maximum(values: readonly number[]): number {
  return Math.max(...values.filter(Number.isFinite), 0) || 1;
}
