// What a report claims: a difference only where the interval leaves out 0, and never anything about
// results with more CPUs than cores.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ForkComparison } from "../../src/experiment/fork-document.ts";
import {
  comparisonSentence,
  comparisonSentences,
  comparisonTable,
  fairComparisons,
  footnotes,
  inputLine,
  resultTable,
  sortedResults,
} from "../../src/report/rows.ts";
import { forkFixture } from "./fork-fixture.ts";

fc.configureGlobal({ seed: 20040814 });

function comparison(changePercent: number, ci95: [number, number], cpus = 1): ForkComparison {
  return { workload: "fork+exit", cpus, from: "2.6.8", to: "2.6.9", changePercent, ci95 };
}

test("the input line names source, VMAs and pages, in the singular where there is one", () => {
  const input = { source: "bash", vmas: 25, pages: 1812, anonymousPages: 310 };

  expect(inputLine(forkFixture({ input }))).toBe(
    "bash: 25 VMAs, 1,812 resident pages (310 anonymous)",
  );
  expect(inputLine(forkFixture({ input: { ...input, vmas: 1, pages: 1 } }))).toMatch(
    "1 VMA, 1 resident page (",
  );
});

describe("a comparison in words", () => {
  test("says faster for less time, with the ends of the interval in ascending order", () => {
    expect(comparisonSentence(comparison(-9.8, [-10.4, -9.1]))).toBe(
      "fork+exit on 1 CPU: 2.6.9 is 9.8 % faster than 2.6.8 (95 % interval 9.1 to 10.4 %)",
    );
  });

  test("says slower for more time", () => {
    expect(comparisonSentence(comparison(3.1, [2, 4.12], 2))).toBe(
      "fork+exit on 2 CPUs: 2.6.9 is 3.1 % slower than 2.6.8 (95 % interval 2.0 to 4.1 %)",
    );
  });

  test("says that no difference was shown when the interval contains 0", () => {
    expect(comparisonSentence(comparison(-0.4, [-1.9, 1.2]))).toBe(
      "fork+exit on 1 CPU: no difference between 2.6.8 and 2.6.9 was shown " +
        "(95 % interval of the change -1.9 to +1.2 %)",
    );
  });

  test("claims a difference exactly when 0 is outside the interval, its ends included", () => {
    const percent = fc.double({ min: -90, max: 500, noNaN: true });
    fc.assert(
      fc.property(percent, percent, percent, (a, b, c) => {
        const [low, middle, high] = [a, b, c].toSorted((x, y) => x - y) as [number, number, number];
        const sentence = comparisonSentence(comparison(middle, [low, high]));

        expect(/faster|slower/.test(sentence)).toBe(low > 0 || high < 0);
        expect(sentence.includes("no difference")).toBe(low <= 0 && high >= 0);
      }),
    );
    expect(comparisonSentence(comparison(-1, [-2, 0]))).toMatch("no difference");
    expect(comparisonSentence(comparison(1, [0, 2]))).toMatch("no difference");
  });

  test("writes an end near zero with the decimals that tell it from zero", () => {
    expect(comparisonSentence(comparison(-0.3, [-0.6, -0.01]))).toMatch("0.01 to 0.60 %");
  });
});

describe("the table of results", () => {
  test("is ordered by workload, CPUs and then kernel as in the document", () => {
    const doc = forkFixture();
    const keys = sortedResults({ ...doc, results: doc.results.toReversed() }).map(
      ({ workload, cpus, kernel }) => `${workload} ${cpus} ${kernel}`,
    );

    expect(keys.slice(0, 4)).toEqual([
      "fork+exit 1 2.6.9",
      "fork+exit 1 2.6.8",
      "fork+exit 2 2.6.9",
      "fork+exit 2 2.6.8",
    ]);
    expect(keys.at(-1)).toBe("fork+sh 2 2.6.8");
  });

  test("has times in one unit and shares of the time in percent", () => {
    const { columns, rows } = resultTable(forkFixture());

    expect(columns.map(({ header }) => header)).toEqual([
      ...["kernel", "workload", "CPUs", "median µs", "p5 µs", "p95 µs", "ns/page"],
      ...["VMAs", "page tables", "PTE copy", "faults", "COW", "zap", "other"],
    ]);
    expect(rows[0]).toEqual([
      ...["2.6.8", "fork+exit", "1 ", "54.4", "53.4", "57.7", "67.0"],
      ...["18 %", "11 %", "33 %", "2 %", "4 %", "24 %", "8 %"],
    ]);
  });

  test("can be had in two halves that both name what they are about", () => {
    const doc = forkFixture();
    const names = (part: "times" | "phases") =>
      resultTable(doc, part).columns.map(({ header }) => header);

    expect(names("times").slice(0, 4)).toEqual(["kernel", "workload", "CPUs", "median µs"]);
    expect(names("phases").slice(0, 4)).toEqual(["kernel", "workload", "CPUs", "VMAs"]);
    expect(new Set([...names("times"), ...names("phases")]).size).toBe(14);
  });
});

describe("results with more CPUs than cores", () => {
  test("are marked in the table and explained below it", () => {
    const doc = forkFixture();

    const marked = resultTable(doc).rows.filter((row) => row[2]?.includes("†"));
    expect(marked.map((row) => row[2])).toEqual(["4†", "4†"]);
    expect(footnotes(doc)).toEqual([
      expect.stringMatching(/^† More CPUs than this host's 2 cores/),
    ]);
  });

  test("are compared with nothing, even when the document has a comparison", () => {
    const doc = forkFixture();
    doc.comparisons.push(comparison(-20, [-25, -15], 4));

    expect(fairComparisons(doc).map(({ cpus }) => cpus)).not.toContain(4);
    expect(comparisonSentences(doc).join()).not.toMatch("4 CPUs");
    expect(comparisonTable(doc).rows).toHaveLength(6);
  });

  test("are known by the mark of the result, not only by the number of CPUs", () => {
    const doc = forkFixture();
    for (const result of doc.results) result.oversubscribed = result.cpus === 2;

    expect(fairComparisons(doc).map(({ cpus }) => cpus)).toEqual([1, 1, 1]);
  });
});

describe("footnotes", () => {
  test("are none for a full run on cores that exist", () => {
    const doc = forkFixture();
    const results = doc.results.filter((result) => !result.oversubscribed);

    expect(footnotes({ ...doc, results })).toEqual([]);
  });

  test("say that a run was interrupted", () => {
    expect(footnotes(forkFixture({ interrupted: true }))[0]).toMatch(/^Interrupted/);
  });

  test("call intervals of fewer than ten rounds rough", () => {
    const doc = forkFixture();
    for (const result of doc.results) result.rounds = 9;

    expect(footnotes(doc).at(-1)).toMatch("fewer than 10 rounds");
  });
});
