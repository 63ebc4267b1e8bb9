// The outcome of `racier notifiers` for the terminal.

import type { InvalidationRow, NotifiersDocument } from "../experiment/notifiers.ts";
import { formatNumber } from "./format.ts";
import { alignedTable, type TextStyle } from "./table.ts";

const right = (header: string): { header: string; align: "right" } => ({ header, align: "right" });
const micros = (ns: number): string => (ns / 1000).toFixed(1);
const nanos = (ns: number): string => ns.toFixed(1);

/** "12.3 (1.02)": the figure, and how it compares with the kernel without notifiers. */
function beside(
  row: InvalidationRow,
  base: InvalidationRow,
  field: "munmapNs" | "cowNs" | "forkNs" | "agingNs",
): string {
  const ratio = row[field] / base[field];
  return row === base ? nanos(row[field]) : `${nanos(row[field])} (${ratio.toFixed(2)})`;
}

/** Everything that the document says, as text. */
export function notifiersText(doc: NotifiersDocument, style: TextStyle): string {
  const { host, pages, rounds } = doc;
  const base = doc.invalidation[0] as InvalidationRow;
  const registration = alignedTable(
    [right("VMAs"), "kernel", right("register µs"), right("unregister µs")],
    doc.registration.map((row) => [
      ...[formatNumber(row.vmas), row.kernel, micros(row.registerNs), micros(row.unregisterNs)],
    ]),
    style,
  );
  const invalidation = alignedTable(
    ["kernel", "client", ...["munmap", "COW", "fork", "aging"].map((name) => right(`${name} ns`))],
    doc.invalidation.map((row) => [
      ...[row.kernel, row.client ?? "-", beside(row, base, "munmapNs"), beside(row, base, "cowNs")],
      ...[beside(row, base, "forkNs"), beside(row, base, "agingNs")],
    ]),
    style,
  );
  const access = alignedTable(
    ["kernel", right("guest hit ns"), right("guest fault ns")],
    doc.access.map((row) => [row.kernel, nanos(row.hitNs), nanos(row.faultNs)]),
    style,
  );
  const where = `${host.cpuModel}, ${host.cores} cores, Node ${host.node}; racier ${doc.version}`;
  const heads = [
    `${where}, medians of ${rounds} rounds`,
    "registration, by the number of VMAs, each with an anon_vma",
    `ns a page, of ${pages} pages; in brackets: times the kernel without notifiers`,
    "a load of a guest through kvm",
  ] as const;
  return [
    ...[heads[0], "", heads[1], registration, "", heads[2], invalidation, "", heads[3], access],
    "",
  ].join("\n");
}
