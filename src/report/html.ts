// The HTML report of `racier fork`: what was found, how long it took, where the time went, and the
// data. Results with more CPUs than cores have a section and charts of their own.

import type { ForkDocument, ForkResult } from "../experiment/fork-document.ts";
import { loadCharts, phaseColour } from "./chart.ts";
import type { ChartMaker } from "./chart.ts";
import { counted, formatDate } from "./format.ts";
import { chartRow, escapeHtml, facts, htmlPage, htmlTable } from "./page.ts";
import { dataSection, legend, paragraph, section } from "./page.ts";
import type { Html } from "./page.ts";
import { kernelsOf, withLegend, withinCores, type Chart } from "./plot.ts";
import { comparisonSentences, comparisonTable, fairComparisons, footnotes } from "./rows.ts";
import { inputLine, OVERSUBSCRIBED_MARK, PHASES, resultTable, sortedResults } from "./rows.ts";

/**
 * Writes the report as one self-contained HTML file.
 * @param command the command line that made it, for the caption
 */
export async function forkHtml(doc: ForkDocument, command: string): Promise<string> {
  const charts = await loadCharts();
  const kernels = kernelsOf(doc.results);
  const title = `Fork of ${doc.input.source}: ${kernels.join(", ")}`;
  const body =
    doc.results.length === 0
      ? [paragraph("No round was completed.")]
      : [...findings(doc, charts), ...fairResults(doc, charts), ...crowdedResults(doc, charts)];
  return htmlPage(title, [
    `<h1>${escapeHtml(title)}</h1>`,
    paragraph(inputLine(doc)),
    caption(doc, kernels, command),
    ...body,
    dataSection(doc),
  ]);
}

function caption(doc: ForkDocument, kernels: readonly string[], command: string): Html {
  const { host } = doc;
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  const rounds = `${doc.rounds}, interleaved${doc.interrupted ? "; interrupted" : ""}`;
  return facts([
    ["Kernels", escapeHtml(kernels.join(", "))],
    ["Engine", "threads: one real thread for each CPU, times measured on the host"],
    ["Host", escapeHtml(machine)],
    ["Version", escapeHtml(`racier ${doc.version}`)],
    ["Rounds", escapeHtml(rounds)],
    ["Date", escapeHtml(formatDate(host.date))],
    ["Command", `<code>${escapeHtml(command)}</code>`],
  ]);
}

function findings(doc: ForkDocument, charts: ChartMaker): Html[] {
  const notes = footnotes(doc).map((note) => `<p class="note">${escapeHtml(note)}</p>`);
  const comparisons = fairComparisons(doc);
  if (comparisons.length === 0) return notes;
  const sentences = comparisonSentences(doc).map((sentence) => `<li>${prose(sentence)}</li>`);
  const changes = chartRow(charts.changes(comparisons));
  const list = `<ul class="findings">${sentences.join("\n")}</ul>`;
  return [
    section("What was found", [
      `<div class="split"><div>${list}${HOW_TO_READ}</div>${changes}</div>`,
      htmlTable(comparisonTable(doc)),
      ...notes,
    ]),
  ];
}

const HOW_TO_READ = `<p class="note">“x&nbsp;% faster” means that the median takes x&nbsp;% less time.
The interval is a 95&nbsp;% bootstrap interval over rounds in which the kernels took turns; an interval
that contains 0 shows no difference.</p>`;

/** A sentence whose numbers keep their percent sign on the same line. */
function prose(sentence: string): Html {
  return escapeHtml(sentence).replace(/(\d) %/g, "$1&nbsp;%");
}

function fairResults(doc: ForkDocument, charts: ChartMaker): Html[] {
  const fair = withinCores(sortedResults(doc));
  return [
    section("Time of one operation", [
      paragraph("Dot: median. Bar: 5th to 95th percentile. Each CPU forks a process of its own."),
      chartRow(charts.times(fair)),
      htmlTable(resultTable(doc, "times")),
    ]),
    section("Where the time went", [
      PHASE_LEGEND,
      chartRow(charts.phases(fair)),
      htmlTable(resultTable(doc, "phases")),
    ]),
  ];
}

function crowdedResults(doc: ForkDocument, charts: ChartMaker): Html[] {
  const crowded: ForkResult[] = sortedResults(doc).filter((result) => result.oversubscribed);
  if (crowded.length === 0) return [];
  const cores = counted(doc.host.cores, "core");
  return [
    section(`${OVERSUBSCRIBED_MARK} More CPUs than ${cores}`, [
      paragraph(
        "Here CPUs wait for a core: compare these times neither with those above nor with each other.",
      ),
      chartRow(charts.times(crowded)),
      PHASE_LEGEND,
      chartRow(charts.phases(crowded)),
    ]),
  ];
}

const PHASE_COLOURS = PHASES.map(({ label }, index) => ({ label, colour: phaseColour(index) }));
const PHASE_LEGEND = legend(PHASE_COLOURS);

/** The charts of the page, within the cores. */
export async function forkCharts(doc: ForkDocument): Promise<readonly Chart[]> {
  const charts = await loadCharts();
  const fair = withinCores(sortedResults(doc));
  const titled = (all: readonly Chart[], what: string): Chart[] =>
    all.map((chart) => ({ ...chart, title: `${chart.title}: ${what}` }));
  return [
    ...titled(charts.changes(fairComparisons(doc)), "change"),
    ...titled(charts.times(fair), "time"),
    ...titled(withLegend(charts.phases(fair), PHASE_COLOURS), "where it went"),
  ];
}
