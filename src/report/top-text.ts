// One screen of `racier top`: memory, events with how many there were since the last screen, and the locks that were
// waited for most.

import type { LockClassStat } from "../machine/lock-stat.ts";
import type { Counters } from "../machine/proc/text.ts";
import { formatNumber } from "./format.ts";
import { alignedTable, type TextStyle } from "./table.ts";

/** What a screen shows. */
export interface TopScreen {
  readonly title: string;
  readonly meminfo: Counters;
  readonly vmstat: Counters;
  readonly locks: readonly LockClassStat[];
}

/** Lines of locks. */
const LOCKS = 12;
/** Entries of /proc/meminfo in a line. */
const COLUMNS = 3;
const MICRO = 1000;

/** /proc/meminfo in columns, so that a terminal of 80 columns breaks no line. */
function memoryText(meminfo: Counters): string {
  const entries = Object.entries(meminfo).map(([name, kib]) => [name, formatNumber(kib)] as const);
  const width = (of: 0 | 1): number => Math.max(...entries.map((entry) => entry[of].length));
  const [names, numbers] = [width(0), width(1)];
  const cells = entries.map(([name, n]) => `${name.padEnd(names)} ${n.padStart(numbers)} kB`);
  const lines = cells.flatMap((_, i) =>
    i % COLUMNS === 0 ? [`${cells.slice(i, i + COLUMNS).join("   ")}\n`] : [],
  );
  return lines.join("");
}

/**
 * The text, ending in a newline.
 * @param before the screen before, of `seconds` ago; none: no rates
 */
export function topText(
  screen: TopScreen,
  before: TopScreen | undefined,
  seconds: number,
  style: TextStyle,
): string {
  const events = Object.entries(screen.vmstat).map(([name, count]) => {
    const change = before === undefined ? undefined : count - (before.vmstat[name] ?? 0);
    return [name, formatNumber(count), rate(change, seconds)];
  });
  const locks = screen.locks.slice(0, LOCKS).map((stat) => {
    const old = before?.locks.find(({ name }) => name === stat.name);
    const taken = before && stat.acquisitions - (old?.acquisitions ?? 0);
    const waited = before && stat.waitTotalNs - (old?.waitTotalNs ?? 0);
    return [
      ...[stat.name, rate(taken, seconds), formatNumber(stat.contentions)],
      ...[stat.waitMaxNs, average(stat.waitTotalNs, stat.contentions)].map(micro),
      micro(average(stat.holdTotalNs, stat.acquisitions)),
      waited === undefined ? "" : `${((waited / seconds / 1e9) * 100).toFixed(1)} %`,
    ];
  });
  const numbers = (names: readonly string[]): { header: string; align: "right" }[] =>
    names.map((header) => ({ header, align: "right" }));
  return [
    `${screen.title}\n`,
    memoryText(screen.meminfo),
    alignedTable(["event", ...numbers(["count", "a second"])], events, style),
    alignedTable(
      [
        "lock",
        ...numbers(["taken a second", "contentions", "wait max, µs", "wait avg, µs"]),
        ...numbers(["hold avg, µs", "waiting"]),
      ],
      locks,
      style,
    ),
  ].join("\n");
}

const rate = (change: number | undefined, seconds: number): string =>
  change === undefined ? "" : formatNumber(Math.round(change / seconds));

const average = (total: number, count: number): number => (count === 0 ? 0 : total / count);
const micro = (ns: number): string => (ns / MICRO).toFixed(2);
