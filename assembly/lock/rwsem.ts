// Reader-writer semaphore that sleeps: mmap_sem. Models the generic rw_semaphore of 2.6 (a count
// under a spinlock), which x86-64 used: FIFO, a waiting writer holds new readers back, and a
// release hands the semaphore to the first waiter, or to all readers at the front.
//
//   activity   0: free    n > 0: n readers    -1: one writer
//
// The lock of a list that patches 08 and 09 of mmn-v13 make a semaphore is one of these too.
// Left out: the xadd fast path of i386, optimistic spinning (later kernels).

import { read_once } from "../arch/atomic";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { percpu_waiter, this_cpu, waiter_cpu } from "../arch/percpu";
import { list_add_tail, list_empty, list_init, list_next } from "../lib/list";
import { LOCK_IS_SLEEPING } from "./lock_class";
import { lock_stat_acquired, lock_stat_clock, lock_stat_release } from "./lock_stat";
import { lock_acquire, lock_acquire_higher, lock_acquire_tried, lock_release } from "./lockdep";
import { spin_lock, spin_unlock } from "./spinlock";
import { wait_until_woken, wake_waiter } from "./wait_queue";

const WAITER_READ: u32 = 0;
const WAITER_WRITE: u32 = 1;

@unmanaged @final
export class RwSemaphore {
  /** Spinlock of the other fields. */
  @atomic wait_lock: u32;
  /** Readers inside, or -1 for a writer. */
  @guarded("wait_lock") activity: i32;
  /** Waiters, in order of arrival. */
  @guarded("wait_lock") wait_next: usize;
  /** See wait_next. */
  @guarded("wait_lock") wait_prev: usize;
}

/** The name that lockdep knows it by. */
@inline
function key_of(sem: RwSemaphore): usize {
  return changetype<usize>(sem) | LOCK_IS_SLEEPING;
}

@inline
function wait_list(sem: RwSemaphore): usize {
  return changetype<usize>(sem) + offsetof<RwSemaphore>("wait_next");
}

/** Makes a free semaphore. */
export function init_rwsem(sem: RwSemaphore): void {
  sem.wait_lock = 0;
  sem.activity = 0;
  list_init(wait_list(sem));
}

/** Sleeps until the semaphore is handed over; wait_lock is held. Unlocks. */
function sleep_in_queue(sem: RwSemaphore, type: u32): void {
  const cpu = this_cpu();
  cpu.waiter_type = type;
  cpu.waiter_woken = 0;
  list_add_tail(percpu_waiter(cpu), wait_list(sem));
  spin_unlock(changetype<usize>(sem));
  wait_until_woken();
}

function rwsem_wait(sem: RwSemaphore, type: u32): void {
  const since: f64 = CONFIG_LOCK_STAT ? lock_stat_clock() : 0;
  sleep_in_queue(sem, type);
  if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(sem), type == WAITER_READ, since);
}

/** Takes the semaphore for reading; sleeps while a writer is inside or waits. */
export function down_read(sem: RwSemaphore): void {
  if (CONFIG_CHECK) lock_acquire(key_of(sem), 0);
  __down_read(sem);
}

/** down_read of one more of its class: at a higher address than those that are held, which is their order. */
export function down_read_higher(sem: RwSemaphore): void {
  if (CONFIG_CHECK) lock_acquire_higher(key_of(sem));
  __down_read(sem);
}

@inline
function __down_read(sem: RwSemaphore): void {
  spin_lock(changetype<usize>(sem));
  if (sem.activity >= 0 && list_empty(wait_list(sem))) {
    sem.activity++;
    spin_unlock(changetype<usize>(sem));
    if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(sem), true, 0);
    return;
  }
  rwsem_wait(sem, WAITER_READ);
}

/** Takes the semaphore for reading if that needs no waiting. */
export function down_read_trylock(sem: RwSemaphore): bool {
  spin_lock(changetype<usize>(sem));
  const free = sem.activity >= 0 && list_empty(wait_list(sem));
  if (free) sem.activity++;
  spin_unlock(changetype<usize>(sem));
  if (CONFIG_CHECK && free) lock_acquire_tried(key_of(sem));
  if (CONFIG_LOCK_STAT && free) lock_stat_acquired(key_of(sem), true, 0);
  return free;
}

/** Takes the semaphore for writing; sleeps while anybody is inside. */
export function down_write(sem: RwSemaphore): void {
  if (CONFIG_CHECK) lock_acquire(key_of(sem), 0);
  spin_lock(changetype<usize>(sem));
  if (sem.activity == 0 && list_empty(wait_list(sem))) {
    sem.activity = -1;
    spin_unlock(changetype<usize>(sem));
    if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(sem), false, 0);
    return;
  }
  rwsem_wait(sem, WAITER_WRITE);
}

