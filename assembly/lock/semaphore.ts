// Counting semaphore that sleeps, FIFO: up() gives its unit to the first that waits. Models the generic
// semaphore of Linux 2.6.26. With one unit it is a mutex, which is how the lab uses it.
//
//   count > 0: nobody waits, so many units are left        count == 0: list of those that wait
//
// Bounds: served in order of arrival.

import { percpu_waiter, this_cpu } from "../arch/percpu";
import { list_add_tail, list_empty, list_init, list_next } from "../lib/list";
import { ttas_lock, ttas_unlock } from "./ttas";
import { wait_until_woken, wake_waiter } from "./wait_queue";

@unmanaged @final
class Semaphore {
  /** Spinlock of the other fields. */
  @atomic wait_lock: u32;
  /** Units that are left. */
  @guarded("wait_lock") count: u32;
  /** Waiters, in order of arrival. */
  @guarded("wait_lock") wait_next: usize;
  /** See wait_next. */
  @guarded("wait_lock") wait_prev: usize;
}

@inline
function wait_list(sem: Semaphore): usize {
  return changetype<usize>(sem) + offsetof<Semaphore>("wait_next");
}

/** Makes a semaphore of `count` units. */
function sema_init(sem: Semaphore, count: u32): void {
  sem.wait_lock = 0;
  sem.count = count;
  list_init(wait_list(sem));
}

/** Takes a unit; sleeps while there is none. */
function down(sem: Semaphore): void {
  ttas_lock(changetype<usize>(sem));
  if (sem.count > 0) {
    sem.count--;
    ttas_unlock(changetype<usize>(sem));
    return;
  }
  const cpu = this_cpu();
  cpu.waiter_woken = 0;
  list_add_tail(percpu_waiter(cpu), wait_list(sem));
  ttas_unlock(changetype<usize>(sem));
  wait_until_woken();
}

/** Takes a unit if there is one. Never sleeps. */
function down_trylock(sem: Semaphore): bool {
  ttas_lock(changetype<usize>(sem));
  const free = sem.count > 0;
  if (free) sem.count--;
  ttas_unlock(changetype<usize>(sem));
  return free;
}

/** Gives a unit to the first that waits, or back. */
function up(sem: Semaphore): void {
  ttas_lock(changetype<usize>(sem));
  if (list_empty(wait_list(sem))) sem.count++;
  else wake_waiter(list_next(wait_list(sem)));
  ttas_unlock(changetype<usize>(sem));
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 16;
export const NODE_BYTES: i32 = 0;

export function init(lock: usize, _cpus: u32): void {
  sema_init(changetype<Semaphore>(lock), 1);
}

export function acquire(lock: usize, _node: usize): void {
  down(changetype<Semaphore>(lock));
}

export function try_acquire(lock: usize, _node: usize): bool {
  return down_trylock(changetype<Semaphore>(lock));
}

export function release(lock: usize, _node: usize): void {
  up(changetype<Semaphore>(lock));
}
