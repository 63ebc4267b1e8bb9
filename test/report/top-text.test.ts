// A screen of racier top says how much there was since the last one.

import { expect, test } from "vitest";
import { PLAIN } from "../../src/report/table.ts";
import { topText, type TopScreen } from "../../src/report/top-text.ts";
import { lockClass } from "./fork-fixture.ts";

test("a screen has rates since the one before, and the first has none", () => {
  const screen = (pgfault: number, acquisitions: number): TopScreen => ({
    ...{ title: "top", meminfo: { MemTotal: 4096 }, vmstat: { pgfault } },
    locks: [{ ...lockClass(), acquisitions }],
  });
  const line = (text: string, word: string): string[] =>
    (text.split("\n").find((each) => each.startsWith(word)) ?? "").trim().split(/ {2,}/);

  const first = topText(screen(500, 10), undefined, 1, PLAIN);
  const second = topText(screen(700, 30), screen(500, 10), 2, PLAIN);

  expect(line(first, "pgfault")).toEqual(["pgfault", "500"]);
  expect(line(second, "pgfault")).toEqual(["pgfault", "700", "100"]);
  expect(line(second, "mmap_sem-R").slice(0, 3)).toEqual(["mmap_sem-R", "10", "2"]);
});

test("memory stands in columns, three in a line", () => {
  const meminfo = { MemTotal: 16_384, MemFree: 96, Cached: 0, SwapTotal: 8192 };
  const text = topText({ title: "top", meminfo, vmstat: {}, locks: [] }, undefined, 1, PLAIN);

  expect(text.split("\n").slice(2, 4)).toEqual([
    "MemTotal  16,384 kB   MemFree       96 kB   Cached         0 kB",
    "SwapTotal  8,192 kB",
  ]);
});
