// The document that `racier locks` ends in: what was measured, on what, and what can be said about it. It is
// printed by --json, embedded in the HTML report and read by the tables. docs/json.md explains every field
// to users; test/report/json-docs.test.ts compares the two.

import type { HostFacts } from "../host.ts";
import type { Acquire } from "./subject.ts";

/** One way to use locks. */
export interface LockLoad {
  acquire: Acquire;
  /** CPUs that use the locks. */
  cpus: number;
  /** Work under the lock, in ns. */
  criticalNs: number;
  /** Work between locks, in ns: each time from half to one and a half of it. */
  thinkNs: number;
  /** Locks; each operation takes one at random. */
  locks: number;
  /** Operations of 100 that only read. */
  readersPercent: number;
}

/** What was asked for. */
export interface LocksInput {
  acquire: Acquire[];
  cpus: number[];
  criticalNs: number[];
  thinkNs: number[];
  locks: number[];
  readersPercent: number[];
  /** Tries before try-spin gives up and park sleeps. */
  tries: number;
  /** With the clock, one operation in about this many is timed. */
  sampleGap: number;
}

/** What the measuring itself costs. */
export interface BenchCost {
  /** What the clock adds to a time, the median: subtracted from every one. */
  clockNs: number;
  /** The 99th percentile of it. */
  clockP99Ns: number;
  /** One turn of work, the unit of critical sections and thinking. */
  turnNs: number;
  /** An operation without a lock, work or thinking. */
  operationNs: number;
}

/** What became of a lock. */
export type LockVerdict = "measured" | "not a lock" | "hangs" | "fails";

/** A lock that took part. */
export interface LockFacts {
  name: string;
  /** In a few words; null for a lock of the user. */
  summary: string | null;
  /** Where it comes from; null for a lock of the user. */
  source: string | null;
  lockBytes: number;
  nodeBytes: number;
  /**
   * Taking and giving back, when nobody else wants the lock and there is no work, in ns: of the loop, and
   * without what the loop takes with no lock. Processors do some of the loop meanwhile, so the lock takes
   * something between the two. Null when it was not measured.
   */
  aloneNs: number | null;
  aloneLessLoopNs: number | null;
  /** How often it went from one CPU to another while somebody looked whether it kept them apart. */
  meetings: number;
  verdict: LockVerdict;
  /** What happened, in a sentence; null: nothing. */
  message: string | null;
}

/** How long something took. */
export interface Latency {
  /** Times that were taken. */
  samples: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** A lock under a load. */
export interface LockResult extends LockLoad {
  lock: string;
  /** More CPUs than the host has cores. */
  oversubscribed: boolean;
  /** Rounds that were completed. */
  rounds: number;
  /** Acquisitions that were counted, and checked against what they did. */
  acquisitions: number;
  /** Acquisitions a second of all CPUs: the median over the rounds. */
  perSecond: number;
  perSecondCi95: [number, number];
  /** CPU time of an acquisition, without that of the same load with no lock. */
  lockNs: number;
  /** CPU time of that load. */
  loadNs: number;
  /** Percent that perSecond is above that of the first lock under the same load; null for the first. */
  changePercent: number | null;
  changeCi95: [number, number] | null;
  /** From asking for the lock to having it; null when nobody got it while the clock was on. */
  wait: Latency | null;
  /** From having the lock to giving it back. */
  hold: Latency | null;
  /** From asking to having given up. */
  giveUp: Latency | null;
  /** CPU time spent asking for locks that were got, in percent. */
  waitPercent: number;
  /** CPU time spent asking for locks that were not got, in percent. */
  wastedPercent: number;
  /** CPU time for the work between locks, in percent. */
  otherPercent: number;
  /** Jain's index of the CPUs' acquisitions: 1 all the same, 1/CPUs one has all. */
  jain: number;
  /** Fewest acquisitions of a CPU, in percent of an equal share. */
  leastSharePercent: number;
  /** Turns that went to the CPU that had the turn before, in percent. */
  sameCpuPercent: number;
  /** Most turns of others between two of a CPU, under one lock. */
  mostPassed: number;
  /** Operations that gave up, in percent of all. */
  failedPercent: number;
  /** Most operations in a row of a CPU that gave up. */
  mostFailed: number;
  /** Looks of readers that had to be done again, in percent of reads. */
  retriedPercent: number;
}

/** Trylock beside spinlock, under one load. */
export interface TrylockComparison extends Omit<LockLoad, "acquire"> {
  lock: string;
  oversubscribed: boolean;
  /** Change of the acquisitions a second when CPUs try in place of waiting, in percent. */
  acquisitionsPercent: number;
  acquisitionsCi95: [number, number];
  /** Time for other work, in percent of CPU time: when CPUs wait, and when they try. */
  spinOtherPercent: number;
  tryOtherPercent: number;
  /** Tries that failed, in percent. */
  failedPercent: number;
  /** CPU time that they took, in percent. */
  wastedPercent: number;
  /** CPU time spent waiting where CPUs wait, in percent. */
  waitPercent: number;
  /** The longest wait when CPUs wait, in ns; null: not measured. */
  longestWaitNs: number | null;
  /** Most tries of a CPU in a row that failed. */
  mostFailed: number;
  /** Fewest acquisitions of a CPU, in percent of an equal share: waiting, and trying. */
  spinLeastSharePercent: number;
  tryLeastSharePercent: number;
}

/** The whole of it. */
export interface LocksDocument {
  command: "locks";
  /** Version of racier. */
  version: string;
  host: HostFacts;
  input: LocksInput;
  cost: BenchCost;
  /** Rounds that were completed. */
  rounds: number;
  /** Stopped by Ctrl-C before all rounds were done. */
  interrupted: boolean;
  locks: LockFacts[];
  results: LockResult[];
  /** With --compare-trylock; otherwise empty. */
  trylock: TrylockComparison[];
}
