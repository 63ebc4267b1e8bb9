// A plausible result of `racier locks`, made up: eight locks, waiting and trying, on a host with two cores, on
// 1, 2 and, beyond the cores, 4 CPUs. One lock is a user's, with a hostile name, and is none.

import type {
  Latency,
  LockFacts,
  LockResult,
  LocksDocument,
  TrylockComparison,
} from "../../src/experiment/locks/document.ts";

export const LOCK_NAMES = ["ttas", "ticket", "mcs", "clh", "anderson", "k42", "qspinlock", "mutex"];
export const HOSTILE = `"><img src=x onerror=alert(1)></script>.ts`;

function latency(p50: number): Latency {
  return { samples: 4000, p50, p90: 2 * p50, p99: 9 * p50, p999: 80 * p50, max: 2000 * p50 + 17 };
}

function result(lock: string, index: number, cpus: number, acquire: "spin" | "try"): LockResult {
  const perSecond = (9_000_000 / cpus) * (1 - index / 20);
  const tries = acquire === "try";
  return {
    ...{ lock, acquire, cpus, criticalNs: 100, thinkNs: 300, locks: 1, readersPercent: 0 },
    ...{ oversubscribed: cpus > 2, rounds: 11, acquisitions: 1_234_567 },
    ...{ perSecond, perSecondCi95: [perSecond * 0.97, perSecond * 1.02] },
    ...{ lockNs: 4.5 * cpus + index, loadNs: 401.6 },
    ...{ changePercent: index === 0 ? null : -5 * index },
    ...{ changeCi95: index === 0 ? null : [-5 * index - 2, -5 * index + (index === 1 ? 6 : 2)] },
    ...{ wait: latency(10 * cpus + index), hold: latency(100), giveUp: tries ? latency(12) : null },
    ...{ waitPercent: 12.5, wastedPercent: tries ? 3.2 : 0, otherPercent: tries ? 60 : 40 },
    ...{
      jain: 0.98,
      leastSharePercent: 91.2 - index,
      sameCpuPercent: 33.3 + index,
      mostPassed: 77,
    },
    ...{ failedPercent: tries ? 41.7 : 0, mostFailed: tries ? 9 : 0, retriedPercent: 0 },
  };
}

const comparison: TrylockComparison = {
  ...{ lock: "ttas", cpus: 2, criticalNs: 100, thinkNs: 300, locks: 1, readersPercent: 0 },
  ...{ oversubscribed: false, acquisitionsPercent: -7.4, acquisitionsCi95: [-9.1, -5.5] },
  ...{ spinOtherPercent: 40, tryOtherPercent: 60, failedPercent: 41.7, wastedPercent: 3.2 },
  ...{ waitPercent: 31, longestWaitNs: 40_017, mostFailed: 9 },
  ...{ spinLeastSharePercent: 97, tryLeastSharePercent: 34 },
};

function facts(name: string): LockFacts {
  return {
    ...{ name, summary: "a lock", source: "a paper", lockBytes: 4, nodeBytes: 0 },
    ...{ aloneNs: 4.4, aloneLessLoopNs: 2.7, meetings: 52_344, verdict: "measured", message: null },
  };
}

const broken: LockFacts = {
  ...{ name: HOSTILE, summary: null, source: null, lockBytes: 4, nodeBytes: 0 },
  ...{ aloneNs: null, aloneLessLoopNs: null, meetings: 210, verdict: "not a lock" },
  message: `${HOSTILE} is not a lock: CPUs took 832 turns under it, and what it protects counted 825`,
};

/** A fresh document, with what is given in the place of its own. */
export function locksFixture(changed: Partial<LocksDocument> = {}): LocksDocument {
  const results = [1, 2, 4].flatMap((cpus) =>
    LOCK_NAMES.map((name, index) => result(name, index, cpus, "spin")),
  );
  return structuredClone({
    command: "locks",
    version: "0.1.0",
    host: {
      ...{ cpuModel: "AMD EPYC 7763 64-Core Processor", cores: 2, node: "20.20.2" },
      ...{ os: "Linux 6.1.0 x64", date: "2026-11-23T12:00:00.000Z" },
    },
    input: {
      ...{ acquire: ["spin"], cpus: [1, 2, 4], criticalNs: [100], thinkNs: [300], locks: [1] },
      ...{ readersPercent: [0], tries: 100, sampleGap: 32 },
    },
    cost: { clockNs: 51, clockP99Ns: 63, turnNs: 1.08, operationNs: 1.66 },
    rounds: 11,
    interrupted: false,
    locks: [...LOCK_NAMES.map(facts), broken],
    results,
    trylock: [],
    ...changed,
  });
}

/** One load, waiting and trying. */
export function trylockFixture(): LocksDocument {
  const fixture = locksFixture();
  return locksFixture({
    input: { ...fixture.input, acquire: ["spin", "try"], cpus: [2] },
    results: [result("ttas", 0, 2, "spin"), result("ttas", 0, 2, "try")],
    trylock: [comparison],
  });
}
