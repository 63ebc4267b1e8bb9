// The HTML report of `racier locks`: curves, figures of each lock, trylock beside spinlock, what measuring
// costs, and the data. Results with more CPUs than cores have a section and charts of their own.

import type { LockResult, LocksDocument } from "../../experiment/locks/document.ts";
import { counted, formatDate } from "../format.ts";
import {
  chartRow,
  dataSection,
  escapeHtml,
  facts,
  htmlPage,
  htmlTable,
  paragraph,
  section,
  type Html,
} from "../page.ts";
import { withinCores } from "../plot.ts";
import { OVERSUBSCRIBED_MARK } from "../rows.ts";
import { drawCharts, type LockCharts } from "./charts.ts";
import { costLine, costTable, failures, fairnessTable, footnotes, loadLine } from "./rows.ts";
import { trylockTable, trylockWords } from "./trylock.ts";
import { lockWords } from "./words.ts";

/**
 * Writes the report as one self-contained HTML file.
 * @param command the command line that made it, for the caption
 */
export async function locksHtml(doc: LocksDocument, command: string): Promise<string> {
  const title = `Locks: ${doc.locks.map(({ name }) => name).join(", ")}`;
  const fair = withinCores(doc.results);
  const crowded = doc.results.filter(({ oversubscribed }) => oversubscribed);
  const only = (results: LockResult[]): LocksDocument => ({ ...doc, results });
  return htmlPage(title, [
    `<h1>${escapeHtml(title)}</h1>`,
    paragraph(loadLine(doc)),
    caption(doc, command),
    ...failures(doc).map((sentence) => `<div class="verdict"><p>${escapeHtml(sentence)}</p></div>`),
    ...(doc.results.length === 0 ? [paragraph("Nothing was measured.")] : []),
    ...trylock(doc),
    ...summary(doc),
    ...(fair.length === 0 ? [] : figures(only(fair), await drawCharts(doc, false))),
    ...(crowded.length === 0 ? [] : [await crowd(only(crowded))]),
    section("What measuring costs", [
      paragraph(costLine(doc)),
      ...footnotes(doc).map((note) => `<p class="note">${escapeHtml(note)}</p>`),
    ]),
    dataSection(doc),
  ]);
}

function caption(doc: LocksDocument, command: string): Html {
  const { host } = doc;
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  const rounds = `${doc.rounds}, interleaved${doc.interrupted ? "; interrupted" : ""}`;
  return facts([
    ["Host", escapeHtml(machine)],
    ["Version", escapeHtml(`racier ${doc.version}`)],
    ["Rounds", escapeHtml(rounds)],
    ["Date", escapeHtml(formatDate(host.date))],
    ["Command", `<code>${escapeHtml(command)}</code>`],
  ]);
}

function trylock(doc: LocksDocument): Html[] {
  if (doc.trylock.length === 0) return [];
  const words = trylockWords(doc);
  const sentences = words.slice(0, -1).map((sentence) => `<li>${escapeHtml(sentence)}</li>`);
  return [
    section("Trylock beside spinlock", [
      ...words.slice(-1).map(paragraph),
      `<ul class="findings">${sentences.join("\n")}</ul>`,
      htmlTable(trylockTable(doc)),
    ]),
  ];
}

function summary(doc: LocksDocument): Html[] {
  const sentences = doc.trylock.length > 0 ? [] : lockWords(doc);
  if (sentences.length === 0) return [];
  const items = sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`);
  return [section("What was found", [`<ul class="findings">${items.join("\n")}</ul>`])];
}

const CURVES =
  "Dot: median over the rounds. Bar: its 95 % interval. Charts of one load have one scale.";
const FIGURES =
  "“lock ns” is CPU time of an acquisition without that of the same load with no lock; on one CPU that is what the lock costs, " +
  "on several it has the waiting in it. A change in brackets was not shown to be one.";
const WAITS =
  "From asking for the lock to having it. A straight climb to the right is a lock that makes some wait long.";
const FAIRNESS =
  "Jain’s index is 1 when all CPUs got the same, and 1/CPUs when one got all. “same CPU”: turns that went to the CPU " +
  "that had the turn before. “passed”: most turns of others between two of a CPU.";

function figures(doc: LocksDocument, charts: LockCharts): Html[] {
  return [
    ...(charts.curves.length === 0
      ? []
      : [section("Curves", [paragraph(CURVES), chartRow(charts.curves)])]),
    section("Throughput", [
      paragraph(FIGURES),
      chartRow(charts.throughput),
      htmlTable(costTable(doc)),
    ]),
    section("Time to get the lock", [paragraph(WAITS), chartRow(charts.waits)]),
    section("Who gets it", [paragraph(FAIRNESS), htmlTable(fairnessTable(doc))]),
  ];
}

async function crowd(doc: LocksDocument): Promise<Html> {
  const { curves, throughput, waits } = await drawCharts(doc, true);
  return section(`${OVERSUBSCRIBED_MARK} More CPUs than ${counted(doc.host.cores, "core")}`, [
    paragraph(
      "Here CPUs wait for a core, and so may who has the lock: compare these figures with none above.",
    ),
    chartRow([...curves, ...throughput, ...waits]),
    htmlTable(costTable(doc)),
    htmlTable(fairnessTable(doc)),
  ]);
}
