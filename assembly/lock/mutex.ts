// Mutex that sleeps: the binary semaphore i_sem of an inode. FIFO: a release hands the mutex to the
// first waiter, so nobody can overtake it.

import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { percpu_waiter, this_cpu } from "../arch/percpu";
import { list_add_tail, list_empty, list_init, list_next } from "../lib/list";
import { LOCK_IS_SLEEPING } from "./lock_class";
import { lock_stat_acquired, lock_stat_clock, lock_stat_release } from "./lock_stat";
import { lock_acquire, lock_acquire_tried, lock_release } from "./lockdep";
import { spin_lock, spin_unlock } from "./spinlock";
import { wait_until_woken, wake_waiter } from "./wait_queue";

@unmanaged @final
export class Mutex {
  /** Spinlock of the other fields. */
  @atomic wait_lock: u32;
  /** 1 while somebody is inside. */
  @guarded("wait_lock") held: u32;
  /** Waiters, in order of arrival. */
  @guarded("wait_lock") wait_next: usize;
  /** See wait_next. */
  @guarded("wait_lock") wait_prev: usize;
}

/** The name that lockdep knows it by. */
@inline
function key_of(mutex: Mutex): usize {
  return changetype<usize>(mutex) | LOCK_IS_SLEEPING;
}

@inline
function wait_list(mutex: Mutex): usize {
  return changetype<usize>(mutex) + offsetof<Mutex>("wait_next");
}

/** Makes a free mutex. */
export function mutex_init(mutex: Mutex): void {
  mutex.wait_lock = 0;
  mutex.held = 0;
  list_init(wait_list(mutex));
}

/** Takes the mutex; sleeps while it is held. */
export function mutex_lock(mutex: Mutex): void {
  if (CONFIG_CHECK) lock_acquire(key_of(mutex), 0);
  spin_lock(changetype<usize>(mutex));
  if (mutex.held == 0) {
    mutex.held = 1;
    spin_unlock(changetype<usize>(mutex));
    if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(mutex), false, 0);
    return;
  }
  const cpu = this_cpu();
  cpu.waiter_woken = 0;
  list_add_tail(percpu_waiter(cpu), wait_list(mutex));
  spin_unlock(changetype<usize>(mutex));
  const since: f64 = CONFIG_LOCK_STAT ? lock_stat_clock() : 0;
  wait_until_woken();
  if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(mutex), false, since);
}

/** Takes the mutex if it is free; never waits for the holder. */
export function mutex_trylock(mutex: Mutex): bool {
  spin_lock(changetype<usize>(mutex));
  const free = mutex.held == 0;
  if (free) mutex.held = 1;
  spin_unlock(changetype<usize>(mutex));
  if (CONFIG_CHECK && free) lock_acquire_tried(key_of(mutex));
  if (CONFIG_LOCK_STAT && free) lock_stat_acquired(key_of(mutex), false, 0);
  return free;
}

/** Hands the mutex to the first waiter, or frees it. */
export function mutex_unlock(mutex: Mutex): void {
  if (CONFIG_CHECK) lock_release(key_of(mutex));
  if (CONFIG_LOCK_STAT) lock_stat_release(key_of(mutex));
  spin_lock(changetype<usize>(mutex));
  bug_on(mutex.held == 0, BUG_UNLOCK_OF_FREE_LOCK, changetype<usize>(mutex));
  if (list_empty(wait_list(mutex))) mutex.held = 0;
  else wake_waiter(list_next(wait_list(mutex)));
  spin_unlock(changetype<usize>(mutex));
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = <i32>offsetof<Mutex>();
export const NODE_BYTES: i32 = 0;

export function init(lock: usize, _cpus: u32): void {
  mutex_init(changetype<Mutex>(lock));
}

export function acquire(lock: usize, _node: usize): void {
  mutex_lock(changetype<Mutex>(lock));
}

export function try_acquire(lock: usize, _node: usize): bool {
  return mutex_trylock(changetype<Mutex>(lock));
}

export function release(lock: usize, _node: usize): void {
  mutex_unlock(changetype<Mutex>(lock));
}
