// The HTML report of `racier scale`: a curve over CPUs for each testcase and mode, then the tables and the data.

import type { ScaleDocument, ScaleResult } from "../experiment/scale-document.ts";
import { counted, formatDate, formatNumber } from "./format.ts";
import { lockStatText } from "./lock-stat-text.ts";
import { chartRow, dataSection, escapeHtml, facts, htmlPage, htmlTable } from "./page.ts";
import { legend, paragraph, section } from "./page.ts";
import type { Html } from "./page.ts";
import { X_LABEL, distinct, loadPlot, maximum, seriesColour } from "./plot.ts";
import { kernelsOf, seriesLegend, withLegend, withinCores } from "./plot.ts";
import type { Chart, Plot, PlotOptions } from "./plot.ts";
import { OVERSUBSCRIBED_MARK } from "./rows.ts";
import { scaleComparisonTable, scaleNotes, scaleTable } from "./scale-text.ts";

const HEIGHT_PX = 240;

/**
 * Writes the report as one self-contained HTML file.
 * @param command the command line that made it, for the caption
 */
export async function scaleHtml(doc: ScaleDocument, command: string): Promise<string> {
  const kernels = kernelsOf(doc.results);
  const title = `Scaling: ${kernels.join(", ")}`;
  const fair = withinCores(doc.results);
  const crowded = doc.results.filter(({ oversubscribed }) => oversubscribed);
  const notes = scaleNotes(doc).map((note) => `<p class="note">${escapeHtml(note)}</p>`);
  return htmlPage(title, [
    `<h1>${escapeHtml(title)}</h1>`,
    caption(doc, kernels, command),
    section("Operations a second, over CPUs", [
      paragraph(
        "Dot: median of the rounds. Bar: 5th to 95th percentile. Dashed: in proportion to CPUs.",
      ),
      legend(seriesLegend(kernels)),
      chartRow(await curves(fair, kernels)),
      htmlTable(scaleTable(doc)),
      ...notes,
    ]),
    ...(doc.comparisons.length > 0
      ? [section("Kernel beside kernel", [htmlTable(scaleComparisonTable(doc))])]
      : []),
    ...(crowded.length > 0
      ? [
          section(`${OVERSUBSCRIBED_MARK} More CPUs than ${counted(doc.host.cores, "core")}`, [
            paragraph("Here CPUs wait for a core: compare these figures with nothing."),
            chartRow(await curves(crowded, kernels)),
          ]),
        ]
      : []),
    ...lockSections(doc),
    dataSection(doc),
  ]);
}

function caption(doc: ScaleDocument, kernels: readonly string[], command: string): Html {
  const { host } = doc;
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  return facts([
    ["Kernels", escapeHtml(kernels.join(", "))],
    ["Host", escapeHtml(machine)],
    ["Version", escapeHtml(`racier ${doc.version}`)],
    ["Rounds", `${doc.rounds}, interleaved`],
    ["Date", escapeHtml(formatDate(host.date))],
    ["Command", `<code>${escapeHtml(command)}</code>`],
  ]);
}

function lockSections({ lockStat }: ScaleDocument): Html[] {
  if (lockStat.length === 0) return [];
  const tables = lockStat.map(
    ({ kernel, testcase, mode, cpus, classes }) =>
      `<h3>${escapeHtml(`${testcase}_${mode}, ${kernel}, ${counted(cpus, "CPU")}`)}</h3>` +
      `<pre style="overflow-x:auto">${escapeHtml(lockStatText(classes))}</pre>`,
  );
  return [
    section("Locks", [paragraph("Times in microseconds, as /proc/lock_stat has them."), ...tables]),
  ];
}

/** The curves of the page, within the cores. */
export async function scaleCharts(doc: ScaleDocument): Promise<readonly Chart[]> {
  const kernels = kernelsOf(doc.results);
  const fair = withinCores(doc.results);
  return withLegend(await curves(fair, kernels), seriesLegend(kernels));
}

/** One chart for each testcase and mode. */
async function curves(
  results: readonly ScaleResult[],
  kernels: readonly string[],
): Promise<Chart[]> {
  const { Plot, draw } = await loadPlot();
  const titles = distinct(results.map(({ testcase, mode }) => `${testcase}_${mode}`));
  return titles.map((title) => {
    const own = results.filter(({ testcase, mode }) => `${testcase}_${mode}` === title);
    return { title, svg: draw(curvePlot(Plot, title, own, kernels)) };
  });
}

function curvePlot(
  Plot: Plot,
  title: string,
  results: readonly ScaleResult[],
  kernels: readonly string[],
): PlotOptions {
  const marks = results.map(({ kernel, cpus, operationsPerSecond, p05, p95 }) => ({
    ...{ kernel, cpus, y: operationsPerSecond, low: p05, high: p95 },
    title: `${kernel}, ${counted(cpus, "CPU")}: ${formatNumber(Math.round(operationsPerSecond))} op/s`,
  }));
  const counts = [...new Set(results.map(({ cpus }) => cpus))].sort((a, b) => a - b);
  const first = counts[0] ?? 1;
  const base = maximum(
    results.filter(({ cpus }) => cpus === first).map((r) => r.operationsPerSecond),
  );
  const linear = counts.map((cpus) => ({ cpus, y: (base * cpus) / first }));
  return {
    height: HEIGHT_PX,
    ...{ marginLeft: 64, marginBottom: 42, ariaLabel: `${title}: operations a second over CPUs` },
    x: { type: "point", domain: counts, label: "CPUs", ...X_LABEL },
    y: {
      domain: [0, maximum([...marks.map(({ high }) => high), ...linear.map(({ y }) => y)])],
      ...{ nice: true, label: "operations a second", ticks: 4, tickFormat: "~s" },
    },
    color: { domain: [...kernels], range: kernels.map((_, index) => seriesColour(index)) },
    marks: [
      Plot.gridY({ ticks: 4 }),
      Plot.ruleY([0]),
      Plot.lineY(linear, { x: "cpus", y: "y", stroke: "var(--muted)", strokeDasharray: "4 4" }),
      Plot.ruleX(marks, {
        ...{ x: "cpus", y1: "low", y2: "high", stroke: "kernel" },
        ...{ strokeOpacity: 0.5, strokeWidth: 3 },
      }),
      Plot.lineY(marks, { x: "cpus", y: "y", stroke: "kernel", z: "kernel", strokeWidth: 1.5 }),
      Plot.dot(marks, { x: "cpus", y: "y", fill: "kernel", r: 3.5, title: "title" }),
    ],
  };
}
