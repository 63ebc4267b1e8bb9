// Counts and times locks, as /proc/lock_stat of Linux does since 2.6.23: how often each class of lock was taken, how
// often somebody had to wait for it, how long, and how long it was held. In builds with CONFIG_LOCK_STAT only; the
// others have none of it.
//
// Each CPU keeps its own numbers, and the host adds them up (src/machine/lock-stat.ts): nothing is shared, so the
// counting itself is not fought for. Its price is that the clock is read twice for each lock, outside of the lock where
// possible. Left out: bounces between CPUs, and where in the code somebody waited.

import { clock_ns } from "../arch/phase";
import { this_cpu_base } from "../arch/percpu";
import { LOCK_NONE, lock_class_of } from "./lock_class";

/** Where a CPU's numbers begin: one LockStat for each class, then one for each class held by readers. */
export const PERCPU_LOCK_STAT: usize = 0x5000;
/** Classes that there is room for. */
export const LOCK_STAT_CLASSES: u32 = 32;
/** Where the locks that a CPU holds begin, behind their number. */
const HELD: usize = 0x6000;
const HELD_FIRST: usize = HELD + 8;
/** Locks that a CPU may hold at once; more are not timed. */
const MAX_HELD: u32 = 24;

/** What is known of one class of lock on one CPU. Times are in ns. */
@unmanaged @final
export class LockStat {
  /** Times that somebody had to wait. */
  contentions: f64;
  /** The shortest wait. */
  wait_min: f64;
  /** The longest wait. */
  wait_max: f64;
  /** All waits together. */
  wait_total: f64;
  /** Times that it was taken. */
  acquisitions: f64;
  /** The shortest time that it was held. */
  hold_min: f64;
  /** The longest time that it was held. */
  hold_max: f64;
  /** All the time that it was held. */
  hold_total: f64;
}

/** A lock that this CPU holds. */
@unmanaged @final
class TimedLock {
  /** When it was taken. */
  since: f64;
  /** Address of the lock | LOCK_IS_*. */
  key: usize;
  /** Its LockStat. */
  stat: usize;
}

if (PERCPU_LOCK_STAT + 2 * LOCK_STAT_CLASSES * offsetof<LockStat>() > HELD)
  ERROR("the numbers of lock_stat run into the locks that are held");

/** The time, for who begins to wait. */
export function lock_stat_clock(): f64 {
  return clock_ns();
}

@inline
function stat_of(lock_class: u32, reads: bool): usize {
  const index = lock_class + (reads ? LOCK_STAT_CLASSES : 0);
  return this_cpu_base() + PERCPU_LOCK_STAT + index * offsetof<LockStat>();
}

@inline
function nr_held(): usize {
  return this_cpu_base() + HELD;
}

@inline
function held(index: u32): TimedLock {
  return changetype<TimedLock>(this_cpu_base() + HELD_FIRST + index * offsetof<TimedLock>());
}

/** This CPU has got the lock of a key (lock_class.ts); `since`: when it began to wait, or 0. */
export function lock_stat_acquired(key: usize, reads: bool, since: f64): void {
  const lock_class = lock_class_of(key);
  if (lock_class == LOCK_NONE) return;
  const now = clock_ns();
  const stat = changetype<LockStat>(stat_of(lock_class, reads));
  if (since != 0) {
    const waited = now - since;
    if (stat.contentions == 0 || waited < stat.wait_min) stat.wait_min = waited;
    if (waited > stat.wait_max) stat.wait_max = waited;
    stat.wait_total += waited;
    stat.contentions++;
  }
  stat.acquisitions++;
  const count = load<u32>(nr_held());
  if (count == MAX_HELD) return;
  const lock = held(count);
  lock.key = key;
  lock.stat = changetype<usize>(stat);
  lock.since = now;
  store<u32>(nr_held(), count + 1);
}

/** This CPU is about to free the lock of a key. */
export function lock_stat_release(key: usize): void {
  let index = load<u32>(nr_held());
  while (index != 0 && held(index - 1).key != key) index--;
  if (index == 0) return;
  const lock = held(index - 1);
  const stat = changetype<LockStat>(lock.stat);
  const time = clock_ns() - lock.since;
  if (stat.hold_max == 0 || time < stat.hold_min) stat.hold_min = time;
  if (time > stat.hold_max) stat.hold_max = time;
  stat.hold_total += time;
  forget(index);
}

/** The younger locks move down over number `index` - 1. */
function forget(index: u32): void {
  const count = load<u32>(nr_held());
  for (let i = index; i < count; i++) {
    const lock = held(i - 1);
    const next = held(i);
    lock.key = next.key;
    lock.stat = next.stat;
    lock.since = next.since;
  }
  store<u32>(nr_held(), count - 1);
}