/** down_write of one of many whose order the caller sees to: lockdep is not told. Ends with up_write_nest(). */
export function down_write_nest(sem: RwSemaphore): void {
  spin_lock(changetype<usize>(sem));
  if (sem.activity != 0 || !list_empty(wait_list(sem))) {
    sleep_in_queue(sem, WAITER_WRITE);
    return;
  }
  sem.activity = -1;
  spin_unlock(changetype<usize>(sem));
}

/** Takes the semaphore for writing if it is free. */
export function down_write_trylock(sem: RwSemaphore): bool {
  spin_lock(changetype<usize>(sem));
  const free = sem.activity == 0 && list_empty(wait_list(sem));
  if (free) sem.activity = -1;
  spin_unlock(changetype<usize>(sem));
  if (CONFIG_CHECK && free) lock_acquire_tried(key_of(sem));
  if (CONFIG_LOCK_STAT && free) lock_stat_acquired(key_of(sem), false, 0);
  return free;
}

/**
 * Lets the front of the queue in: one writer, or all readers up to the next writer. wait_lock is
 * held.
 */
function rwsem_do_wake(sem: RwSemaphore): void {
  const head = wait_list(sem);
  if (list_empty(head)) return;
  let waiter = list_next(head);
  if (waiter_cpu(waiter).waiter_type == WAITER_WRITE) {
    if (sem.activity != 0) return;
    sem.activity = -1;
    wake_waiter(waiter);
    return;
  }
  while (waiter != head && waiter_cpu(waiter).waiter_type == WAITER_READ) {
    const next = list_next(waiter);
    sem.activity++;
    wake_waiter(waiter);
    waiter = next;
  }
}

/** Leaves as a reader. */
export function up_read(sem: RwSemaphore): void {
  if (CONFIG_CHECK) lock_release(key_of(sem));
  if (CONFIG_LOCK_STAT) lock_stat_release(key_of(sem));
  spin_lock(changetype<usize>(sem));
  bug_on(sem.activity <= 0, BUG_UNLOCK_OF_FREE_LOCK, changetype<usize>(sem));
  if (--sem.activity == 0) rwsem_do_wake(sem);
  spin_unlock(changetype<usize>(sem));
}

/** True if somebody waits. A hint: nothing is held, so it may be over when this returns. Linux: patch 07 of mmn-v13. */
export function rwsem_is_contended(sem: RwSemaphore): bool {
  return read_once<usize>(wait_list(sem)) != wait_list(sem);
}

/** True if somebody is inside, or waits: for who knows that nobody comes or goes. */
export function rwsem_is_busy(sem: RwSemaphore): bool {
  return sem.activity != 0 || !list_empty(wait_list(sem));
}

/** Leaves as the writer. */
export function up_write(sem: RwSemaphore): void {
  if (CONFIG_CHECK) lock_release(key_of(sem));
  if (CONFIG_LOCK_STAT) lock_stat_release(key_of(sem));
  up_write_nest(sem);
}

/** Ends down_write_nest(). */
export function up_write_nest(sem: RwSemaphore): void {
  spin_lock(changetype<usize>(sem));
  bug_on(sem.activity != -1, BUG_UNLOCK_OF_FREE_LOCK, changetype<usize>(sem));
  sem.activity = 0;
  rwsem_do_wake(sem);
  spin_unlock(changetype<usize>(sem));
}

/** Turns the writer into a reader without letting another writer in between. */
export function downgrade_write(sem: RwSemaphore): void {
  spin_lock(changetype<usize>(sem));
  bug_on(sem.activity != -1, BUG_UNLOCK_OF_FREE_LOCK, changetype<usize>(sem));
  sem.activity = 1;
  const head = wait_list(sem);
  const readers = !list_empty(head) && waiter_cpu(list_next(head)).waiter_type == WAITER_READ;
  if (readers) rwsem_do_wake(sem);
  spin_unlock(changetype<usize>(sem));
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = <i32>offsetof<RwSemaphore>();
export const NODE_BYTES: i32 = 0;

export function init(lock: usize, _cpus: u32): void {
  init_rwsem(changetype<RwSemaphore>(lock));
}

export function acquire(lock: usize, _node: usize): void {
  down_write(changetype<RwSemaphore>(lock));
}

export function try_acquire(lock: usize, _node: usize): bool {
  return down_write_trylock(changetype<RwSemaphore>(lock));
}

export function release(lock: usize, _node: usize): void {
  up_write(changetype<RwSemaphore>(lock));
}

export function acquire_shared(lock: usize, _node: usize): void {
  down_read(changetype<RwSemaphore>(lock));
}

export function try_acquire_shared(lock: usize, _node: usize): bool {
  return down_read_trylock(changetype<RwSemaphore>(lock));
}

export function release_shared(lock: usize, _node: usize): void {
  up_read(changetype<RwSemaphore>(lock));
}
