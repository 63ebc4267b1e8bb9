// The results of `racier swapoff`, for the terminal and as one HTML file: a table, how each way grows, and curves.

import type { SwapoffDocument, SwapoffResult } from "../experiment/swapoff-document.ts";
import { threadsCaption } from "./caption.ts";
import { drawCurves, type CurveChart } from "./curves.ts";
import { counted, formatNumber } from "./format.ts";
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
import { distinct, seriesLegend, withLegend, type Chart } from "./plot.ts";
import { fieldTable, type Field, type ReportTable } from "./rows.ts";
import { alignedTable, textStyle, type TextStyle } from "./table.ts";

const TITLE = "Emptying a swap area";

const wayOf = ({ kernel, way }: SwapoffResult): string => `${kernel} ${way}`;

const sceneOf = ({ sharing, place }: SwapoffResult): string =>
  `${sharing === "own" ? "pages of their own" : "pages shared by fork"}, ` +
  (place === "disk" ? "on the disk" : "in the swap cache");

/** PTEs that name a slot. */
const sharers = ({ sharing, processes }: SwapoffResult): number =>
  sharing === "own" ? 1 : processes;

function tableOf({ results }: SwapoffDocument): ReportTable {
  const number = (header: string, of: (row: SwapoffResult) => string): Field<SwapoffResult> => ({
    ...{ header, align: "right" },
    cell: of,
  });
  return fieldTable(results, [
    { header: "kernel", align: "left", cell: (row) => row.kernel },
    { header: "way", align: "left", cell: (row) => row.way },
    { header: "pages are", align: "left", cell: (row) => row.sharing },
    { header: "in", align: "left", cell: (row) => row.place },
    number("processes", (row) => formatNumber(row.processes)),
    number("pages", (row) => formatNumber(row.pages)),
    number("median ms", (row) => formatNumber(row.medianMs, 2)),
    number("us/page", (row) => formatNumber(row.usPerPage, 2)),
    number("ns/PTE", (row) => formatNumber((row.usPerPage * 1000) / sharers(row))),
  ]);
}

type Size = "processes" | "pages";

/** From the smallest to the largest of one number, the others alike: by how much it, and the time, grows. */
function growth(rows: readonly SwapoffResult[], size: Size): string[] {
  const other: Size = size === "pages" ? "processes" : "pages";
  const most = Math.max(...rows.map((row) => row[other]));
  const line = rows.filter((row) => row[other] === most).sort((a, b) => a[size] - b[size]);
  const first = line[0];
  const last = line[line.length - 1];
  if (first === undefined || last === undefined || first === last) return [];
  const more = `${formatNumber(last[size] / first[size])} times the ${size}`;
  const range = `${formatNumber(first[size])} to ${formatNumber(last[size])}`;
  const times = formatNumber(last.medianMs / first.medianMs, 1);
  return [`${more} (${range}, ${formatNumber(most)} ${other}) take ${times} times as long`];
}

/** A sentence for each way and scene that was measured at two sizes or more. */
function growths({ results }: SwapoffDocument): string[] {
  const keys = distinct(results.map((row) => `${sceneOf(row)}: ${wayOf(row)}`));
  return keys.flatMap((key) => {
    const rows = results.filter((row) => `${sceneOf(row)}: ${wayOf(row)}` === key);
    const parts = [...growth(rows, "processes"), ...growth(rows, "pages")];
    return parts.length === 0 ? [] : [`${key}: ${parts.join("; ")}.`];
  });
}

const notes = (doc: SwapoffDocument): string[] => [
  ...growths(doc),
  ...(doc.interrupted ? ["Interrupted: the figures are of the rounds that were completed."] : []),
];

const inputLine = ({ results }: SwapoffDocument): string =>
  `swapoff of an area whose slots are all in use, ${counted(results[0]?.rounds ?? 0, "round")}`;

/** Table and sentences for the terminal. */
export function swapoffText(doc: SwapoffDocument, style: TextStyle = textStyle()): string {
  const { columns, rows } = tableOf(doc);
  return [
    `${inputLine(doc)}\n`,
    alignedTable(columns, rows, style),
    ...notes(doc).map((note) => `${note}\n`),
  ].join("\n");
}

/** Time over processes, at the most pages; and over pages, with the most processes; for one scene. */
function chartsOf(rows: readonly SwapoffResult[]): CurveChart[] {
  const sizes: Size[] = ["processes", "pages"];
  const varied = sizes.filter((size) => new Set(rows.map((row) => row[size])).size > 1);
  return (varied.length > 0 ? varied : sizes.slice(0, 1)).map((size): CurveChart => {
    const other: Size = size === "pages" ? "processes" : "pages";
    const most = Math.max(...rows.map((row) => row[other]));
    return {
      title: `${formatNumber(most)} ${other}`,
      ...{ xLabel: size, yLabel: "ms", logarithmic: true },
      points: rows
        .filter((row) => row[other] === most)
        .map((row) => ({ series: wayOf(row), x: row[size], y: row.medianMs })),
    };
  });
}

/** The curves of each scene. */
const scenesOf = (
  { results }: SwapoffDocument,
  ways: readonly string[],
): Promise<{ readonly scene: string; readonly charts: readonly Chart[] }[]> =>
  Promise.all(
    distinct(results.map(sceneOf)).map(async (scene) => {
      const rows = results.filter((row) => sceneOf(row) === scene);
      return { scene, charts: await drawCurves(chartsOf(rows), ways) };
    }),
  );

/** The curves of the page. */
export async function swapoffCharts(doc: SwapoffDocument): Promise<readonly Chart[]> {
  const ways = distinct(doc.results.map(wayOf));
  return (await scenesOf(doc, ways)).flatMap(({ scene, charts }) =>
    withLegend(charts, seriesLegend(ways)).map((chart) => ({
      ...chart,
      title: `${scene}, ${chart.title}`,
    })),
  );
}

/** One HTML file. `command`: the command line that made it. */
export async function swapoffHtml(doc: SwapoffDocument, command: string): Promise<string> {
  const ways = distinct(doc.results.map(wayOf));
  const scenes = await scenesOf(doc, ways);
  return htmlPage(TITLE, [
    `<h1>${escapeHtml(TITLE)}</h1>`,
    paragraph(inputLine(doc)),
    threadsCaption(doc, command),
    legend(seriesLegend(ways)),
    ...scenes.map(({ scene, charts }) => section(`Time: ${scene}`, [chartRow(charts)])),
    section("Results", [htmlTable(tableOf(doc)), ...notes(doc).map(paragraph)]),
    dataSection(doc),
  ]);
}
