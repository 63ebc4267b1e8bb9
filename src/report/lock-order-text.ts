// What `racier locks --order` prints: the pairs that lockdep has learnt, and the order that is documented.

import type { LockOrderDocument } from "../experiment/lock-order.ts";
import { counted, formatNumber } from "./format.ts";
import { alignedTable } from "./table.ts";

/** The whole text, ending in a newline. */
export function lockOrderText(doc: LockOrderDocument): string {
  const { kernel, cpus, seed, operations, pairs, order, failure } = doc;
  const against = pairs.filter(({ documented }) => !documented).length;
  const head = `kernel ${kernel}, checking build, ${counted(cpus, "CPU")}, seed ${seed}, ${formatNumber(operations)} operations of stress`;
  const rows = pairs.map(({ outer, inner, cpu, held, documented }) => [
    ...[outer, inner, `CPU ${cpu}`, held.join(" > "), documented ? "yes" : "NO"],
  ]);
  const verdict =
    against === 0
      ? "All of them agree with the documented order:"
      : `${counted(against, "pair")} against the documented order:`;
  return [
    `${head}\n`,
    alignedTable(["outside", "inside", "first by", "held then", "documented"], rows),
    `${verdict}\n`,
    order.map((names, depth) => `${"  ".repeat(depth)}${names.join(", ")}\n`).join(""),
    ...(failure === null ? [] : [`stress has seen a broken rule: ${failure}\n`]),
  ].join("\n");
}
