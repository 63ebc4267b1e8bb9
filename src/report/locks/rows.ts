// What a document of `racier locks` says, as tables and sentences; the terminal and the HTML page both print
// these. A result with more CPUs than cores is marked, and is compared with nothing.

import type { LockLoad, LockResult, LocksDocument } from "../../experiment/locks/document.ts";
import { counted, decimalsFor, formatChange, formatDate, formatNumber } from "../format.ts";
import { fieldTable, OVERSUBSCRIBED_MARK, type Field, type ReportTable } from "../rows.ts";

/** Rounds below which an interval is called rough. */
const ROUGH_BELOW_ROUNDS = 10;
/** Turns that changed CPU, below which nothing is said of whether a lock is one. */
const FEW_MEETINGS = 100;

/** 100 ns, 1 µs, 2.5 ms. */
export function duration(ns: number): string {
  if (ns >= 1e6) return `${formatNumber(ns / 1e6, ns % 1e6 === 0 ? 0 : 1)} ms`;
  if (ns >= 1e3) return `${formatNumber(ns / 1e3, ns % 1e3 === 0 ? 0 : 1)} µs`;
  return `${formatNumber(ns)} ns`;
}

/** Host, versions, rounds and date in one line. */
export function hostLine({ host, rounds, version }: LocksDocument): string {
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  return `${machine}; racier ${version}, ${counted(rounds, "round")}, ${formatDate(host.date)}`;
}

