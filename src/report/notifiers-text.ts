// The outcome of `racier notifiers` as tables and sentences, and for the terminal.

import type {
  Interval,
  InvalidationRow,
  NotifiersDocument,
} from "../experiment/notifiers-document.ts";
import { OPERATIONS } from "../workload/notifiers/orders.ts";
import { counted, formatChange, formatNumber } from "./format.ts";
import { fieldTable, type ReportTable } from "./rows.ts";
import { alignedTable, type TextStyle } from "./table.ts";

/** A part of the outcome. */
export interface NotifiersSection {
  readonly title: string;
  readonly tables: readonly ReportTable[];
}

const micros = (ns: number): string => formatNumber(ns / 1000, 1);
const nanos = (ns: number): string => formatNumber(ns, 1);
const whole = (value: number): string => formatNumber(Math.round(value));
const range = ([low, high]: Interval, shown: (value: number) => string): string =>
  `${shown(low)} to ${shown(high)}`;
const times = (value: number): string => value.toFixed(2);

/** What stands in a column of numbers. */
const right = <Row>(header: string, cell: (row: Row) => string) => ({
  ...{ header, align: "right" as const },
  cell,
});
const left = <Row>(header: string, cell: (row: Row) => string) => ({
  ...{ header, align: "left" as const },
  cell,
});

const registrationTable = ({ registration }: NotifiersDocument): ReportTable =>
  fieldTable(registration, [
    right("VMAs", ({ vmas }) => formatNumber(vmas)),
    left("kernel", ({ kernel }) => kernel),
    right("register µs", ({ registerNs }) => micros(registerNs)),
    right("95 % interval", ({ registerCi95 }) => range(registerCi95, micros)),
    right("unregister µs", ({ unregisterNs }) => micros(unregisterNs)),
    right("95 % interval", ({ unregisterCi95 }) => range(unregisterCi95, micros)),
  ]);

/** A row for each kernel and client, a column for each operation. */
function pivot(
  { invalidation }: NotifiersDocument,
  cell: (row: InvalidationRow) => string,
): ReportTable {
  const setups = invalidation.filter(({ operation }) => operation === OPERATIONS[0]);
  return fieldTable(setups, [
    left("kernel", ({ kernel }) => kernel),
    left("client", ({ client }) => client ?? "-"),
    ...OPERATIONS.map((operation) =>
      right<InvalidationRow>(operation === "cow" ? "COW" : operation, ({ kernel, client }) => {
        const found = invalidation.find(
          (row) => row.operation === operation && row.kernel === kernel && row.client === client,
        );
        return found === undefined ? "" : cell(found);
      }),
    ),
  ]);
}

const timesCell = ({ times: value, timesCi95 }: InvalidationRow): string =>
  value === null || timesCi95 === null ? "1" : `${times(value)} (${range(timesCi95, times)})`;

const accessTable = ({ access }: NotifiersDocument): ReportTable =>
  fieldTable(access, [
    left("kernel", ({ kernel }) => kernel),
    right("guest hit ns", ({ hitNs }) => nanos(hitNs)),
    right("95 % interval", ({ hitCi95 }) => range(hitCi95, nanos)),
    right("guest fault ns", ({ faultNs }) => nanos(faultNs)),
    right("95 % interval", ({ faultCi95 }) => range(faultCi95, nanos)),
  ]);

const guestTable = ({ guest }: NotifiersDocument): ReportTable =>
  fieldTable(guest, [
    left("kernel", ({ kernel }) => kernel),
    right("guest op/s", ({ guestPerSecond }) => whole(guestPerSecond)),
    right("95 % interval", ({ guestCi95 }) => range(guestCi95, whole)),
    right("host op/s", ({ hostPerSecond }) => whole(hostPerSecond)),
    right("swap in/s", ({ swapInsPerSecond }) => whole(swapInsPerSecond)),
    right("out/s", ({ swapOutsPerSecond }) => whole(swapOutsPerSecond)),
    right("guest faults/s", ({ faultsPerSecond }) => whole(faultsPerSecond)),
    right("retries", ({ retries }) => formatNumber(retries)),
    right("stale", ({ stale }) => formatNumber(stale)),
  ]);

const brkTable = ({ brk }: NotifiersDocument): ReportTable =>
  fieldTable(brk, [
    left("kernel", ({ kernel }) => kernel),
    left("rmap locks", ({ locks }) => locks),
    left("pages", ({ touched }) => (touched ? "touched" : "none")),
    right("ns a call", ({ nsPerCall }) => nanos(nsPerCall)),
    right("95 % interval", ({ ci95 }) => range(ci95, nanos)),
    right("calls/s", ({ changePercent }) =>
      changePercent === null ? "-" : formatChange(changePercent),
    ),
    right("95 % interval", ({ changeCi95 }) =>
      changeCi95 === null ? "" : range(changeCi95, formatChange),
    ),
  ]);

/** What was measured, in the order in which it is told. */
export function notifiersSections(doc: NotifiersDocument): NotifiersSection[] {
  const { pages } = doc;
  const sections: (NotifiersSection & { readonly rows: number })[] = [
    {
      title: "Registration, by the number of VMAs, each with an anon_vma",
      tables: [registrationTable(doc)],
      rows: doc.registration.length,
    },
    {
      title: `An operation on ${counted(pages, "page")}: ns a page, then times the kernel without notifiers (95 % interval)`,
      tables: [pivot(doc, ({ nsPerPage }) => nanos(nsPerPage)), pivot(doc, timesCell)],
      rows: doc.invalidation.length,
    },
    {
      title: "A load of a guest through kvm",
      tables: [accessTable(doc)],
      rows: doc.access.length,
    },
    {
      title: "A guest that runs while its host swaps it, 2 CPUs",
      tables: [guestTable(doc)],
      rows: doc.guest.length,
    },
    {
      title: "A heap that grows and shrinks, as brk_test of AIM9: locks of the reverse map",
      tables: [brkTable(doc)],
      rows: doc.brk.length,
    },
  ];
  return sections.filter(({ rows }) => rows > 0);
}

/** What has to be said below. */
export function notifiersNotes(doc: NotifiersDocument): string[] {
  const stale = doc.guest.reduce((sum, row) => sum + row.stale, 0);
  return [
    ...(doc.guest.length === 0
      ? []
      : [
          stale === 0
            ? "No access of a guest was stale: each found what was stored there last."
            : `BROKEN: ${counted(stale, "access")} reached a frame that the primary had given away, or damaged one.`,
        ]),
    ...doc.leftOut,
    ...(doc.rounds < 10
      ? ["With fewer than 10 rounds an interval is rough and tends to be too narrow."]
      : []),
    ...(doc.interrupted ? ["Interrupted: the figures are of what was measured until then."] : []),
  ];
}

/** Everything that the document says, as text. */
export function notifiersText(doc: NotifiersDocument, style?: TextStyle): string {
  const { host, rounds, version } = doc;
  const where = `${host.cpuModel}, ${counted(host.cores, "core")}, Node ${host.node}; racier ${version}`;
  const sections = notifiersSections(doc).flatMap(({ title, tables }) => [
    `${title}\n`,
    ...tables.map(({ columns, rows }) => alignedTable(columns, rows, style)),
  ]);
  return [
    `${where}, medians of ${counted(rounds, "round")}\n`,
    ...sections,
    ...notifiersNotes(doc).map((note) => `${note}\n`),
  ].join("\n");
}
