// The frame of a report page: one HTML file that needs nothing else, no network, and no script but one of
// ours, if there is one. Light and dark follow the reader's system; on a phone, charts stand below each other
// and tables scroll sideways. The content security policy forbids what a page like this never needs, should
// escaping ever fail: of scripts, all but the one whose hash it names.

import { createHash } from "node:crypto";
import type { Chart, LegendEntry } from "./plot.ts";
import type { ReportTable } from "./rows.ts";

/** Text that is HTML already. Everything else passes through `escapeHtml` first. */
export type Html = string;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Id of the script element that holds the document of a page as JSON. */
export const DATA_ID = "racier-document";

/** Makes text safe between tags and in quoted attributes. */
export function escapeHtml(text: string): Html {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? char);
}

/**
 * Embeds a JSON document that a script or a person can take out again; the browser does not run it.
 */
export function jsonBlock(id: string, value: unknown, indent = 1): Html {
  const json = JSON.stringify(value, null, indent).replace(/</g, "\\u003c");
  return `<script type="application/json" id="${escapeHtml(id)}">\n${json}\n</script>`;
}

/** What a page has beyond its body. Both are text of ours. */
export interface PageExtras {
  /** Style rules after those of every page. */
  readonly css?: string;
  /** A module script, run when the body is there. */
  readonly script?: string;
}

/** The whole file. */
export function htmlPage(title: string, body: readonly Html[], extras: PageExtras = {}): Html {
  const { css = "", script } = extras;
  if (script !== undefined && /<\/script|<!--/i.test(script)) {
    throw new Error("a script that ends early");
  }
  const hash =
    script === undefined ? undefined : createHash("sha256").update(script).digest("base64");
  const scripts = hash === undefined ? "" : `; script-src 'sha256-${hash}'`;
  const code = script === undefined ? "" : `\n<script type="module">${script}</script>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:${scripts}">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${CSS}${css}</style>
</head>
<body>
<main>
${body.join("\n")}
</main>${code}
</body>
</html>
`;
}

/** A heading and what stands under it. */
export function section(title: string, parts: readonly Html[]): Html {
  return `<section>\n<h2>${escapeHtml(title)}</h2>\n${parts.join("\n")}\n</section>`;
}

/** A paragraph of plain text. */
export function paragraph(text: string): Html {
  return `<p>${escapeHtml(text)}</p>`;
}

/** Names and values for the caption of a report; names are plain text. */
export function facts(entries: readonly (readonly [string, Html])[]): Html {
  const rows = entries.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${value}</dd>`);
  return `<dl>${rows.join("\n")}</dl>`;
}

/** The end of a report: the document that it shows. */
export function dataSection(doc: unknown): Html {
  return section("Data", [
    `<p>The document that <code>--json</code> prints is in this file, in the element ` +
      `<code>script#${DATA_ID}</code>.</p>`,
    jsonBlock(DATA_ID, doc),
  ]);
}

/** Charts side by side where there is room; nothing for no charts. */
export function chartRow(charts: readonly Chart[]): Html {
  if (charts.length === 0) return "";
  const figures = charts.map(
    ({ title, svg, legend: entries }) =>
      `<figure><figcaption>${escapeHtml(title)}</figcaption>${entries === undefined ? "" : legend(entries)}${svg}</figure>`,
  );
  return `<div class="charts">${figures.join("\n")}</div>`;
}

/** What the colours of charts mean. `colour` is a CSS colour of ours, not text from outside. */
export function legend(entries: readonly LegendEntry[]): Html {
  const items = entries.map(
    ({ label, colour }) => `<li><i style="background:${colour}"></i>${escapeHtml(label)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** A table that scrolls sideways when it must. */
export function htmlTable({ columns, rows }: ReportTable): Html {
  const cells = (tag: "th" | "td", texts: readonly string[]): Html =>
    texts
      .map(
        (text, i) => `<${tag} class="${columns[i]?.align ?? "left"}">${escapeHtml(text)}</${tag}>`,
      )
      .join("");
  const header = cells(
    "th",
    columns.map((column) => column.header),
  );
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n");
  return `<div class="scroll" tabindex="0"><table>
<thead><tr>${header}</tr></thead>
<tbody>
${body}
</tbody>
</table></div>`;
}

/** The colours of pages and pictures, light and dark. */
export const COLOURS_CSS = `
:root {
  --page: #ffffff; --text: #1d1f24; --muted: #6b7280; --line: #d9dce1; --raised: #f5f6f8;
  --series-0: #3b5fc9; --series-1: #d9480f; --series-2: #2b8a3e;
  --series-3: #9c36b5; --series-4: #0b7285; --series-5: #a0670b;
  --phase-0: #4269d0; --phase-1: #e3a50f; --phase-2: #f2604a; --phase-3: #5bb8a2;
  --phase-4: #96674b; --phase-5: #a463f2; --phase-6: #a3a8b0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --text: #e4e6ea; --muted: #9aa1ac; --line: #353a43; --raised: #1e2127;
    --series-0: #86a5ff; --series-1: #ff9457; --series-2: #69db7c;
    --series-3: #da9bf0; --series-4: #66d9e8; --series-5: #f0c15a;
    --phase-0: #6f92f0; --phase-1: #efb73e; --phase-2: #ff7f6b; --phase-3: #74cdb8;
    --phase-4: #b98a6c; --phase-5: #b98cf5; --phase-6: #7d838d;
  }
}
`;

const CSS = `
${COLOURS_CSS}* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.2rem; margin: 40px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
p { margin: 8px 0; max-width: 46rem; }
.note { color: var(--muted); font-size: 0.9rem; }
dl {
  display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 16px; margin: 16px 0;
  padding: 12px 16px; background: var(--raised); border-radius: 8px; font-size: 0.9rem;
}
dt { color: var(--muted); }
dd { margin: 0; }
code { font-family: ui-monospace, monospace; }
dd code { white-space: nowrap; display: block; overflow-x: auto; }
ul.findings { padding-left: 1.2em; margin: 8px 0; }
.split { display: flex; flex-wrap: wrap; gap: 8px 32px; align-items: flex-start; }
.split > * { flex: 1 1 320px; min-width: 0; }
.charts { display: flex; flex-wrap: wrap; gap: 16px 24px; margin: 12px 0; }
figure { margin: 0; flex: 0 1 360px; min-width: 0; }
figcaption { font-weight: 600; }
svg text { font-variant-numeric: tabular-nums; }
svg [aria-label="x-grid"] { stroke: var(--line); stroke-opacity: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 12px 0; padding: 0; list-style: none; }
.legend i {
  display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 2px;
}
figure .legend { margin: 2px 0; font-size: 0.85rem; }
.scroll { overflow-x: auto; margin: 12px 0; overflow-wrap: normal; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; white-space: pre; text-align: left; }
th { font-weight: 600; border-bottom: 1px solid var(--muted); }
td { border-bottom: 1px solid var(--line); }
.right { text-align: right; padding-left: 8px; }
`;