/** What is the same in all rows, in words: "critical section 100 ns, think 300 ns, 1 lock". */
export function loadLine({ input }: LocksDocument): string {
  const parts = [
    input.acquire.length === 1 ? `acquire ${input.acquire[0]}` : "",
    input.cpus.length === 1 ? counted(input.cpus[0] ?? 0, "CPU") : "",
    input.criticalNs.length === 1 ? `critical section ${duration(input.criticalNs[0] ?? 0)}` : "",
    input.thinkNs.length === 1 ? `think time ${duration(input.thinkNs[0] ?? 0)}` : "",
    input.locks.length === 1 ? counted(input.locks[0] ?? 0, "lock") : "",
    input.readersPercent.length === 1 ? `${input.readersPercent[0] ?? 0} % readers` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** What measuring costs, and what became of it. */
export function costLine({ cost, input }: LocksDocument): string {
  const clock = `${formatNumber(cost.clockNs)} ns (99th percentile ${formatNumber(cost.clockP99Ns)} ns)`;
  return (
    `Subtracted: the loop without a lock, ${formatNumber(cost.operationNs, 2)} ns an operation besides its work, ` +
    `from "lock ns"; what the clock adds, ${clock}, from each time. ` +
    `Times are of one operation in ${input.sampleGap}, in passes of their own.`
  );
}

/** The CPU count as tables and charts write it: "4†" when CPUs outnumber cores. */
export function cpusLabel({ cpus, oversubscribed }: LockResult): string {
  return `${formatNumber(cpus)}${oversubscribed ? OVERSUBSCRIBED_MARK : ""}`;
}

/** How much it costs, and how long it takes to get it: both, or one of them. */
export function costTable(doc: LocksDocument, part: "all" | "cost" | "wait" = "all"): ReportTable {
  const hasWait = doc.results.some(({ wait }) => wait !== null);
  return fieldTable(doc.results, [
    ...keyFields(doc),
    ...(part === "wait" ? [] : costFields(doc)),
    ...(part === "cost" || !hasWait ? [] : WAIT_FIELDS),
  ]);
}

/** Who gets it, and what happens meanwhile. */
export function fairnessTable(doc: LocksDocument): ReportTable {
  const { input, results } = doc;
  const tries = results.some(({ failedPercent }) => failedPercent > 0);
  return fieldTable(results, [
    ...keyFields(doc),
    ...FAIRNESS_FIELDS,
    ...(tries ? TRY_FIELDS : []),
    ...(input.readersPercent.some((percent) => percent > 0) ? [RETRIED] : []),
    ...HOLD_FIELDS,
  ]);
}

/** What a reader must know before believing the numbers: full sentences, possibly none. */
export function footnotes(doc: LocksDocument): string[] {
  const notes: string[] = [];
  if (doc.interrupted) {
    notes.push("Interrupted: the figures are of the rounds that were completed.");
  }
  if (doc.results.some((result) => result.oversubscribed)) {
    notes.push(
      `${OVERSUBSCRIBED_MARK} More CPUs than this host's ${counted(doc.host.cores, "core")}: who has the lock may ` +
        "wait for a core, so the figures tell of the scheduler too, and are compared with nothing.",
    );
  }
  for (const { name, verdict, meetings } of doc.locks) {
    if (verdict !== "measured" || meetings >= FEW_MEETINGS) continue;
    notes.push(
      `${name} went from one CPU to another ${counted(meetings, "time")} only, which is too little to say that ` +
        "it is a lock: the computer is busy with something else.",
    );
  }
  if (doc.results.some(({ rounds }) => rounds < ROUGH_BELOW_ROUNDS)) {
    notes.push(
      `With fewer than ${ROUGH_BELOW_ROUNDS} rounds an interval is rough and tends to be too narrow.`,
    );
  }
  return notes;
}

/** Locks that gave no figures, in a sentence each. */
export function failures(doc: LocksDocument): string[] {
  return doc.locks.flatMap(({ message }) => (message === null ? [] : [message]));
}

/** The settings of a load that differ between rows, after the lock. */
function keyFields({ input, results }: LocksDocument): Field<LockResult>[] {
  const marked = results.some((result) => result.oversubscribed);
  const room = (result: LockResult): string => (marked && !result.oversubscribed ? " " : "");
  return [
    { header: "lock", align: "left", cell: (r) => r.lock },
    ...varying("acquire", input.acquire, "left", (r) => r.acquire),
    ...varying("CPUs", input.cpus, "right", (r) => cpusLabel(r) + room(r)),
    ...varying("critical", input.criticalNs, "right", (r) => duration(r.criticalNs)),
    ...varying("think", input.thinkNs, "right", (r) => duration(r.thinkNs)),
    ...varying("locks", input.locks, "right", (r) => formatNumber(r.locks)),
    ...varying("readers", input.readersPercent, "right", (r) => `${r.readersPercent} %`),
  ];
}

function varying(
  header: string,
  values: readonly unknown[],
  align: "left" | "right",
  cell: (result: LockResult) => string,
): Field<LockResult>[] {
  return values.length > 1 ? [{ header, align, cell }] : [];
}

function costFields({ results, locks }: LocksDocument): Field<LockResult>[] {
  const smallest = Math.min(...results.map((result) => result.perSecond / 1e6));
  const places = decimalsFor(smallest);
  const millions = (value: number): string => formatNumber(value / 1e6, places);
  const first = results[0]?.lock ?? "";
  const isCompared = results.some(({ changePercent }) => changePercent !== null);
  return [
    { header: "M/s", align: "right", cell: (r) => millions(r.perSecond) },
    {
      ...{ header: "95 % interval", align: "right" },
      cell: ({ perSecondCi95: [low, high] }) => `${millions(low)} to ${millions(high)}`,
    },
    ...(isCompared ? [{ header: `to ${first}`, align: "right", cell: changeText } as const] : []),
    { header: "lock ns", align: "right", cell: (r) => formatNumber(r.lockNs, 1) },
    { header: "alone ns", align: "right", cell: (r) => aloneText(locks, r.lock) },
  ];
}

/** "2.7 to 4.4": without the loop, and with it. */
function aloneText(locks: LocksDocument["locks"], name: string): string {
  const { aloneNs = null, aloneLessLoopNs = null } = locks.find((lock) => lock.name === name) ?? {};
  if (aloneNs === null || aloneLessLoopNs === null) return "-";
  return `${formatNumber(aloneLessLoopNs, 1)} to ${formatNumber(aloneNs, 1)}`;
}

/** "+12.3 %"; in brackets when the interval holds 0; nothing for the lock that others are compared with. */
function changeText({ changePercent, changeCi95, oversubscribed }: LockResult): string {
  if (changePercent === null || changeCi95 === null || oversubscribed) return "";
  const text = formatChange(changePercent);
  return changeCi95[0] > 0 || changeCi95[1] < 0 ? text : `(${text})`;
}

type Number = (result: LockResult) => number | undefined;

const ns = (header: string, value: Number): Field<LockResult> => ({
  ...{ header, align: "right" },
  cell: (result) => formatNumber(value(result) ?? NaN),
});

const WAIT_FIELDS: readonly Field<LockResult>[] = [
  ns("wait p50", ({ wait }) => wait?.p50),
  ns("p90", ({ wait }) => wait?.p90),
  ns("p99", ({ wait }) => wait?.p99),
  ns("p99.9", ({ wait }) => wait?.p999),
  ns("longest ns", ({ wait }) => wait?.max),
];

const HOLD_FIELDS: readonly Field<LockResult>[] = [
  ns("hold p50", ({ hold }) => hold?.p50),
  ns("p99 ns", ({ hold }) => hold?.p99),
];

const percent = (header: string, value: Number): Field<LockResult> => ({
  ...{ header, align: "right" },
  cell: (result) => `${formatNumber(value(result) ?? NaN, 1)} %`,
});

/** A figure that says nothing of one CPU alone. */
const ofSeveral = (field: Field<LockResult>): Field<LockResult> => ({
  ...field,
  cell: (result) => (result.cpus === 1 ? "-" : field.cell(result)),
});

const FAIRNESS_FIELDS: readonly Field<LockResult>[] = [
  percent("waiting", (r) => r.waitPercent),
  ofSeveral({ header: "Jain", align: "right", cell: (r) => formatNumber(r.jain, 3) }),
  ofSeveral(percent("least share", (r) => r.leastSharePercent)),
  ofSeveral(percent("same CPU", (r) => r.sameCpuPercent)),
  ofSeveral({ header: "passed", align: "right", cell: (r) => formatNumber(r.mostPassed) }),
];

const TRY_FIELDS: readonly Field<LockResult>[] = [
  percent("failed", (r) => r.failedPercent),
  { header: "in a row", align: "right", cell: (r) => formatNumber(r.mostFailed) },
  percent("wasted", (r) => r.wastedPercent),
];

const RETRIED: Field<LockResult> = percent("retried", (r) => r.retriedPercent);

/** Settings that a chart may run along, or that tell its curves apart. */
export type Setting = Exclude<keyof LocksDocument["input"], "tries" | "sampleGap">;

/** What differs between loads, but for the settings `but`, in words: "2 CPUs, think 1 µs". */
export function loadTitle(
  load: LockLoad,
  { input }: LocksDocument,
  but: readonly Setting[],
): string {
  const parts: Readonly<Record<Setting, string>> = {
    cpus: counted(load.cpus, "CPU"),
    acquire: load.acquire,
    criticalNs: `critical ${duration(load.criticalNs)}`,
    thinkNs: `think ${duration(load.thinkNs)}`,
    locks: counted(load.locks, "lock"),
    readersPercent: `${load.readersPercent} % readers`,
  };
  const keys = Object.keys(parts) as Setting[];
  return keys
    .filter((key) => !but.includes(key) && input[key].length > 1)
    .map((key) => parts[key])
    .join(", ");
}
