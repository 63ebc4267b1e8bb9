// The charts of a report as one picture, for documents that cannot hold a page.

import type { HostFacts } from "../experiment/host.ts";
import { counted, formatDate } from "./format.ts";
import { COLOURS_CSS, escapeHtml } from "./page.ts";
import { WIDTH_PX, type Chart } from "./plot.ts";

const COLUMNS = 2;
const GAP_PX = 24;
const HEAD_PX = 48;
const LINE_PX = 17;
/** Characters of the command in a line. */
const LINE = 100;
const TITLE_PX = 20;
const LEGEND_LINE_PX = 18;
/** Entries of a legend in a line. */
const LEGEND_COLUMNS = 3;

/** Draws the picture, one SVG file. `command`: the command line that made it. */
export function picture(
  charts: readonly Chart[],
  { host, version }: { readonly host: HostFacts; readonly version: string },
  command: string,
): string {
  const rows = Array.from({ length: Math.ceil(charts.length / COLUMNS) }, (_, row) =>
    charts.slice(row * COLUMNS, (row + 1) * COLUMNS),
  );
  const lines = wrapped(command);
  const head = HEAD_PX + (lines.length - 1) * LINE_PX;
  const commandLines = lines.map((line, i) => {
    const y = 20 + i * LINE_PX;
    return `<text x="${GAP_PX}" y="${y}" fill="currentColor" font-weight="600">${escapeHtml(line)}</text>`;
  });
  let top = head;
  const cells: string[] = [];
  for (const row of rows) {
    row.forEach((chart, column) =>
      cells.push(cell(chart, GAP_PX + column * (WIDTH_PX + GAP_PX), top)),
    );
    top += Math.max(...row.map(heightOf)) + GAP_PX;
  }
  const width = GAP_PX + COLUMNS * (WIDTH_PX + GAP_PX);
  const where = `${host.cpuModel}, ${counted(host.cores, "core")}; racier ${version}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}">
<style>${COLOURS_CSS}
svg { color: var(--text); font: 12px system-ui, sans-serif; }
svg [aria-label="y-grid"] { stroke: var(--line); stroke-opacity: 1; }
</style>
<rect width="100%" height="100%" fill="var(--page)"/>
${commandLines.join("\n")}
<text x="${GAP_PX}" y="${head - 11}" fill="var(--muted)">${escapeHtml(`${where}, ${formatDate(host.date)}`)}</text>
${cells.join("\n")}
</svg>
`;
}

/** The words of a command in lines that fit. */
function wrapped(command: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of command.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || longer.length <= LINE) {
      line = longer;
    } else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

const legendPx = ({ legend = [] }: Chart): number =>
  Math.ceil(legend.length / LEGEND_COLUMNS) * LEGEND_LINE_PX;

const heightOf = (chart: Chart): number =>
  TITLE_PX + legendPx(chart) + Number(/\bheight="(\d+)"/.exec(chart.svg)?.[1] ?? 0);

/** A chart with its title and what its colours mean. */
function cell(chart: Chart, x: number, y: number): string {
  const entries = (chart.legend ?? []).map(({ label, colour }, i) => {
    const left = (i % LEGEND_COLUMNS) * (WIDTH_PX / LEGEND_COLUMNS);
    const base = TITLE_PX + Math.floor(i / LEGEND_COLUMNS) * LEGEND_LINE_PX + 10;
    const square = `<rect x="${left}" y="${base - 10}" width="11" height="11" fill="${colour}"/>`;
    return `${square}<text x="${left + 16}" y="${base}" fill="currentColor">${escapeHtml(label)}</text>`;
  });
  const title = `<text y="12" fill="currentColor" font-weight="600">${escapeHtml(chart.title)}</text>`;
  const drawing = `<g transform="translate(0 ${TITLE_PX + legendPx(chart)})">${chart.svg}</g>`;
  return `<g transform="translate(${x} ${y})">${title}${entries.join("")}${drawing}</g>`;
}
