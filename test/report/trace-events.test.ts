// The trace that Perfetto loads: its structure by the format, and that nothing of the interleaving is lost.

import { expect, test } from "vitest";
import { traceDocument, type TraceEvent } from "../../src/report/trace-events.ts";
import { exploreFixture, timelineFixture } from "./timeline-fixture.ts";

const run = (): Parameters<typeof traceDocument>[0][number] => ({
  subject: "cow-unmap",
  timeline: timelineFixture(),
  failure: exploreFixture().failure,
});
const trace = traceDocument([run(), run()], "racier explore");
const of = (category: string, pid = 1): TraceEvent[] =>
  trace.traceEvents.filter((event) => event.cat === category && event.pid === pid);

test("every event has what the format asks of its phase", () => {
  const again = JSON.parse(JSON.stringify(trace)) as typeof trace;
  expect(again).toEqual(trace);
  for (const event of trace.traceEvents) {
    expect([event.name, event.ph]).toEqual([expect.any(String), expect.stringMatching(/^[MXi]$/)]);
    for (const value of [event.pid, event.tid, event.ts]) {
      expect(Number.isInteger(value) && value >= 0).toBe(true);
    }
    expect(event.ph === "X").toBe(event.dur !== undefined && event.dur > 0);
    expect(event.ph === "i").toBe(event.s !== undefined);
  }
  expect(trace.otherData["time"]).toMatch(/^logical: 1 step = 1 µs/);
});

test("a process for each interleaving, a thread for each CPU", () => {
  const names = trace.traceEvents.filter(({ ph }) => ph === "M");
  expect(names.map(({ name, pid, tid, args }) => [pid, tid, name, args?.["name"]])).toEqual(
    [1, 2].flatMap((pid) => [
      [pid, 0, "process_name", "cow-unmap"],
      [pid, 0, "thread_name", "CPU 0"],
      [pid, 1, "thread_name", "CPU 1"],
    ]),
  );
});

test("a slice for each run of steps in one function, and one in it for each step", () => {
  const slices = of("function").map(({ name, tid, ts, dur }) => [name, tid, ts, dur]);
  expect(slices).toEqual([
    ["spin_lock", 0, 0, 1],
    ["zap", 0, 1, 1],
    ["zap", 1, 2, 2],
    ["zap", 0, 4, 2],
  ]);
  const steps = of("step", 2);
  expect(steps.map(({ ts }) => ts)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(steps[0]?.args).toEqual({
    ...{ event: 1, kind: "cmpxchg", object: "mm[1.2].page_table_lock", before: "0", after: "1" },
    locks: "mm[1.2].page_table_lock",
  });
});

test("instants for switches and for the failure", () => {
  expect(of("switch").map(({ tid, ts }) => [tid, ts])).toEqual([
    [1, 2],
    [0, 4],
  ]);
  expect(of("failure").map(({ name, ts, s }) => [name, ts, s])).toEqual([["BUG_MAPCOUNT", 6, "g"]]);
});

test("nothing broke: no events", () => {
  expect(traceDocument([], "racier explore").traceEvents).toEqual([]);
});
