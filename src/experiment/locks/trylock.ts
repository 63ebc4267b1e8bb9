// Trylock beside spinlock: the same loads once with CPUs that wait for a lock and once with CPUs that try it
// and go on with other work when it is held. What is compared was measured in the same rounds.

import { bootstrapChange } from "../stats.ts";
import type { LockLoad, LockResult, TrylockComparison } from "./document.ts";
import type { Series } from "./series.ts";

const BOOTSTRAP_SEED = 1991;

const isSameBut = (a: LockLoad, b: LockLoad): boolean =>
  a.cpus === b.cpus &&
  a.criticalNs === b.criticalNs &&
  a.thinkNs === b.thinkNs &&
  a.locks === b.locks &&
  a.readersPercent === b.readersPercent;

/** Each lock and load that was measured both ways. `results` are those of `series`, in their order. */
export function compareTrylock(
  series: readonly Series[],
  results: readonly LockResult[],
): TrylockComparison[] {
  return series.flatMap((spin, i) => {
    const j = series.findIndex(
      (other) =>
        other.lock === spin.lock &&
        other.load.acquire === "try" &&
        isSameBut(spin.load, other.load),
    );
    if (spin.load.acquire !== "spin" || j < 0) return [];
    const waiting = results[i] as LockResult;
    const trying = results[j] as LockResult;
    const change = bootstrapChange(spin.perSecond, (series[j] as Series).perSecond, {
      seed: BOOTSTRAP_SEED,
    });
    const { cpus, criticalNs, thinkNs, locks, readersPercent } = spin.load;
    return [
      {
        ...{ lock: spin.lock, cpus, criticalNs, thinkNs, locks, readersPercent },
        oversubscribed: spin.oversubscribed,
        ...{ acquisitionsPercent: change.changePercent, acquisitionsCi95: change.ci95 },
        ...{ spinOtherPercent: waiting.otherPercent, tryOtherPercent: trying.otherPercent },
        ...{ failedPercent: trying.failedPercent, wastedPercent: trying.wastedPercent },
        ...{ waitPercent: waiting.waitPercent, longestWaitNs: waiting.wait?.max ?? null },
        mostFailed: trying.mostFailed,
        spinLeastSharePercent: waiting.leastSharePercent,
        tryLeastSharePercent: trying.leastSharePercent,
      },
    ];
  });
}
