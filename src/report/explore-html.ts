// The page of `racier explore --out` and `racier replay --out`: what was searched, what broke, and the
// interleaving step by step; for the hall, a table of all exhibits and the timeline of each that broke.

import type { ExploreDocument } from "../experiment/explore-document.ts";
import type { Exhibit } from "../experiment/explore-hall.ts";
import type { HostFacts } from "../experiment/host.ts";
import type { Timeline } from "../experiment/explore-timeline.ts";
import { countText, diagram, replayCommandOf, verdict } from "./explore-text.ts";
import { counted, formatDate, formatNumber } from "./format.ts";
import { hallTable } from "./hall-text.ts";
import { dataSection, escapeHtml, facts, htmlPage, htmlTable, paragraph, section } from "./page.ts";
import type { Html } from "./page.ts";
import { copyable, timelineData, timelineScript, timelineSection } from "./timeline/section.ts";
import { TIMELINE_CSS } from "./timeline/style.ts";

/** How a search was asked for. */
export interface Asked {
  /** The command line. */
  readonly command: string;
  /** "10 s", "1,000 executions"; undefined for a replay. */
  readonly budget: string | undefined;
}

/** An exhibit that may have a timeline. */
export type ShownExhibit = Exhibit & { readonly timeline: Timeline | undefined };

/** The page of one search or replay; a timeline is there if something broke, and for every replay. */
export function exploreHtml(
  doc: ExploreDocument,
  timeline: Timeline | undefined,
  asked: Asked,
): string {
  const title = doc.subject;
  return finish(title, doc, timeline === undefined ? [] : [timeline], [
    `<h1>${escapeHtml(title)}</h1>`,
    verdictBox(doc),
    facts([...searched(doc, asked), ...circumstances(doc.host, asked)]),
    ...(doc.failure === null ? [] : [again(doc.failure.schedule)]),
    ...(timeline === undefined
      ? []
      : [section("Step by step", [KEYS, timelineSection(timeline, 0)])]),
    ...(doc.failure === null ? [] : [section("For a commit message", [diagramBlock(doc)])]),
  ]);
}

/** The page of the hall. */
export function hallHtml(exhibits: readonly ShownExhibit[], asked: Asked): string {
  const title = "The hall: every scenario, with and without its measures";
  const found = exhibits.filter(({ document }) => document.failure !== null);
  const timelines = found.flatMap(({ timeline }) => (timeline === undefined ? [] : [timeline]));
  const host = exhibits[0]?.document.host;
  const races = found.map((exhibit) => raceFold(exhibit, timelines));
  const document = {
    command: "explore",
    exhibits: exhibits.map(({ scenario, title: meeting, kernel, without, document: doc }) => ({
      ...{ scenario, title: meeting, kernel, without, document: doc },
    })),
  };
  return finish(title, document, timelines, [
    `<h1>${escapeHtml(title)}</h1>`,
    paragraph(
      "A scenario is explored on each of its kernels as it is, and then without each measure against the race that it shows.",
    ),
    ...(host === undefined ? [] : [facts(circumstances(host, asked))]),
    section("Exhibits", [htmlTable(hallTable(exhibits))]),
    ...(races.length === 0 ? [] : [section("What broke, step by step", [KEYS, ...races])]),
  ]);
}

function finish(
  title: string,
  document: unknown,
  timelines: readonly Timeline[],
  body: readonly Html[],
): string {
  const parts = [...body, dataSection(document), timelineData(timelines)];
  return htmlPage(title, parts, { css: TIMELINE_CSS, script: timelineScript() });
}

const KEYS = `<p class="note">Arrow keys step, Home and End go to the ends, the space bar plays. Steps that matter
touch what another CPU touches too, or stand shortly before a switch; values are known from the first access on.</p>`;

function verdictBox(doc: ExploreDocument): Html {
  const { failure } = doc;
  if (failure === null) {
    return `<div class="verdict"><strong>${escapeHtml(verdict(doc))}</strong></div>`;
  }
  const message = failure.message.startsWith(`${failure.rule} `)
    ? failure.message.slice(failure.rule.length + 1)
    : failure.message;
  return `<div class="verdict broken"><strong>${escapeHtml(failure.rule)}</strong><p>${escapeHtml(message)}</p></div>`;
}

type Fact = readonly [string, Html];

function searched(doc: ExploreDocument, { budget }: Asked): Fact[] {
  const { failure } = doc;
  const cpus: Fact = [
    "Machine",
    escapeHtml(`${counted(doc.cpus, "CPU")}, code ${doc.fingerprint}`),
  ];
  const schedule: Fact[] =
    failure === null
      ? []
      : [
          [
            "Schedule",
            escapeHtml(
              `${counted(failure.shrunk.turns, "turn")}, ${counted(failure.shrunk.events, "event")}`,
            ),
          ],
        ];
  if (doc.command === "replay") return [cpus, ...schedule];
  const where =
    failure === null
      ? []
      : ([
          [
            "Found",
            escapeHtml(`by ${failure.strategy} in execution ${formatNumber(failure.execution)}`),
          ],
        ] satisfies Fact[]);
  const how = `strategy ${doc.strategy}, seed ${doc.seed}, budget ${budget ?? "none"}`;
  return [
    cpus,
    ["Search", escapeHtml(how)],
    ["Searched", escapeHtml(countText(doc))],
    ...where,
    ...schedule,
  ];
}

function circumstances(host: HostFacts, { command }: Asked): Fact[] {
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  return [
    ["Host", escapeHtml(machine)],
    ["Date", escapeHtml(formatDate(host.date))],
    ["Command", `<code>${escapeHtml(command)}</code>`],
  ];
}

const again = (schedule: string): Html => copyable(replayCommandOf(schedule), "line");

function diagramBlock(doc: ExploreDocument): Html {
  const { failure } = doc;
  if (failure === null) return "";
  const head = `${doc.subject}\n${failure.rule}: ${failure.message}\n\n`;
  return copyable(`${head}${diagram(failure.steps, doc.cpus)}\n`, "block");
}

function raceFold(exhibit: ShownExhibit, timelines: readonly Timeline[]): Html {
  const { document, timeline } = exhibit;
  const rule = document.failure?.rule ?? "";
  const parts = [
    verdictBox(document),
    again(document.failure?.schedule ?? ""),
    timeline === undefined ? "" : timelineSection(timeline, timelines.indexOf(timeline)),
    diagramBlock(document),
  ];
  const summary = `${escapeHtml(document.subject)} <span>${escapeHtml(rule)}</span>`;
  return `<details><summary>${summary}</summary>\n${parts.join("\n")}\n</details>`;
}
