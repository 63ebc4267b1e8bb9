// --out FILE of `racier explore` and `racier replay`: a page, a document or a trace, by the end of its name.

import { writeFileSync } from "node:fs";
import type { Off } from "../experiment/explore.ts";
import type { ExploreDocument } from "../experiment/explore-document.ts";
import type { Exhibit } from "../experiment/explore-hall.ts";
import { recordTimeline, type Timeline } from "../experiment/explore-timeline.ts";
import { ConfigError } from "../kernel/error.ts";
import { exploreHtml, hallHtml, type ShownExhibit } from "../report/explore-html.ts";
import { counted, formatNumber } from "../report/format.ts";
import { traceDocument, type TracedRun } from "../report/trace-events.ts";
import { checkOut } from "./out.ts";

const KINDS = [
  [/\.(trace|perfetto)\.json$/i, "trace"],
  [/\.json$/i, "json"],
  [/\.html?$/i, "html"],
] as const;

/** A file to be written. */
export interface OutFile {
  readonly path: string;
  readonly kind: (typeof KINDS)[number][1];
}

/** What the help says of --out. */
export const OUT_HELP =
  "write a file: .html, a page to step through; .json, the document; .trace.json or .perfetto.json, for Perfetto";

/** The file that --out names. Throws ConfigError if it could not be written. */
export function outFile(path: string): OutFile {
  const kind = KINDS.find(([suffix]) => suffix.test(path))?.[1];
  if (kind === undefined) {
    throw new ConfigError(
      `--out takes a file that ends in .html, .json, .trace.json or .perfetto.json, not "${path}"`,
    );
  }
  checkOut(path);
  return { path, kind };
}

/** What a file tells of how a search was asked for. */
export interface Circumstances {
  readonly off: Off;
  /** Of a search. */
  readonly budget?: { readonly seconds: number; readonly executions: number };
}

/** The schedule to be shown: that of a replay, else the one that broke something. */
const shownSchedule = (doc: ExploreDocument, replayed?: string): string | undefined =>
  replayed ?? doc.failure?.schedule;

async function timelineOf(line: string | undefined, off: Off): Promise<Timeline | undefined> {
  return line === undefined ? undefined : await recordTimeline(line, off);
}

/** Writes the file of one search, or of the replay of a schedule. */
export async function writeRun(
  { path, kind }: OutFile,
  doc: ExploreDocument,
  asked: Circumstances & { readonly schedule?: string },
): Promise<void> {
  if (kind === "json") {
    write(path, jsonText(doc));
    return;
  }
  const timeline = await timelineOf(shownSchedule(doc, asked.schedule), asked.off);
  if (kind === "html") {
    write(path, exploreHtml(doc, timeline, { command: commandLine(), budget: budgetText(asked) }));
    return;
  }
  const { subject, failure } = doc;
  write(path, traceText(timeline === undefined ? [] : [{ subject, failure, timeline }]));
}

/** Writes the file of the hall. */
export async function writeHall(
  { path, kind }: OutFile,
  exhibits: readonly Exhibit[],
  asked: Circumstances,
): Promise<void> {
  if (kind === "json") {
    write(path, jsonText({ command: "explore", exhibits }));
    return;
  }
  const shown: ShownExhibit[] = [];
  for (const exhibit of exhibits) {
    const line = shownSchedule(exhibit.document);
    shown.push({ ...exhibit, timeline: await timelineOf(line, asked.off) });
  }
  if (kind === "html") {
    write(path, hallHtml(shown, { command: commandLine(), budget: budgetText(asked) }));
    return;
  }
  const runs = shown.flatMap(({ document: { subject, failure }, timeline }): TracedRun[] =>
    timeline === undefined ? [] : [{ subject, failure, timeline }],
  );
  write(path, traceText(runs));
}

const jsonText = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;

function traceText(runs: readonly TracedRun[]): string {
  if (runs.length === 0) process.stderr.write("nothing broke: the trace is empty\n");
  return `${JSON.stringify(traceDocument(runs, commandLine()))}\n`;
}

const commandLine = (): string => `racier ${process.argv.slice(2).join(" ")}`;

function budgetText({ budget }: Circumstances): string | undefined {
  if (budget === undefined) return undefined;
  const { seconds, executions } = budget;
  return seconds === Infinity ? counted(executions, "execution") : `${formatNumber(seconds)} s`;
}

function write(path: string, text: string): void {
  writeFileSync(path, text);
  process.stderr.write(`written to ${path}\n`);
}
