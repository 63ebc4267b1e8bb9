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

/** A line of the diagram; `event` is empty where it tells of no step. */
interface Line {
  readonly event: string;
  readonly cpu: number;
  readonly text: string;
}

/** The lines of the steps; where a turn starts and after a gap, the locks that the CPU holds. */
function linesOf(steps: readonly ExploreStep[]): Line[] {
  const told: string[] = [];
  let last: ExploreStep | null = null;
  return shown(steps).flatMap((step): Line[] => {
    const previous = last;
    last = step;
    if (step === null) return [{ event: "", cpu: 0, text: "..." }];
    const { cpu, event } = step;
    const line = { event: String(event), cpu, text: stepText(step) };
    const locks = locksText(step.locks);
    const isToBeTold = previous === null ? locks !== told[cpu] : previous.cpu !== cpu;
    if (!isToBeTold) return [line];
    told[cpu] = locks;
    return locks === "" ? [line] : [{ event: "", cpu, text: `holds ${locks}` }, line];
  });
}

/** Locks by the object that they are in: "mm[3.1]: mmap_sem, page_table_lock; zone[0]: lock". */
export function locksText(locks: readonly string[]): string {
  const objects = new Map<string, string[]>();
  for (const lock of locks) {
    const [, object = "", name = lock] = /^(\w+\[.*?\])\.(.*)$/.exec(lock) ?? [];
    objects.set(object, [...(objects.get(object) ?? []), name]);
  }
  const texts = [...objects].map(([object, names]) => [object, names.join(", ")].filter(Boolean));
  return texts.map((parts) => parts.join(": ")).join("; ");
}

/** The diagram: time runs down, a column for each CPU. */
export function diagram(steps: readonly ExploreStep[], cpus: number): string {
  const lines = linesOf(steps);
  const digits = String(steps.at(-1)?.event ?? 0).length;
  const widths = Array.from({ length: cpus }, (_, cpu) => {
    const texts = lines.filter((line) => line.cpu === cpu).map(({ text }) => text);
    return Math.max(`CPU ${cpu}`.length, ...texts.map((text) => text.length)) + GAP;
  });
  const place = (cpu: number, text: string): string => {
    const before = widths.slice(0, cpu).reduce((sum, width) => sum + width, 0);
    return `${" ".repeat(before)}${text}`;
  };
  const heads = widths.map((width, cpu) => `CPU ${cpu}`.padEnd(width)).join("");
  const body = lines.map(
    ({ event, cpu, text }) => `${event.padStart(digits)}  ${place(cpu, text)}`,
  );
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
  const again = `again: ${replayCommandOf(failure.schedule)}`;
  return [head, how, "", diagram(failure.steps, doc.cpus), "", again].join("\n");
}

/** The command that runs a schedule again, for a shell. */
export function replayCommandOf(schedule: string): string {
  return `racier replay '${schedule.replaceAll("'", `'\\''`)}'`;
}

/** How much was searched. */
export function countText(doc: ExploreDocument): string {
  const rate = doc.executions / Math.max(doc.seconds, 1e-9);
  const redundant = doc.redundant > 0 ? `, ${formatNumber(doc.redundant)} of them redundant` : "";
  const count = `${formatNumber(doc.executions)} executions${redundant}, ${doc.seconds.toFixed(1)} s`;
  const speed = doc.command === "replay" ? "" : `, ${formatNumber(Math.round(rate))} a second`;
  return `${count}${speed}`;
}

/** What was found, or that nothing was. */
export function exploreText(doc: ExploreDocument): string {
  const head = `${doc.subject}: ${doc.cpus} CPUs, ${countText(doc)}`;
  if (doc.failure !== null) return `${head}\n${failureText(doc, doc.failure)}\n`;
  return `${head}\n${verdict(doc)}\n`;
}

/** What a search that found nothing has shown. */
export function verdict({ complete, ended, command }: ExploreDocument): string {
  if (command === "replay") return "nothing broke in this schedule";
  if (ended === "complete" && complete !== null) return `complete: ${complete} is right`;
  const shown = complete === null ? "" : `; complete: ${complete} is right`;
  if (ended === "interrupted") return `ended early: nothing broke so far${shown}`;
  return `nothing broke within the budget${shown}; other interleavings remain`;
}
