// Numbers for people: one unit in a column, no sign on a zero, nothing that moves the cursor.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  counted,
  formatChange,
  formatDate,
  formatNumber,
  formatShare,
  printable,
  timeScale,
} from "../../src/report/format.ts";

fc.configureGlobal({ seed: 20040814 });

describe("timeScale", () => {
  test("takes the largest unit in which the smallest value still has a digit before the point", () => {
    const cases = [
      { ns: [950, 20_000], unit: "ns", text: ["950", "20,000"] },
      { ns: [41_234, 1_250_000], unit: "µs", text: ["41.2", "1,250.0"] },
      { ns: [1_500_000, 1_234_567_890], unit: "ms", text: ["1.50", "1,234.57"] },
      { ns: [2e9], unit: "s", text: ["2.00"] },
    ];
    for (const { ns, unit, text } of cases) {
      const scale = timeScale(ns);

      expect(scale.unit).toBe(unit);
      expect(ns.map(scale.format)).toEqual(text);
    }
  });

  test("of a column without a positive value is nanoseconds", () => {
    expect(timeScale([]).unit).toBe("ns");
    expect(timeScale([0, NaN]).unit).toBe("ns");
  });

  test("writes every value of a column with the same number of decimals", () => {
    const column = fc.array(fc.double({ min: 1, max: 1e12, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(column, (values) => {
        const { format } = timeScale(values);
        const decimals = values.map((ns) => (format(ns).split(".")[1] ?? "").length);

        expect(new Set(decimals).size).toBe(1);
      }),
    );
  });
});

test("numbers get thousands separators, and what is not a number a dash", () => {
  expect(formatNumber(1234567)).toBe("1,234,567");
  expect(formatNumber(1234.5, 2)).toBe("1,234.50");
  expect([NaN, Infinity].map((value) => formatNumber(value))).toEqual(["-", "-"]);
});

test("a change carries its sign, but one that rounds to zero has none", () => {
  expect([3.14, -9.84, 0, 0.04, -0.04].map((percent) => formatChange(percent))).toEqual([
    "+3.1 %",
    "-9.8 %",
    "0.0 %",
    "0.0 %",
    "0.0 %",
  ]);
});

test("a share that is there but small is not written as nothing", () => {
  expect(formatShare(42, 100)).toBe("42 %");
  expect(formatShare(1, 1000)).toBe("<1 %");
  expect(formatShare(0, 1000)).toBe("0 %");
  expect(formatShare(0, 0)).toBe("0 %");
});

test("one of something is singular", () => {
  expect([0, 1, 2048].map((count) => counted(count, "VMA"))).toEqual([
    "0 VMAs",
    "1 VMA",
    "2,048 VMAs",
  ]);
});

test("a date in UTC loses its seconds, any other text stays", () => {
  expect(formatDate("2026-11-23T12:00:59.123Z")).toBe("2026-11-23 12:00 UTC");
  expect(formatDate("yesterday")).toBe("yesterday");
});

test("no control character of a process name reaches the terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    }),
  );
  expect(printable("a\u001b[31m\nµ†")).toBe("a?[31m?µ†");
});
