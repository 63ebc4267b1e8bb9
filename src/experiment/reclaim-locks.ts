// Time in locks under memory pressure: of one machine whose kernel counts its locks, between two moments.

import { readLockStat } from "../machine/lock-stat.ts";
import type { Machine } from "../machine/machine.ts";
import type { ReclaimLockTimes } from "./reclaim-document.ts";

const PTL = "page_table_lock";

/** Nanoseconds since boot. */
export type LockTotals = Readonly<Record<"wait" | "ptlWait" | "ptlHold", number>>;

/** What has been counted so far; nothing in a kernel without lock_stat=on. */
export function lockTotals({ memory, config: { cpus } }: Machine): LockTotals {
  let [wait, ptlWait, ptlHold] = [0, 0, 0];
  for (const { name, waitTotalNs, holdTotalNs } of readLockStat(memory, cpus)) {
    wait += waitTotalNs;
    if (name !== PTL) continue;
    ptlWait += waitTotalNs;
    ptlHold += holdTotalNs;
  }
  return { wait, ptlWait, ptlHold };
}

/** Percent of the time of all CPUs. */
export function lockTimes(
  before: LockTotals,
  after: LockTotals,
  { seconds, cpus }: { readonly seconds: number; readonly cpus: number },
): ReclaimLockTimes {
  const percent = (field: keyof LockTotals): number =>
    ((after[field] - before[field]) / (seconds * 1e9 * cpus)) * 100;
  return {
    waitPercent: percent("wait"),
    ptlWaitPercent: percent("ptlWait"),
    ptlHoldPercent: percent("ptlHold"),
  };
}
