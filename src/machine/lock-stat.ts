// What the CPUs of a machine have counted about their locks (assembly/lock/lock_stat.ts), added up: the numbers of
// /proc/lock_stat. Only kernels with lock_stat=on have any.

import {
  LOCK_STAT_CLASSES,
  LockStat,
  NR_LOCK_CLASSES,
  PERCPU_AREAS,
  PERCPU_LOCK_STAT,
  PERCPU_SIZE,
} from "../layout/structs.gen.ts";
import { getF64, type MemoryViews } from "../layout/view.ts";
import { lockClassName } from "./lock-order.ts";

/** One class of lock. Times are in nanoseconds. */
export interface LockClassStat {
  /** The class; a lock that readers share has two, "-R" for them and "-W" for writers. */
  name: string;
  /** Times that somebody had to wait for it. */
  contentions: number;
  /** The shortest wait. */
  waitMinNs: number;
  /** The longest wait. */
  waitMaxNs: number;
  /** All waits together. */
  waitTotalNs: number;
  /** Times that it was taken. */
  acquisitions: number;
  /** The shortest time that it was held. */
  holdMinNs: number;
  /** The longest time that it was held. */
  holdMaxNs: number;
  /** All the time that it was held. */
  holdTotalNs: number;
}

const statAt = (cpu: number, index: number): number =>
  PERCPU_AREAS + cpu * PERCPU_SIZE + PERCPU_LOCK_STAT + index * LockStat.SIZE;

/** The classes that were taken, those that were waited for most come first. No job runs meanwhile. */
export function readLockStat(memory: MemoryViews, cpus: number): LockClassStat[] {
  const indexes = Array.from({ length: LOCK_STAT_CLASSES * 2 }, (_, index) => index);
  return indexes
    .filter((index) => index % LOCK_STAT_CLASSES < NR_LOCK_CLASSES)
    .map((index) => sumOf(memory, cpus, index))
    .filter(({ acquisitions }) => acquisitions > 0)
    .sort((a, b) => b.contentions - a.contentions || b.acquisitions - a.acquisitions);
}

function sumOf(memory: MemoryViews, cpus: number, index: number): LockClassStat {
  const each = (offset: number): number[] =>
    Array.from({ length: cpus }, (_, cpu) => getF64(memory, statAt(cpu, index) + offset));
  const sum = (offset: number): number => each(offset).reduce((a, b) => a + b, 0);
  // Of those CPUs that have any: the others have 0.
  const least = (offset: number): number => Math.min(...each(offset).filter((time) => time > 0));
  const wait = least(LockStat.wait_min);
  const hold = least(LockStat.hold_min);
  return {
    name: nameOf(memory, cpus, index),
    contentions: sum(LockStat.contentions),
    waitMinNs: Number.isFinite(wait) ? wait : 0,
    waitMaxNs: Math.max(...each(LockStat.wait_max)),
    waitTotalNs: sum(LockStat.wait_total),
    acquisitions: sum(LockStat.acquisitions),
    holdMinNs: Number.isFinite(hold) ? hold : 0,
    holdMaxNs: Math.max(...each(LockStat.hold_max)),
    holdTotalNs: sum(LockStat.hold_total),
  };
}

function nameOf(memory: MemoryViews, cpus: number, index: number): string {
  const lockClass = index % LOCK_STAT_CLASSES;
  const name = lockClassName(lockClass);
  if (index >= LOCK_STAT_CLASSES) return `${name}-R`;
  const readers = lockClass + LOCK_STAT_CLASSES;
  const isShared = Array.from({ length: cpus }, (_, cpu) => statAt(cpu, readers)).some(
    (at) => getF64(memory, at + LockStat.acquisitions) > 0,
  );
  return isShared ? `${name}-W` : name;
}

/** Forgets what was counted. No job runs meanwhile. */
export function resetLockStat(memory: MemoryViews, cpus: number): void {
  for (let cpu = 0; cpu < cpus; cpu++) {
    const at = statAt(cpu, 0);
    memory.u8.fill(0, at, at + LOCK_STAT_CLASSES * 2 * LockStat.SIZE);
  }
}
