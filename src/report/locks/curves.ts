// Which results make curves: what they run along, and which may stand in one chart. Results with more CPUs
// than cores are never in a chart with others.

import type { LockResult, LocksDocument } from "../../experiment/locks/document.ts";
import { formatNumber } from "../format.ts";
import { cpusLabel, duration, loadTitle, type Setting } from "./rows.ts";

/** What curves can run along. */
export type Axis = Exclude<Setting, "acquire">;

const AXES: readonly Axis[] = ["cpus", "thinkNs", "criticalNs", "locks", "readersPercent"];

/** An axis in words. */
export const AXIS_NAMES: Readonly<Record<Axis, string>> = {
  cpus: "CPUs",
  thinkNs: "think time",
  criticalNs: "critical section",
  locks: "locks",
  readersPercent: "readers",
};

/** Points that a lock has in a chart, in the order of the axis. */
export interface Curve {
  readonly name: string;
  readonly results: readonly LockResult[];
}

/** Curves under the same load, but for what the axis says. */
export interface CurveGroup {
  readonly title: string;
  readonly oversubscribed: boolean;
  readonly curves: readonly Curve[];
}

/** The setting with the most values: what curves run along; CPUs if all have one. */
export function mainAxis({ input }: LocksDocument): Axis {
  const most = Math.max(...AXES.map((axis) => input[axis].length));
  return AXES.find((axis) => input[axis].length === most) ?? "cpus";
}

/** How a value of an axis is written. */
export function axisLabel(axis: Axis, result: LockResult): string {
  if (axis === "cpus") return cpusLabel(result);
  if (axis === "thinkNs" || axis === "criticalNs") return duration(result[axis]);
  return axis === "readersPercent" ? `${result[axis]} %` : formatNumber(result[axis]);
}

/** The same where nothing beside it says what it is: "2 CPUs". */
export function axisText(axis: Axis, result: LockResult): string {
  const label = axisLabel(axis, result);
  if (axis === "cpus") return `${label} ${result.cpus === 1 ? "CPU" : "CPUs"}`;
  if (axis === "locks") return `${label} ${result.locks === 1 ? "lock" : "locks"}`;
  return label;
}

/** Values of the axis, in order, as `write` writes them. */
export function axisValues(
  axis: Axis,
  results: readonly LockResult[],
  write: (axis: Axis, result: LockResult) => string,
): string[] {
  const sorted = results.toSorted((a, b) => a[axis] - b[axis]);
  return [...new Set(sorted.map((result) => write(axis, result)))];
}

/** All curves along an axis, by load. */
export function curveGroups(doc: LocksDocument, axis: Axis): CurveGroup[] {
  const loads = groupBy(doc.results, (result) =>
    JSON.stringify([loadTitle(result, doc, [axis, "acquire"]), result.oversubscribed]),
  );
  return [...loads].map(([key, results]) => {
    const [title, oversubscribed] = JSON.parse(key) as [string, boolean];
    const order = doc.locks.map(({ name }) => name);
    const sorted = results.toSorted((a, b) => order.indexOf(a.lock) - order.indexOf(b.lock));
    const byName = groupBy(sorted, (result) => curveName(result, doc));
    const curves = [...byName].map(([name, points]) => ({
      ...{ name, results: points.toSorted((a, b) => a[axis] - b[axis]) },
    }));
    return { title, oversubscribed, curves };
  });
}

/** "ttas", or "ttas, try" where the way to get it differs. */
export function curveName({ lock, acquire }: LockResult, { input }: LocksDocument): string {
  return input.acquire.length > 1 ? `${lock}, ${acquire}` : lock;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const own = groups.get(key(item));
    if (own === undefined) groups.set(key(item), [item]);
    else own.push(item);
  }
  return groups;
}
