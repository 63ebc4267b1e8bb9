// racier reclaim and racier swapoff: what they tell of a small machine.

import { describe, expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { hostFacts } from "../../src/experiment/host.ts";
import { compareLocks, type ReclaimSeries } from "../../src/experiment/reclaim-compare.ts";
import type { ReclaimDocument } from "../../src/experiment/reclaim-document.ts";
import { runReclaim } from "../../src/experiment/reclaim.ts";
import { runSwapoff } from "../../src/experiment/swapoff.ts";
import { reclaimHtml, reclaimText } from "../../src/report/reclaim-report.ts";
import { PLAIN } from "../../src/report/table.ts";
import { swapoffCharts, swapoffHtml, swapoffText } from "../../src/report/swapoff-report.ts";

const DOCUMENT: ReclaimDocument = {
  ...{ command: "reclaim", version: "0", host: hostFacts(), memoryBytes: 1 << 20, pages: 1 },
  ...{ forks: false, vmas: 0, interrupted: false, results: [], comparisons: [] },
};
const SIZES = { cpus: [1], processes: [2], rounds: 1, seconds: 0.3, memoryBytes: 10 << 20 };

test("reclaim: pages are scanned and reclaimed while processes share more than there is", async () => {
  const options = { ...SIZES, kernels: ["2.6.9"], forks: false, lockStat: true };
  const doc = await runReclaim(options, threadsEngine);

  expect(doc.results).toHaveLength(1);
  const [result] = doc.results;
  expect(result?.reclaimedPerSecond).toBeGreaterThan(0);
  expect(result?.scannedPerSecond).toBeGreaterThanOrEqual(result?.reclaimedPerSecond ?? Infinity);
  expect(result?.missedPercent).toBe(0);
  // Nobody is there to wait for; but locks are held.
  expect(result?.locks?.waitPercent).toBe(0);
  expect(result?.locks?.ptlHoldPercent).toBeGreaterThan(0);
  expect(reclaimText(doc)).toMatch(/ptl held %/);
  const html = await reclaimHtml(doc, "racier reclaim");
  expect(html.match(/<svg/g)?.length).toBe(4);
});

test("reclaim: one process of many VMAs, whose threads reclaim on all CPUs", async () => {
  // 2.6.8 tries the one page_table_lock, whose holder waits for the reclaimer to flush its TLB: it must answer.
  const options = { ...SIZES, cpus: [2], kernels: ["2.6.8", "2.6.9"], forks: false, vmas: 500 };
  const doc = await runReclaim(options, threadsEngine);

  expect(doc).toMatchObject({ vmas: 500, pages: 4000 });
  expect(doc.results.map(({ reclaimedPerSecond }) => reclaimedPerSecond > 0)).toEqual([true, true]);
  expect(reclaimText(doc)).toMatch(/^4,000 anonymous pages in 500 VMAs of one process, 10 MiB/);
});

describe("trylock or spin", () => {
  const series = (kernel: string, rates: readonly number[], cpus = 2): ReclaimSeries => ({
    ...{ kernel, cpus, processes: 8, reclaimedPerSecond: rates },
  });
  const answer = (all: readonly ReclaimSeries[]): string => {
    const comparisons = compareLocks(all);
    const lines = reclaimText({ ...DOCUMENT, comparisons }, PLAIN).split("\n");
    return lines.find((line) => line.startsWith("Trylock or spin?")) ?? "";
  };

  test("compares a kernel with itself only, and the same size", () => {
    const all = [
      series("2.6.8", [100, 101, 99]),
      series("2.6.9", [100, 101, 99]),
      series("2.6.9+reclaim=trylock", [200, 202, 199]),
      series("2.6.9+reclaim=trylock", [50, 50, 50], 4),
    ];
    const [only, ...more] = compareLocks(all);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ spin: "2.6.9", trylock: "2.6.9+reclaim=trylock", cpus: 2 });
    expect(only?.changePercent).toBeCloseTo(100, 0);
  });

  test("answers the mail's question in one sentence", () => {
    const spin = series("2.6.9", [100, 103, 98, 101]);
    const asWell = (...rates: number[]): string =>
      answer([spin, series("2.6.9+reclaim=trylock", rates)]);
    expect(asWell(99, 104, 97, 102)).toMatch(/Neither makes better progress/);
    expect(asWell(150, 151, 149, 150)).toMatch(/Trylock makes better progress in 1 of 1/);
    expect(asWell(50, 51, 49, 50)).toMatch(/Spin makes better progress in 1 of 1/);
    expect(answer([spin])).toBe("");
    const short = series("2.6.9+reclaim=trylock", [150, 151]);
    expect(answer([series("2.6.9", [100, 103]), short])).toBe("");
    const four = [series("2.6.8+reclaim=spin", [100, 101, 99]), series("2.6.8", [10, 11, 10])];
    const mixed = answer([spin, series("2.6.9+reclaim=trylock", [150, 151, 149, 150]), ...four]);
    expect(mixed).toMatch(/It depends: trylock is better in 1 of 2 comparisons, spin in 1 of 2/);
  });
});

test("swapoff: 2.6.8 scans, 2.6.9 can do both, and all pages come back, shared or not", async () => {
  const kernels = ["2.6.8", "2.6.9"];
  const scenes = { sharings: ["own", "forked"], places: ["disk", "cache"] } as const;
  const sizes = { processes: [1, 3], pages: [60], rounds: 1 };
  const doc = await runSwapoff({ kernels, ...sizes, ...scenes }, threadsEngine);

  const ways = doc.results.slice(0, 3).map(({ kernel, way }) => `${kernel} ${way}`);
  expect(ways).toEqual(["2.6.8 scan", "2.6.9 scan", "2.6.9 anon_vma"]);
  expect(doc.results).toHaveLength(3 * 2 * 4);
  for (const { medianMs } of doc.results) expect(medianMs).toBeGreaterThan(0);

  const text = swapoffText(doc);
  expect(text).toMatch(
    /pages shared by fork, on the disk: 2.6.9 scan: 3 times the processes \(1 to 3, 60 pages\) take/,
  );
  const html = await swapoffHtml(doc, "racier swapoff");
  expect(html.match(/<svg/g)?.length).toBe(4);
  expect(await swapoffCharts(doc)).toHaveLength(4);
});
