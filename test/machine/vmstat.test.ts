// The counters of racier top: what a program does is seen in them, and a screen says how much there was since the last.

import { expect, test } from "vitest";
import { readMeminfo, readVmstat } from "../../src/machine/vmstat.ts";
import { PLAIN } from "../../src/report/table.ts";
import { topText, type TopScreen } from "../../src/report/top-text.ts";
import { lockClass } from "../report/fork-fixture.ts";
import { DirectMachine } from "../support/direct.ts";

const PAGES = 100;

test("a hundred touched pages are missing from MemFree, mapped, and a hundred faults", () => {
  const machine = new DirectMachine();
  const { cpu } = machine;
  machine.run((task) => {
    const before = { ...readMeminfo(cpu, 1), ...readVmstat(cpu, 1) };
    const at = task.mmap({ length: PAGES * 4096, read: true, write: true });
    task.touch(at, PAGES * 4096);
    const after = { ...readMeminfo(cpu, 1), ...readVmstat(cpu, 1) };
    const change = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);

    expect([change("pgfault"), change("Mapped")]).toEqual([PAGES, PAGES * 4]);
    // Tables and slabs come on top.
    expect(-change("MemFree")).toBeGreaterThanOrEqual(PAGES * 4);
    expect(-change("MemFree")).toBeLessThan(PAGES * 4 + 64);
    expect(change("MemTotal")).toBe(0);
  });
});

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
