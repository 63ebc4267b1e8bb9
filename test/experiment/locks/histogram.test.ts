// Histograms of times: the wasm counts into the buckets that the host reads, and a quantile is right to 3 %.

import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, test } from "vitest";
import { BUCKETS, Histogram, boundsOf } from "../../../src/experiment/locks/histogram.ts";
import { jainIndex } from "../../../src/experiment/locks/series.ts";
import { quantile } from "../../../src/experiment/stats.ts";
import { compileLock } from "../../../src/lab/compile.ts";
import { labImports } from "../../../src/lab/memory.ts";
import { lockSource } from "../../../src/lab/sources.ts";

/** Times from a few ns to some minutes, more of the short ones, as waits are. */
function times(count: number): number[] {
  const random = xoroshiro128plus(3);
  return Array.from({ length: count }, () => {
    const part = (random.next() >>> 0) / 2 ** 32;
    return Math.round(Math.exp(part * 25));
  });
}

async function wasmHistogram(): Promise<{ add: (ns: number) => void; buckets: Uint32Array }> {
  const entry = `export { histogram_add } from "racier/lab/bench/histogram";
export { LOCK_BYTES } from "racier/subject";\n`;
  const { wasm } = await compileLock(lockSource("ttas"), { entry, engine: "threads" });
  const memory = new WebAssembly.Memory({ initial: 20, maximum: 20, shared: true });
  const env = { memory, abort: () => undefined };
  const module = new WebAssembly.Module(wasm);
  const { exports } = new WebAssembly.Instance(module, { env, ...labImports(0) });
  const add = exports["histogram_add"] as (base: number, ns: number) => void;
  const base = 0x12_0000;
  return {
    add: (ns) => {
      add(base, ns);
    },
    buckets: new Uint32Array(memory.buffer, base, BUCKETS),
  };
}

describe("buckets", () => {
  test("follow each other without a gap, each at most 3.2 % wide or 1 ns", () => {
    for (let i = 1; i < BUCKETS; i++) {
      const [low, high] = boundsOf(i);
      expect(low).toBe(boundsOf(i - 1)[1]);
      expect(high - low).toBeLessThanOrEqual(Math.max(1, 0.032 * low));
    }
  });

  test("of the wasm are those of the host, for every size of time", async () => {
    const { add, buckets } = await wasmHistogram();
    for (const ns of [0, 1, 31, 32, 63, 64, 65, 127, 128, 1000, 123_456_789, ...times(200)]) {
      buckets.fill(0);
      add(ns);

      const index = buckets.indexOf(1);
      const [low, high] = boundsOf(index);
      expect(low <= ns && (ns < high || index === BUCKETS - 1), `${ns} in ${low} to ${high}`).toBe(
        true,
      );
    }
  });

  test("take a time that the clock made negative for 0, and one beyond all for the last", async () => {
    const { add, buckets } = await wasmHistogram();
    add(-40);
    add(1e13);

    expect([buckets[0], buckets[BUCKETS - 1]]).toEqual([1, 1]);
  });
});

test("quantiles and the mean of the shortest are those of the times, to 3 %", async () => {
  const all = times(5000);
  const { add, buckets } = await wasmHistogram();
  all.forEach(add);
  const histogram = new Histogram();
  histogram.add(buckets);

  expect(histogram.total).toBe(all.length);
  for (const p of [0.1, 0.5, 0.9, 0.99, 0.999]) {
    expect(histogram.quantile(p) / quantile(all, p)).toBeCloseTo(1, 1);
  }
  const shortest = all.toSorted((a, b) => a - b).slice(0, 4500);
  const mean = shortest.reduce((sum, time) => sum + time, 0) / shortest.length;
  expect(histogram.mean(0.9) / mean).toBeCloseTo(1, 1);
  expect(new Histogram().quantile(0.5)).toBeNaN();
});

test("Jain's index is 1 for equal shares and 1/n when one has all", () => {
  expect(jainIndex([7, 7, 7])).toBe(1);
  expect(jainIndex([9, 0, 0])).toBeCloseTo(1 / 3);
  expect(jainIndex([3, 1])).toBeCloseTo(16 / 20);
  expect(jainIndex([0, 0])).toBe(1);
});
