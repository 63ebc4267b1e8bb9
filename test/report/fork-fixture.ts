// A plausible result of `racier fork`, made up: bash on a host with two cores, two kernels, three
// workloads, and one round with four CPUs that the host does not have. The process name is hostile.

import type { LockClassStat } from "../../src/machine/lock-stat.ts";
import { FORK_WORKLOADS } from "../../src/experiment/fork-document.ts";
import type {
  ForkComparison,
  ForkDocument,
  ForkPhases,
  ForkResult,
  ForkWorkload,
} from "../../src/experiment/fork-document.ts";

const PAGES = 812;

/** Nanoseconds of the parts of one operation under 2.6.8. */
const PHASES_268: Record<ForkWorkload, ForkPhases> = {
  "fork+exit": phases(9_800, 6_100, 17_900, 900, 2_400, 13_200, 4_100),
  "fork+exec": phases(14_200, 9_300, 18_100, 22_500, 11_000, 19_400, 9_700),
  "fork+sh": phases(39_000, 27_200, 52_000, 96_000, 48_000, 61_000, 38_000),
};

/** Change in percent from 2.6.8 to 2.6.9 with its interval, on 1 and on 2 CPUs. */
const CHANGES: Record<ForkWorkload, [number, number, number][]> = {
  "fork+exit": [
    [-9.8, -10.4, -9.1],
    [-8.9, -10.2, -7.3],
  ],
  "fork+exec": [
    [-4.1, -4.9, -3.2],
    [-3.6, -5.4, -1.9],
  ],
  "fork+sh": [
    [-2.2, -3.0, -1.3],
    [-0.4, -1.9, 1.2],
  ],
};

function phases(...values: [number, number, number, number, number, number, number]): ForkPhases {
  const [vmas, pageTables, pteCopy, faults, cow, zap, other] = values;
  return { vmas, pageTables, pteCopy, faults, cow, zap, other };
}

function result(kernel: string, workload: ForkWorkload, cpus: number): ForkResult {
  const before = PHASES_268[workload];
  const sum = Object.values<number>({ ...before }).reduce((a, b) => a + b, 0);
  const crowd = cpus === 1 ? 1 : cpus === 2 ? 1.03 : 2.2;
  const [change] = CHANGES[workload][cpus - 1] ?? CHANGES[workload][1]!;
  const saved = kernel === "2.6.9" ? (-sum * change) / 100 : 0;
  const medianNs = (sum - saved) * crowd;
  return {
    kernel,
    workload,
    cpus,
    rounds: 30,
    medianNs,
    p05Ns: medianNs * 0.982,
    p95Ns: medianNs * (cpus > 2 ? 1.6 : 1.061),
    nsPerPage: medianNs / PAGES,
    oversubscribed: cpus > 2,
    phases: {
      ...scaled(before, crowd),
      pteCopy: (before.pteCopy - saved * 0.6) * crowd,
      zap: (before.zap - saved * 0.4) * crowd,
    },
  };
}

function scaled(before: ForkPhases, factor: number): ForkPhases {
  const entries = Object.entries(before).map(([key, ns]: [string, number]) => [key, ns * factor]);
  return Object.fromEntries(entries) as ForkPhases;
}

function comparison(workload: ForkWorkload, cpus: number): ForkComparison {
  const [changePercent, low, high] = CHANGES[workload][cpus - 1]!;
  return { workload, cpus, from: "2.6.8", to: "2.6.9", changePercent, ci95: [low, high] };
}

/** A class of locks that was waited for twice. */
export const lockClass = (): LockClassStat => ({
  ...{ name: "mmap_sem-R", contentions: 2, waitMinNs: 1000, waitMaxNs: 3000, waitTotalNs: 4000 },
  ...{ acquisitions: 10, holdMinNs: 500, holdMaxNs: 20_000, holdTotalNs: 50_000 },
});

/** A fresh document; `changes` replace fields of the top level. */
export function forkFixture(changes: Partial<ForkDocument> = {}): ForkDocument {
  const runs = FORK_WORKLOADS.flatMap((workload) => [1, 2].map((cpus) => ({ workload, cpus })));
  const crowded = { workload: "fork+exit", cpus: 4 } as const;
  return {
    command: "fork",
    version: "0.1.0",
    host: {
      cpuModel: "AMD EPYC 7763 64-Core Processor",
      cores: 2,
      node: "20.20.2",
      os: "Linux 6.1.0 x64",
      date: "2026-11-23T12:00:00.000Z",
    },
    input: {
      source: 'bash <script>alert("1")</script>',
      vmas: 25,
      pages: PAGES,
      anonymousPages: 310,
    },
    rounds: 30,
    interrupted: false,
    results: [...runs, crowded].flatMap(({ workload, cpus }) =>
      ["2.6.8", "2.6.9"].map((kernel) => result(kernel, workload, cpus)),
    ),
    comparisons: runs.map(({ workload, cpus }) => comparison(workload, cpus)),
    lockStat: [{ kernel: "2.6.9+lock_stat=on", cpus: 2, classes: [lockClass()] }],
    ...changes,
  };
}
