// The HTML report of `racier notifiers`: curves of registration over VMAs, what each client adds to each operation, then
// the tables and the data.

import type { NotifiersDocument } from "../experiment/notifiers-document.ts";
import { OPERATIONS } from "../workload/notifiers/orders.ts";
import { threadsCaption } from "./caption.ts";
import { counted, formatNumber } from "./format.ts";
import { notifiersNotes, notifiersSections } from "./notifiers-text.ts";
import { chartRow, dataSection, escapeHtml, htmlPage, htmlTable } from "./page.ts";
import { paragraph, section } from "./page.ts";
import {
  CHARACTER_PX,
  FRAME_PX,
  ROW_PX,
  X_LABEL,
  kernelsOf,
  loadPlot,
  longest,
  seriesLegend,
} from "./plot.ts";
import type { Chart, LegendEntry, Plot, PlotOptions } from "./plot.ts";

const HEIGHT_PX = 240;
const TITLE = "What MMU notifiers cost";

/** A kernel has one colour everywhere. */
const allKernels = (doc: NotifiersDocument): string[] =>
  kernelsOf([doc.invalidation, doc.registration, doc.access, doc.guest, doc.brk].flat());

/** Writes the report as one self-contained HTML file. `command`: the command line that made it. */
export async function notifiersHtml(doc: NotifiersDocument, command: string): Promise<string> {
  const charts = await chartsOf(doc);
  const sections = notifiersSections(doc).map(({ title, tables }) =>
    section(title, [chartRow(charts.get(title) ?? []), ...tables.map(htmlTable)]),
  );
  return htmlPage(TITLE, [
    `<h1>${TITLE}</h1>`,
    threadsCaption(doc, command, [
      ["Kernels", escapeHtml(allKernels(doc).join(", "))],
      ["Rounds", `${doc.rounds}, interleaved`],
    ]),
    ...notifiersNotes(doc).map(paragraph),
    ...sections,
    dataSection(doc),
  ]);
}

/** The charts of the page. */
export async function notifiersCharts(doc: NotifiersDocument): Promise<readonly Chart[]> {
  return [...(await chartsOf(doc)).values()].flat();
}

/** The charts of each section, by its title. */
async function chartsOf(doc: NotifiersDocument): Promise<Map<string, readonly Chart[]>> {
  const { Plot, draw } = await loadPlot();
  const kernels = allKernels(doc);
  const legend = seriesLegend(kernels);
  const color = { domain: kernels, range: legend.map(({ colour }) => colour) };
  const drawn: Chart[][] = [];
  const own = (rows: readonly unknown[], charts: () => Chart[]): void => {
    if (rows.length > 0) drawn.push(charts());
  };
  own(doc.registration, () => registrationCharts(doc, legend, (y) => draw({ ...y(Plot), color })));
  own(doc.invalidation, () =>
    OPERATIONS.map((operation) => ({
      title: `${operation === "cow" ? "COW" : operation}, times the kernel without notifiers`,
      svg: draw({ ...operationPlot(Plot, doc, operation), color }),
      legend: shownOf(
        legend,
        doc.invalidation.filter(({ times }) => times !== null),
      ),
    })),
  );
  own(doc.access, () => []);
  own(doc.guest, () => [
    {
      title: "Progress of guest and host",
      svg: draw({ ...guestPlot(Plot, doc), color }),
      legend: shownOf(legend, doc.guest),
    },
  ]);
  own(doc.brk, () => []);
  return new Map(notifiersSections(doc).map(({ title }, i) => [title, drawn[i] ?? []]));
}

/** The colours of those that rows are of. */
const shownOf = (
  all: readonly LegendEntry[],
  rows: readonly { readonly kernel: string }[],
): LegendEntry[] => all.filter(({ label }) => rows.some(({ kernel }) => kernel === label));

