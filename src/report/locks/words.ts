// What the tables of `racier locks` come to, a sentence for each load under which CPUs can meet: who gets most
// done, who makes nobody wait long, who serves all alike.

import type { LockResult, LocksDocument } from "../../experiment/locks/document.ts";
import { counted, formatNumber } from "../format.ts";
import { curveName } from "./curves.ts";
import { duration, loadTitle } from "./rows.ts";

/** The sentences; none where there is one lock, one CPU, or more CPUs than cores. */
export function lockWords(doc: LocksDocument): string[] {
  const loads = new Map<string, LockResult[]>();
  for (const result of doc.results) {
    if (result.cpus === 1 || result.oversubscribed) continue;
    const title = loadTitle(result, doc, ["acquire"]);
    loads.set(title, [...(loads.get(title) ?? []), result]);
  }
  return [...loads]
    .filter(([, results]) => results.length > 1)
    .map(([title, results]) => sentence(title, results, doc));
}

function sentence(title: string, results: readonly LockResult[], doc: LocksDocument): string {
  const where = title === "" ? counted(results[0]?.cpus ?? 0, "CPU") : title;
  const parts = [most(results, doc), shortest(results, doc), fairest(results, doc)];
  return `${where}: ${parts.filter((part) => part !== "").join("; ")}.`;
}

function most(results: readonly LockResult[], doc: LocksDocument): string {
  const best = extreme(results, ({ perSecond }) => -perSecond);
  const equal = results.filter(
    (other) => other !== best && other.perSecondCi95[1] >= best.perSecondCi95[0],
  );
  const also = equal.length === 0 ? "" : `, ${alike(equal.length)} as far as can be told`;
  return `most acquisitions ${curveName(best, doc)} (${formatNumber(best.perSecond / 1e6, 2)} million a second${also})`;
}

/** "2 others just as many". */
function alike(count: number): string {
  return `${formatNumber(count)} ${count === 1 ? "other" : "others"} just as many`;
}

function shortest(results: readonly LockResult[], doc: LocksDocument): string {
  const timed = results.filter(({ wait }) => wait !== null);
  if (timed.length < 2) return "";
  const p99 = ({ wait }: LockResult): number => wait?.p99 ?? 0;
  const [best, worst] = [extreme(timed, p99), extreme(timed, (result) => -p99(result))];
  const within = `99 of 100 waits end within ${duration(Math.round(p99(best)))}`;
  if (p99(best) === p99(worst)) return within;
  return (
    `${within} with ${curveName(best, doc)}, ` +
    `within ${duration(Math.round(p99(worst)))} with ${curveName(worst, doc)}`
  );
}

function fairest(results: readonly LockResult[], doc: LocksDocument): string {
  const share = ({ leastSharePercent }: LockResult): number => leastSharePercent;
  const worst = extreme(results, share);
  const same = extreme(results, (result) => -result.sameCpuPercent);
  return (
    `one CPU gets ${formatNumber(share(worst))} % of an equal share with ${curveName(worst, doc)}; ` +
    `${formatNumber(same.sameCpuPercent)} % of the turns of ${curveName(same, doc)} follow one of the same CPU`
  );
}

/** The result with the least `value`. */
function extreme(
  results: readonly LockResult[],
  value: (result: LockResult) => number,
): LockResult {
  return results.toSorted((a, b) => value(a) - value(b))[0] as LockResult;
}
