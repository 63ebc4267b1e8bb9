// racier reclaim and racier swapoff: what they tell of a small machine.

import { expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { runReclaim } from "../../src/experiment/reclaim.ts";
import { runSwapoff } from "../../src/experiment/swapoff.ts";
import { reclaimHtml, reclaimText } from "../../src/report/reclaim-report.ts";
import { swapoffHtml, swapoffText } from "../../src/report/swapoff-report.ts";

test("reclaim: pages are scanned and reclaimed while processes share more than there is", async () => {
  const sizes = { cpus: [1], processes: [2], rounds: 1, seconds: 0.3, memoryBytes: 10 << 20 };
  const doc = await runReclaim({ kernels: ["2.6.9"], ...sizes, forks: false }, threadsEngine);

  expect(doc.results).toHaveLength(1);
  const [result] = doc.results;
  expect(result?.reclaimedPerSecond).toBeGreaterThan(0);
  expect(result?.scannedPerSecond).toBeGreaterThanOrEqual(result?.reclaimedPerSecond ?? Infinity);
  expect(result?.missedPercent).toBe(0);
  expect(reclaimText(doc)).toContain("2.6.9");
  expect(reclaimHtml(doc, "racier reclaim")).toContain("Reclaim under memory pressure");
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
  expect(html.match(/<svg/g)?.length).toBeGreaterThanOrEqual(4);
});
