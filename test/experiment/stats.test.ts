// The statistics must not flatter: the interval contains the estimate, is the same for the same seed, and
// covers the truth as often as it says, which a simulation with a known truth can count.

import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootstrapChange, median, quantile } from "../../src/experiment/stats.ts";

fc.configureGlobal({ seed: 20040814 });

const RESAMPLES = 200;

const nanoseconds = fc.double({ min: 1, max: 1e9, noNaN: true });
const series = fc.array(nanoseconds, { minLength: 1, maxLength: 30 });
const rounds = fc
  .array(fc.tuple(nanoseconds, nanoseconds), { minLength: 1, maxLength: 30 })
  .map((pairs) => ({ from: pairs.map(([a]) => a), to: pairs.map(([, b]) => b) }));
const seeds = fc.integer();

describe("quantiles", () => {
  test("the median of an even count is the mean of the two in the middle", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([9])).toBe(9);
  });

  test("a quantile lies between two neighbours in proportion", () => {
    expect(quantile([10, 20, 30, 40, 50], 0.25)).toBe(20);
    expect(quantile([0, 100], 0.05)).toBeCloseTo(5);
  });

  test("the median is the quantile of one half, for any series", () => {
    fc.assert(
      fc.property(series, (values) => {
        expect(quantile(values, 0.5)).toBeCloseTo(median(values), 3);
      }),
    );
  });

  test("an empty series and a quantile outside 0 to 1 are refused", () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => quantile([1], 1.1)).toThrow(RangeError);
    expect(() => quantile([1], NaN)).toThrow(RangeError);
  });
});

describe("bootstrapChange", () => {
  test("a series against itself changes by 0 with the interval 0 to 0", () => {
    fc.assert(
      fc.property(series, seeds, (values, seed) => {
        const estimate = bootstrapChange(values, values, { seed, resamples: RESAMPLES });

        expect(estimate).toEqual({ changePercent: 0, ci95: [0, 0] });
      }),
    );
  });

  test("a series that is k times the other changes by k - 1, without any uncertainty", () => {
    fc.assert(
      fc.property(series, seeds, fc.double({ min: 0.1, max: 10, noNaN: true }), (from, seed, k) => {
        const to = from.map((value) => value * k);
        const { changePercent, ci95 } = bootstrapChange(from, to, { seed, resamples: RESAMPLES });

        for (const value of [changePercent, ...ci95]) expect(value).toBeCloseTo((k - 1) * 100, 6);
      }),
    );
  });

  test("the interval contains the estimate, paired or not", () => {
    fc.assert(
      fc.property(rounds, seeds, fc.boolean(), ({ from, to }, seed, paired) => {
        const { changePercent, ci95 } = bootstrapChange(from, to, {
          seed,
          resamples: RESAMPLES,
          paired,
        });

        expect(ci95[0]).toBeLessThanOrEqual(changePercent);
        expect(ci95[1]).toBeGreaterThanOrEqual(changePercent);
      }),
    );
  });

  test("the estimate is the change of the medians that the table shows", () => {
    fc.assert(
      fc.property(rounds, seeds, ({ from, to }, seed) => {
        const { changePercent } = bootstrapChange(from, to, { seed, resamples: 1 });

        expect(changePercent).toBeCloseTo((median(to) / median(from) - 1) * 100, 6);
      }),
    );
  });

  test("no resample leaves the range that the values allow", () => {
    fc.assert(
      fc.property(series, series, seeds, (from, to, seed) => {
        const { ci95 } = bootstrapChange(from, to, { seed, resamples: 50, paired: false });

        const lowest = (Math.min(...to) / Math.max(...from) - 1) * 100;
        const highest = (Math.max(...to) / Math.min(...from) - 1) * 100;
        expect(ci95[0]).toBeGreaterThanOrEqual(lowest);
        expect(ci95[1]).toBeLessThanOrEqual(highest);
      }),
    );
  });

  test("the same seed gives the same interval, another seed another one", () => {
    const from = [100, 104, 97, 110, 99, 101, 95];
    const to = [90, 96, 89, 93, 91, 88, 94];
    const estimate = (seed: number) => bootstrapChange(from, to, { seed, resamples: 50 }).ci95;

    expect(estimate(1)).toEqual(estimate(1));
    expect([2, 3, 4, 5].map(estimate)).not.toEqual([1, 1, 1, 1].map(estimate));
  });

  test("series of different lengths are taken as unpaired, and pairing them is refused", () => {
    const { changePercent } = bootstrapChange([100, 100, 100], [90, 90], { seed: 1 });

    expect(changePercent).toBeCloseTo(-10);
    expect(() => bootstrapChange([1, 2], [1], { seed: 1, paired: true })).toThrow(RangeError);
  });

  test("empty series, times that are not positive and no resamples are refused", () => {
    expect(() => bootstrapChange([], [], { seed: 1 })).toThrow(/"from" is empty/);
    expect(() => bootstrapChange([1], [0], { seed: 1 })).toThrow(/"to" contains 0/);
    expect(() => bootstrapChange([NaN], [1], { seed: 1 })).toThrow(/"from" contains NaN/);
    expect(() => bootstrapChange([1], [1], { seed: 1, resamples: 0 })).toThrow(RangeError);
  });
});

interface Simulation {
  /** Standard deviation of what hits both series of a round alike, as a fraction. */
  drift: number;
  paired: boolean;
}

/** Runs 300 experiments of 25 rounds in which the truth is -10 %, with 3 % noise on every time. */
function simulate({ drift, paired }: Simulation): { covered: number; meanWidth: number } {
  const random = xoroshiro128plus(2026);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(random))) *
    Math.cos(2 * Math.PI * uniformFloat64(random));
  let covered = 0;
  let width = 0;
  for (let run = 0; run < 300; run++) {
    const shared = Array.from({ length: 25 }, () => Math.exp(drift * normal()));
    const from = shared.map((factor) => 100 * factor * Math.exp(0.03 * normal()));
    const to = shared.map((factor) => 90 * factor * Math.exp(0.03 * normal()));
    const { ci95 } = bootstrapChange(from, to, { seed: run, resamples: RESAMPLES, paired });
    if (ci95[0] <= -10 && -10 <= ci95[1]) covered++;
    width += ci95[1] - ci95[0];
  }
  return { covered: covered / 300, meanWidth: width / 300 };
}

describe("coverage of the 95 % interval, in 300 simulated experiments", () => {
  test("without drift, 90 to 99 % of intervals contain the truth, paired or not", () => {
    for (const paired of [true, false]) {
      const { covered } = simulate({ drift: 0, paired });

      expect(covered).toBeGreaterThanOrEqual(0.9);
      expect(covered).toBeLessThanOrEqual(0.99);
    }
  });

  test("with drift as large as the noise, 90 to 99 % of paired intervals contain the truth", () => {
    const { covered } = simulate({ drift: 0.03, paired: true });

    expect(covered).toBeGreaterThanOrEqual(0.9);
    expect(covered).toBeLessThanOrEqual(0.99);
  });

  test("with drift three times the noise, pairing makes the interval at most 0.7 times as wide", () => {
    const paired = simulate({ drift: 0.09, paired: true });
    const unpaired = simulate({ drift: 0.09, paired: false });

    expect(paired.covered).toBeGreaterThanOrEqual(0.9);
    expect(paired.meanWidth).toBeLessThanOrEqual(0.7 * unpaired.meanWidth);
  });
});
