// A timeline in the trace event format of Chrome, which Perfetto (ui.perfetto.dev) and chrome://tracing
// load: a process for each interleaving, a thread for each of its CPUs, a slice for each run of steps in one
// function, and in it one for each step. Time is logical: a step takes 1 µs, and says nothing of real time.
// The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

import type { ExploreFailure } from "../experiment/explore-document.ts";
import type { Timeline, TimelineEvent } from "../experiment/explore-timeline.ts";

/** One interleaving to be shown. */
export interface TracedRun {
  readonly subject: string;
  readonly timeline: Timeline;
  readonly failure: ExploreFailure | null;
}

/** One event of the format; ts and dur in µs. */
export interface TraceEvent {
  readonly name: string;
  /** M: says something of a track; X: a slice; i: an instant. */
  readonly ph: "M" | "X" | "i";
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  /** Scope of an instant: t, its thread; g, all. */
  readonly s?: "t" | "g";
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The file. */
export interface TraceDocument {
  readonly displayTimeUnit: "ns";
  readonly traceEvents: readonly TraceEvent[];
  readonly otherData: Readonly<Record<string, unknown>>;
}

/** The trace of some interleavings, of none if nothing broke. */
export function traceDocument(runs: readonly TracedRun[], command: string): TraceDocument {
  return {
    displayTimeUnit: "ns",
    traceEvents: runs.flatMap((run, index) => traceOf(run, index + 1)),
    otherData: {
      producer: "racier",
      command,
      time: "logical: 1 step = 1 µs; step n begins at n - 1 µs",
      schedules: runs.map(({ timeline }) => timeline.schedule),
    },
  };
}

function traceOf({ subject, timeline, failure }: TracedRun, pid: number): TraceEvent[] {
  const named = (name: string, tid: number, text: string): TraceEvent => ({
    ...{ name, ph: "M", pid, tid, ts: 0, args: { name: text } },
  });
  const cpus = Array.from({ length: timeline.cpus }, (_, cpu) => cpu);
  const tracks = cpus.map((cpu) => named("thread_name", cpu, `CPU ${cpu}`));
  const { events } = timeline;
  return [
    named("process_name", 0, subject),
    ...tracks,
    ...runsOf(events).flatMap((run) => [
      functionSlice(run, pid),
      ...run.map((event) => stepSlice(event, timeline, pid)),
    ]),
    ...events.filter(({ isSwitch }) => isSwitch).map((event) => switchInstant(event, pid)),
    ...(failure === null ? [] : [failureInstant(failure, events.length, pid)]),
  ];
}

/** Consecutive steps of one CPU in one function. */
function runsOf(events: readonly TimelineEvent[]): TimelineEvent[][] {
  const runs: TimelineEvent[][] = [];
  for (const [index, event] of events.entries()) {
    const last = events[index - 1];
    const goesOn = last?.cpu === event.cpu && last.function === event.function;
    if (goesOn) runs[runs.length - 1]?.push(event);
    else runs.push([event]);
  }
  return runs;
}

function functionSlice(run: readonly TimelineEvent[], pid: number): TraceEvent {
  const [first] = run as [TimelineEvent];
  return {
    ...{ name: first.function, cat: "function", ph: "X", pid, tid: first.cpu },
    ...{ ts: first.event - 1, dur: run.length, args: { event: first.event, steps: run.length } },
  };
}

function stepSlice(event: TimelineEvent, { fields, locks }: Timeline, pid: number): TraceEvent {
  const { object: owner, name = "" } = fields[event.field] ?? { object: "" };
  const object = owner === "" || name.startsWith("+") ? `${owner}${name}` : `${owner}.${name}`;
  const { kind, before, after, cpu } = event;
  const held = locks[event.held]?.[cpu] ?? [];
  return {
    ...{ name: object, cat: "step", ph: "X", pid, tid: cpu, ts: event.event - 1, dur: 1 },
    args: { event: event.event, kind, object, before, after, locks: held.join(", ") },
  };
}

function switchInstant({ event, cpu }: TimelineEvent, pid: number): TraceEvent {
  const name = `switch to CPU ${cpu}`;
  return { name, cat: "switch", ph: "i", s: "t", pid, tid: cpu, ts: event - 1, args: { event } };
}

function failureInstant(
  { rule, message, cpu }: ExploreFailure,
  end: number,
  pid: number,
): TraceEvent {
  const args = { rule, message };
  return { name: rule, cat: "failure", ph: "i", s: "g", pid, tid: cpu ?? 0, ts: end, args };
}
