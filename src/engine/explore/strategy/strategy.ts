// What a strategy is: it chooses who runs, and for how many events. Three methods, called for each
// execution: begin, next (for each turn), end. As in shuttle, but that a turn may be long: the choice
// comes into wasm as a number, and only its end leaves it.

import type { AccessLog } from "../access-log.ts";

/** What a strategy learns of an execution that ended. */
export interface Ended {
  /** Its events; empty unless the strategy asked for a log. */
  readonly log: AccessLog;
  /** Number of events. */
  readonly events: number;
  /** It was given up, because other executions have shown the rest. */
  readonly wasRedundant: boolean;
}

/** Chooses interleavings. */
export interface Strategy {
  /** Its name, as --strategy takes it. */
  readonly name: string;
  /** It reads the log in end(). */
  readonly needsLog: boolean;
  /** A turn ends when its CPU wakes another. */
  readonly breaksOnWake: boolean;
  /** Events of the turn that next() has chosen. */
  readonly steps: number;
  /** Prepares the next execution; false when there is none left. */
  begin(): boolean;
  /**
   * The CPU that runs next.
   * @param runnable bits of those that can
   * @param events events that have happened
   * @returns its number, or -1: the rest of the execution is known
   */
  next(runnable: number, events: number): number;
  /** Learns from the execution. */
  end(ended: Ended): void;
  /** What is known when begin() has returned false: "complete", and within which bound. */
  readonly completeness: string;
}

/** The lowest CPU of a mask. */
export const lowestCpu = (mask: number): number => 31 - Math.clz32(mask & -mask);

/** The CPU of a mask that comes after `cpu`, round and round; the lowest one after -1. */
export function cpuAfter(cpu: number, mask: number): number {
  const later = cpu < 0 ? 0 : mask & ~((2 << cpu) - 1);
  return lowestCpu(later === 0 ? mask : later);
}

/** Number of CPUs in a mask. */
export function countCpus(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The CPU number `index`, from 0, of those in a mask. */
export function nthCpu(mask: number, index: number): number {
  let rest = mask;
  for (let i = 0; i < index; i++) rest &= rest - 1;
  return lowestCpu(rest);
}
