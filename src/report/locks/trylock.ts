// What trying has over waiting, and what it costs: a table, and a summary in words.

import type { LocksDocument, TrylockComparison } from "../../experiment/locks/document.ts";
import { counted, formatChange, formatNumber } from "../format.ts";
import { fieldTable, OVERSUBSCRIBED_MARK, type Field, type ReportTable } from "../rows.ts";
import { duration } from "./rows.ts";

/** Tries that fail, in percent, below which there is no contention to speak of, and above which much. */
const RARE_PERCENT = 1;
const OFTEN_PERCENT = 20;
/** Points of CPU time that other work must get for trying to be said to pay. */
const GAIN_POINTS = 5;
/** A CPU that gets less than this part of an equal share starves. */
const STARVED_PERCENT = 50;

const LOCKS: Field<TrylockComparison> = {
  ...{ header: "locks", align: "right", cell: (c) => formatNumber(c.locks) },
};
const READERS: Field<TrylockComparison> = {
  ...{ header: "readers", align: "right", cell: (c) => `${c.readersPercent} %` },
};

/** Both ways beside each other. */
export function trylockTable({ trylock, input }: LocksDocument): ReportTable {
  const mark = (c: TrylockComparison): string => (c.oversubscribed ? OVERSUBSCRIBED_MARK : "");
  const number = (value: number, places = 1): string => formatNumber(value, places);
  const fields: Field<TrylockComparison>[] = [
    { header: "lock", align: "left", cell: (c) => c.lock },
    { header: "CPUs", align: "right", cell: (c) => `${formatNumber(c.cpus)}${mark(c)}` },
    { header: "critical", align: "right", cell: (c) => duration(c.criticalNs) },
    { header: "think", align: "right", cell: (c) => duration(c.thinkNs) },
    ...(input.locks.length > 1 ? [LOCKS] : []),
    ...(input.readersPercent.length > 1 ? [READERS] : []),
    { header: "acquisitions", align: "right", cell: changeText },
    {
      header: "other work, waiting",
      align: "right",
      cell: (c) => `${number(c.spinOtherPercent)} %`,
    },
    { header: "trying", align: "right", cell: (c) => `${number(c.tryOtherPercent)} %` },
    { header: "failed", align: "right", cell: (c) => `${number(c.failedPercent)} %` },
    { header: "in a row", align: "right", cell: (c) => formatNumber(c.mostFailed) },
    { header: "wasted", align: "right", cell: (c) => `${number(c.wastedPercent)} %` },
    {
      header: "least share, waiting",
      align: "right",
      cell: (c) => `${number(c.spinLeastSharePercent, 0)} %`,
    },
    { header: "trying", align: "right", cell: (c) => `${number(c.tryLeastSharePercent, 0)} %` },
  ];
  return fieldTable(trylock, fields);
}

function changeText({
  acquisitionsPercent,
  acquisitionsCi95: [low, high],
}: TrylockComparison): string {
  const text = formatChange(acquisitionsPercent);
  return low > 0 || high < 0 ? text : `(${text})`;
}

/** The summary: a sentence for each lock and level of contention, then what they come to. */
export function trylockWords(doc: LocksDocument): string[] {
  const fair = doc.trylock.filter(({ oversubscribed, cpus }) => !oversubscribed && cpus > 1);
  if (fair.length === 0) return [];
  return [...fair.map((comparison) => sentence(comparison)), conclusion(fair)];
}

function sentence(comparison: TrylockComparison): string {
  const { lock, cpus, thinkNs, criticalNs, failedPercent, mostFailed } = comparison;
  const where = `${lock}, ${counted(cpus, "CPU")}, ${duration(criticalNs)} under the lock and ${duration(thinkNs)} between`;
  const failed = `${formatNumber(failedPercent, 1)} % of the tries fail, up to ${formatNumber(mostFailed)} in a row`;
  return `${where}: ${failed}; ${acquisitions(comparison)}; ${otherWork(comparison)}${starved(comparison)}.`;
}

function acquisitions({
  acquisitionsPercent,
  acquisitionsCi95: [low, high],
}: TrylockComparison): string {
  if (low <= 0 && high >= 0) {
    return "as many critical sections as with waiting, so far as can be told";
  }
  const size = formatNumber(Math.abs(acquisitionsPercent), 1);
  return `${size} % ${acquisitionsPercent < 0 ? "fewer" : "more"} critical sections than with waiting`;
}

function otherWork({
  spinOtherPercent,
  tryOtherPercent,
  thinkNs,
  waitPercent,
  wastedPercent,
}: TrylockComparison): string {
  if (thinkNs === 0) {
    return `there is no other work to do, so ${formatNumber(wastedPercent, 0)} % of the time goes into tries that fail`;
  }
  return (
    `other work gets ${formatNumber(tryOtherPercent, 0)} % of the time in place of ` +
    `${formatNumber(spinOtherPercent, 0)} % (${formatNumber(waitPercent, 0)} % is spent waiting, ` +
    `${formatNumber(wastedPercent, 0)} % on tries that fail)`
  );
}

function starved({ tryLeastSharePercent, spinLeastSharePercent }: TrylockComparison): string {
  if (tryLeastSharePercent >= STARVED_PERCENT) return "";
  const share = `${formatNumber(tryLeastSharePercent, 0)} % of an equal share`;
  return `; one CPU gets ${share} when it tries, ${formatNumber(spinLeastSharePercent, 0)} % when it waits`;
}

function conclusion(fair: readonly TrylockComparison[]): string {
  const list = (some: readonly TrylockComparison[]): string => {
    const times = [...new Set(some.map(({ thinkNs }) => thinkNs))].toSorted((a, b) => a - b);
    return times.map(duration).join(", ");
  };
  const rare = fair.filter(({ failedPercent }) => failedPercent < RARE_PERCENT);
  const often = fair.filter(({ failedPercent }) => failedPercent >= OFTEN_PERCENT);
  const gain = fair.filter((c) => c.tryOtherPercent > c.spinOtherPercent + GAIN_POINTS);
  const parts = [
    rare.length > 0
      ? `Where CPUs seldom meet (think time ${list(rare)}) the two are the same.`
      : "",
    gain.length > 0
      ? `A trylock buys time for other work at think time ${list(gain)}: up to ` +
        `${formatNumber(Math.max(...gain.map((c) => c.tryOtherPercent - c.spinOtherPercent)), 0)} points of CPU time.`
      : "Nowhere here does a trylock buy time for other work.",
    often.length > 0
      ? `It costs most at think time ${list(often)}: up to ` +
        `${formatNumber(Math.max(...often.map(({ failedPercent }) => failedPercent)), 0)} % of the tries come back with nothing, ` +
        `and nobody is promised a turn.`
      : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}
