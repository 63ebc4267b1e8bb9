// Wait queues: who sleeps until somebody says so. A CPU waits for one thing at a time, so its wait
// entry lies in its per-CPU area; the entry is taken off the list by the waker, which then writes
// waiter_woken and kicks.

import { read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import {
  percpu_waiter,
  percpu_waiter_woken,
  this_cpu,
  waiter_cpu,
} from "../arch/percpu";
import { cpu_kick } from "../arch/kick";
import { cpu_sleep_while } from "./sleep";
import { list_add_tail, list_del, list_empty, list_init, list_next } from "../lib/list";
import { spin_lock, spin_unlock } from "./spinlock";

@unmanaged @final
export class WaitQueue {
  /** Spinlock of the list. */
  @atomic lock: u32;
  /** Waiters, in order of arrival. */
  @guarded("lock") head_next: usize;
  /** See head_next. */
  @guarded("lock") head_prev: usize;
}

@inline
function wait_queue_head(queue: WaitQueue): usize {
  return changetype<usize>(queue) + offsetof<WaitQueue>("head_next");
}

/** Makes an empty queue. */
export function wait_queue_init(queue: WaitQueue): void {
  queue.lock = 0;
  list_init(wait_queue_head(queue));
}

/** Puts this CPU on the queue; the caller holds the queue's lock. */
export function prepare_to_wait(queue: WaitQueue): void {
  const cpu = this_cpu();
  cpu.waiter_woken = 0;
  list_add_tail(percpu_waiter(cpu), wait_queue_head(queue));
}

/**
 * Takes this CPU off the queue again; the caller has held the queue's lock since prepare_to_wait().
 */
export function cancel_wait(): void {
  list_del(percpu_waiter(this_cpu()));
}

/** Sleeps until a waker took this CPU off its queue. No lock is held. */
export function wait_until_woken(): void {
  // ACQUIRE. Pairs with wake_waiter(): what the waker did before is visible from here on.
  cpu_sleep_while(percpu_waiter_woken(this_cpu()), 0);
}

/** Takes one waiter off its list and wakes it; the caller holds the lock of that list. */
export function wake_waiter(waiter: usize): void {
  const cpu = waiter_cpu(waiter);
  list_del(waiter);
  // RELEASE. Pairs with wait_until_woken(): the entry is off the list before the sleeper goes on
  // and reuses it.
  smp_store_release<u32>(percpu_waiter_woken(cpu), 1);
  cpu_kick(cpu);
}

/** Wakes everybody on the queue. */
export function wake_up_all(queue: WaitQueue): void {
  const lock = changetype<usize>(queue);
  const head = wait_queue_head(queue);
  spin_lock(lock);
  while (!list_empty(head)) wake_waiter(list_next(head));
  spin_unlock(lock);
}

/** True when somebody waits; a hint unless the queue's lock is held. */
export function waitqueue_active(queue: WaitQueue): bool {
  const head = wait_queue_head(queue);
  return read_once<usize>(head) != head;
}
