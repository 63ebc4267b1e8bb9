// The result of `racier fork` on a terminal and in a pipe.

import { expect, test } from "vitest";
import { forkTables } from "../../src/report/fork-text.ts";
import { PLAIN } from "../../src/report/table.ts";
import { forkFixture } from "./fork-fixture.ts";

const escapeCodes = /\u001b/;

test("input, host, results, comparisons, sentences and footnotes follow each other", () => {
  const text = forkTables(forkFixture(), PLAIN);

  const landmarks = [
    "25 VMAs, 812 resident pages",
    "AMD EPYC 7763 64-Core Processor, 2 cores",
    "kernel  workload   CPUs  median µs",
    "workload   CPUs  from   to",
    "fork+exit on 1 CPU: 2.6.9 is 9.8 % faster than 2.6.8",
    "† More CPUs than this host's 2 cores",
  ].map((landmark) => text.indexOf(landmark));
  expect(landmarks).not.toContain(-1);
  expect(landmarks).toEqual(landmarks.toSorted((a, b) => a - b));
});

test("a pipe gets no escape code and each result on one line", () => {
  const text = forkTables(forkFixture(), PLAIN);

  expect(text).not.toMatch(escapeCodes);
  expect(text.match(/^2\.6\.[89] .* 1 .* µ?.*%$/gm)).toHaveLength(6);
});

test("on a terminal of 80 columns the results are two tables that fit", () => {
  const text = forkTables(forkFixture(), { bold: false, ruled: true, width: 80 });

  const tableLines = text
    .split("\n")
    .filter((line) => /^(kernel|workload|─|2\.6\.|fork\S+ {2})/.test(line));
  expect(tableLines.filter((line) => line.startsWith("kernel"))).toHaveLength(2);
  expect(Math.max(...tableLines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("a process name cannot write to the terminal what it likes", () => {
  const doc = forkFixture();
  doc.input.source = "evil\u001b]0;title\u0007\nfork+exit on 1 CPU: nonsense";

  const [first] = forkTables(doc, PLAIN).split("\n");
  expect(first).toMatch("evil?]0;title??fork+exit on 1 CPU: nonsense: 25 VMAs");
});

test("a single kernel has results but nothing to compare", () => {
  const doc = forkFixture({ comparisons: [] });
  doc.results = doc.results.filter(({ kernel, cpus }) => kernel === "2.6.9" && cpus === 1);

  const text = forkTables(doc, PLAIN);
  expect(text).not.toMatch(/interval|faster|difference/);
  expect(text.match(/^2\.6\.9 /gm)).toHaveLength(3);
});

test("a run that was interrupted before its first round says so", () => {
  const text = forkTables(forkFixture({ results: [], comparisons: [], interrupted: true }), PLAIN);

  expect(text).toMatch("No round was completed.");
  expect(text).not.toMatch("kernel");
});
