// The numbers of locks in the form of /proc/lock_stat, which Linux has since 2.6.23: one line for each class, times
// in microseconds. Left out: bounces between CPUs, and the places in the code, which racier does not count.

import type { LockClassStat } from "../machine/lock-stat.ts";

const MICRO = 1000;
const NAME_WIDTH = 32;
const WIDTH = 15;
const HEADERS = [
  "contentions",
  ...["waittime-min", "waittime-max", "waittime-total", "waittime-avg"],
  "acquisitions",
  ...["holdtime-min", "holdtime-max", "holdtime-total", "holdtime-avg"],
];

/** The whole table, ending in a newline. */
export function lockStatText(stats: readonly LockClassStat[]): string {
  const rule = "-".repeat(NAME_WIDTH + HEADERS.length * WIDTH);
  const head =
    "class name".padStart(NAME_WIDTH) + HEADERS.map((name) => name.padStart(WIDTH)).join("");
  const lines = stats.map((stat) => {
    const cells = cellsOf(stat).map((cell) => cell.padStart(WIDTH));
    return `${stat.name.padStart(NAME_WIDTH - 1)}:${cells.join("")}`;
  });
  return [rule, head, rule, ...lines].join("\n") + "\n";
}

function cellsOf(stat: LockClassStat): string[] {
  const time = (ns: number): string => (ns / MICRO).toFixed(2);
  const average = (total: number, count: number): string => time(count === 0 ? 0 : total / count);
  return [
    String(stat.contentions),
    ...[stat.waitMinNs, stat.waitMaxNs, stat.waitTotalNs].map(time),
    average(stat.waitTotalNs, stat.contentions),
    String(stat.acquisitions),
    ...[stat.holdMinNs, stat.holdMaxNs, stat.holdTotalNs].map(time),
    average(stat.holdTotalNs, stat.acquisitions),
  ];
}
