// The outcome of `racier explore` for the terminal: what was searched, and what broke as a diagram with a
// column for each CPU, ready for a commit message.

import type {
  ExploreDocument,
  ExploreFailure,
  ExploreStep,
} from "../experiment/explore-document.ts";
import { formatNumber, printable } from "./format.ts";

/** Steps of a diagram, at most; of more, those around the switches are shown. */
const MAX_STEPS = 48;
const AROUND = 3;
const GAP = 2;

/** What a step does, in the words of the diagram. */
function stepText(step: ExploreStep): string {
  const where = `${step.function}:`;
  if (step.before === null) return `${where} ${step.kind} ${step.object}`;
  if (step.after === null) {
    const what = step.kind === "wait" ? "waits while" : "reads";
    return `${where} ${what} ${step.object} = ${step.before}`;
  }
  const isVain = step.kind === "cmpxchg" && step.before === step.after;
  return `${where} ${step.object} ${step.before} -> ${step.after}${isVain ? " (fails)" : ""}`;
}

/** Steps to be shown; null stands for some that are left out. */
function shown(steps: readonly ExploreStep[]): (ExploreStep | null)[] {
  if (steps.length <= MAX_STEPS) return [...steps];
  const near = (index: number): boolean =>
    index < AROUND ||
    index >= steps.length - 2 * AROUND ||
    steps.slice(Math.max(0, index - AROUND), index + AROUND + 1).some(({ isSwitch }) => isSwitch);
  const kept = steps.map((step, index) => (near(index) ? step : null));
  return kept.filter((step, index) => step !== null || kept[index - 1] !== null);
}

/** The diagram: time runs down, a column for each CPU. */
export function diagram(steps: readonly ExploreStep[], cpus: number): string {
  const lines = shown(steps);
  const digits = String(steps.at(-1)?.event ?? 0).length;
  const widths = Array.from({ length: cpus }, (_, cpu) => {
    const texts = lines
      .filter((step) => step?.cpu === cpu)
      .map((step) => stepText(step as ExploreStep));
    return Math.max(`CPU ${cpu}`.length, ...texts.map((text) => text.length)) + GAP;
  });
  const place = (cpu: number, text: string): string => {
    const before = widths.slice(0, cpu).reduce((sum, width) => sum + width, 0);
    return `${" ".repeat(before)}${text}`;
  };
  const heads = widths.map((width, cpu) => `CPU ${cpu}`.padEnd(width)).join("");
  const body = lines.map((step) => {
    if (step === null) return `${" ".repeat(digits)}  ...`;
    return `${String(step.event).padStart(digits)}  ${place(step.cpu, stepText(step))}`;
  });
  return [`${" ".repeat(digits)}  ${heads.trimEnd()}`, ...body].map(printable).join("\n");
}

function failureText(doc: ExploreDocument, failure: ExploreFailure): string {
  const { found, shrunk } = failure;
  const simpler =
    found.turns === shrunk.turns && found.events === shrunk.events
      ? `${shrunk.turns} turns, ${shrunk.events} events`
      : `${shrunk.turns} turns, ${shrunk.events} events (found with ${found.turns} turns, ${found.events} events)`;
  const head = `${failure.rule}: ${printable(failure.message)}`;
  const how =
    doc.command === "replay"
      ? simpler
      : `execution ${formatNumber(failure.execution)}, ${failure.strategy}; ${simpler}`;
  const again = `again: racier replay '${failure.schedule}'`;
  return [head, how, "", diagram(failure.steps, doc.cpus), "", again].join("\n");
}

/** What was found, or that nothing was. */
export function exploreText(doc: ExploreDocument): string {
  const rate = doc.executions / Math.max(doc.seconds, 1e-9);
  const redundant = doc.redundant > 0 ? `, ${formatNumber(doc.redundant)} of them redundant` : "";
  const count = `${formatNumber(doc.executions)} executions${redundant}, ${doc.seconds.toFixed(1)} s`;
  const speed = doc.command === "replay" ? "" : `, ${formatNumber(Math.round(rate))} a second`;
  const head = `${doc.subject}: ${doc.cpus} CPUs, ${count}${speed}`;
  if (doc.failure !== null) return `${head}\n${failureText(doc, doc.failure)}\n`;
  return `${head}\n${verdict(doc)}\n`;
}

function verdict({ complete, ended, command }: ExploreDocument): string {
  if (command === "replay") return "nothing broke in this schedule";
  if (ended === "complete" && complete !== null) return `complete: ${complete} is right`;
  const shown = complete === null ? "" : `; complete: ${complete} is right`;
  if (ended === "interrupted") return `ended early: nothing broke so far${shown}`;
  return `nothing broke within the budget${shown}; other interleavings remain`;
}
