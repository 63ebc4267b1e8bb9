// Numbers and words for people: units, thousands separators, signs, plurals. One column has one
// unit and one number of decimals, so that its digits line up and can be compared by eye. Numbers
// are written as in English, whatever the locale: a report is read elsewhere than it was made.

/** A unit of time that fits a column of values. */
export interface TimeScale {
  unit: "ns" | "µs" | "ms" | "s";
  /** Nanoseconds in one `unit`. */
  divisor: number;
  /** Writes nanoseconds in `unit`, without the unit's name. */
  format: (ns: number) => string;
}

const UNITS = [
  { unit: "s", divisor: 1e9 },
  { unit: "ms", divisor: 1e6 },
  { unit: "µs", divisor: 1e3 },
  { unit: "ns", divisor: 1 },
] as const;

/**
 * Chooses the largest unit in which the smallest value (in ns) still has a digit before the point.
 */
export function timeScale(valuesNs: readonly number[]): TimeScale {
  const smallest = smallestPositive(valuesNs);
  const { unit, divisor } = UNITS.find((candidate) => smallest >= candidate.divisor) ?? UNITS[3];
  const decimals = decimalsFor(smallest / divisor);
  return { unit, divisor, format: (ns) => formatNumber(ns / divisor, decimals) };
}

/** Decimals that leave a column's smallest value three digits, at least none and at most two. */
export function decimalsFor(smallest: number): number {
  if (smallest >= 100) return 0;
  return smallest >= 10 ? 1 : 2;
}

/** The smallest value above zero; 1 when there is none. */
export function smallestPositive(values: readonly number[]): number {
  const smallest = Math.min(...values.filter((value) => value > 0));
  return Number.isFinite(smallest) ? smallest : 1;
}

/** 1234.5 as "1,234.50". What is not a number is written "-". */
export function formatNumber(value: number, decimals = 0): string {
  if (!Number.isFinite(value)) return "-";
  const text = value.toLocaleString("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return /[1-9]/.test(text) ? text : text.replace("-", "");
}

/** A change: "+3.1 %", "-9.8 %", "0.0 %". */
export function formatChange(percent: number, decimals = 1): string {
  const text = formatNumber(percent, decimals);
  return `${percent > 0 && /[1-9]/.test(text) ? "+" : ""}${text} %`;
}

/** A part of `whole`: "42 %"; "<1 %" for what is there but rounds to nothing. */
export function formatShare(part: number, whole: number): string {
  const percent = whole > 0 ? (100 * part) / whole : 0;
  if (percent > 0 && percent < 0.5) return "<1 %";
  return `${Math.round(percent)} %`;
}

/** "1 CPU", "2 CPUs", "1,024 VMAs": words whose plural is an s. */
export function counted(count: number, word: string): string {
  return `${formatNumber(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** "2026-11-23 12:00 UTC" for an ISO 8601 date in UTC; any other text as it is. */
export function formatDate(iso: string): string {
  return iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z$/, "$1 $2 UTC");
}

/**
 * Text from outside, safe for a terminal: control characters, which could move the cursor, become
 * "?".
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "?");
}