function registrationCharts(
  doc: NotifiersDocument,
  all: readonly LegendEntry[],
  svgOf: (options: (plot: Plot) => PlotOptions) => string,
): Chart[] {
  const shown = shownOf(all, doc.registration);
  return (["register", "unregister"] as const).map((what) => {
    const marks = doc.registration.map((row) => {
      const [low, high] = row[`${what}Ci95`];
      const us = row[`${what}Ns`] / 1000;
      const title = `${row.kernel}, ${counted(row.vmas, "VMA")}: ${formatNumber(us, 1)} µs`;
      return { kernel: row.kernel, vmas: row.vmas, us, low: low / 1000, high: high / 1000, title };
    });
    const svg = svgOf((plot) => ({
      ...{ height: HEIGHT_PX, marginLeft: 64, marginBottom: 42 },
      ariaLabel: `${what}: µs over the number of VMAs`,
      x: { type: "log", label: "VMAs", ...X_LABEL, ticks: 4, tickFormat: "~s" },
      y: { type: "log", label: "µs", ticks: 4, tickFormat: "~s" },
      marks: [
        plot.gridY({ ticks: 4 }),
        plot.ruleX(marks, { x: "vmas", y1: "low", y2: "high", stroke: "kernel", strokeWidth: 3 }),
        plot.lineY(marks, { x: "vmas", y: "us", stroke: "kernel", z: "kernel" }),
        plot.dot(marks, { x: "vmas", y: "us", fill: "kernel", r: 3.5, title: "title" }),
      ],
    }));
    return { title: what, svg, legend: shown };
  });
}

/** One operation: a line for each kernel and client, as times the kernel without notifiers. */
function operationPlot(
  plot: Plot,
  doc: NotifiersDocument,
  operation: (typeof OPERATIONS)[number],
): PlotOptions {
  const rows = doc.invalidation
    .filter((row) => row.operation === operation && row.times !== null)
    .map(({ kernel, client, times, timesCi95 }) => ({
      ...{ kernel, label: `${kernel}, ${client ?? "nobody"}`, times },
      ...{ low: timesCi95?.[0], high: timesCi95?.[1] },
      title: `${kernel}, ${client ?? "nobody"}: ${formatNumber(times ?? 0, 2)}`,
    }));
  const labels = rows.map(({ label }) => label);
  return {
    height: rows.length * ROW_PX + FRAME_PX,
    ...{ marginLeft: longest(labels) * CHARACTER_PX + 4, marginBottom: 42 },
    ariaLabel: `${operation}: times the kernel without notifiers`,
    x: { label: "times", ...X_LABEL, ticks: 4, nice: true },
    y: { domain: labels, label: null },
    marks: [
      plot.gridX({ ticks: 4 }),
      plot.ruleX([1], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
      plot.ruleY(rows, { y: "label", x1: "low", x2: "high", stroke: "kernel", strokeWidth: 3 }),
      plot.dot(rows, { x: "times", y: "label", fill: "kernel", r: 3.5, title: "title" }),
    ],
  };
}

/** What guest and host do a second, and what is swapped. */
function guestPlot(plot: Plot, doc: NotifiersDocument): PlotOptions {
  const bars = doc.guest.flatMap((row) =>
    (
      [
        ["guest", row.guestPerSecond],
        ["host", row.hostPerSecond],
        ["pages in", row.swapInsPerSecond],
        ["pages out", row.swapOutsPerSecond],
      ] as const
    ).map(([what, rate]) => ({
      ...{ kernel: row.kernel, label: `${row.kernel}, ${what}`, rate },
      title: `${row.kernel}, ${what}: ${formatNumber(Math.round(rate))}/s`,
    })),
  );
  const labels = bars.map(({ label }) => label);
  return {
    height: bars.length * ROW_PX + FRAME_PX,
    ...{ marginLeft: longest(labels) * CHARACTER_PX + 4, marginBottom: 42 },
    ariaLabel: "guest, host and pages swapped, a second",
    x: { type: "log", label: "a second (logarithmic)", ...X_LABEL, ticks: 4, tickFormat: "~s" },
    y: { domain: labels, label: null },
    marks: [
      plot.gridX({ ticks: 4 }),
      plot.dot(bars, { x: "rate", y: "label", fill: "kernel", r: 3.5, title: "title" }),
    ],
  };
}
