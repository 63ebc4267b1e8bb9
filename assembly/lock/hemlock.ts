// Hemlock: a queue lock with one word for each CPU, whatever number of locks it holds. FIFO; the word of the
// lock is the tail. A waiter spins on the word of the CPU before it, which writes the lock's address there to
// hand it over, and may reuse the word when the waiter has cleared it. After Dice and Kogan, "Hemlock: compact
// and scalable mutual exclusion", SPAA 2021.
//
//   lock: tail ──────────────────────────────┐     0: free
//                                            v
//   grant of CPU 0      grant of CPU 2     grant of CPU 1
//     holder       <──    waits on    <──    waits on
//
// Bounds: a release waits until the next holder has seen it. A CPU must not take another lock, nor serve who
// does, while it waits in a release: handlers of interrupts take no locks.

import { atomic_cmpxchg, atomic_xchg, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { PERCPU_GRANT, this_cpu_base } from "../arch/percpu";
import { cpu_wait_while } from "../arch/wait";

/** Takes the lock. */
@inline
export function hemlock_lock(lock: usize): void {
  // ACQUIRE. Pairs with hemlock_hand_over(): what the last holder wrote is visible from here on.
  const before = atomic_xchg<usize>(lock, this_cpu_base() + PERCPU_GRANT);
  if (before != 0) hemlock_wait(lock, before);
}

function hemlock_wait(lock: usize, before: usize): void {
  while (true) {
    const granted = read_once<usize>(before);
    if (granted == lock) break;
    cpu_wait_while<usize>(before, granted);
  }
  // RELEASE. Pairs with hemlock_hand_over(): the word is free for another hand-over.
  smp_store_release<usize>(before, 0);
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function hemlock_trylock(lock: usize): bool {
  if (read_once<usize>(lock) != 0) return false;
  return atomic_cmpxchg<usize>(lock, 0, this_cpu_base() + PERCPU_GRANT) == 0;
}

/** Hands the lock to the next waiter, or frees it. Only the holder may call this. */
@inline
export function hemlock_unlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on(read_once<usize>(lock) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  const own = this_cpu_base() + PERCPU_GRANT;
  if (atomic_cmpxchg<usize>(lock, own, 0) != own) hemlock_hand_over(lock, own);
}

function hemlock_hand_over(lock: usize, own: usize): void {
  // RELEASE. Pairs with hemlock_lock(): the critical section is visible to the next holder.
  smp_store_release<usize>(own, lock);
  // ACQUIRE. Pairs with hemlock_wait(): the next holder does not read the word any more.
  while (read_once<usize>(own) == lock) cpu_wait_while<usize>(own, lock);
}

/** True while somebody holds the lock. */
@inline
export function hemlock_is_locked(lock: usize): bool {
  return read_once<usize>(lock) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  hemlock_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return hemlock_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  hemlock_unlock(lock);
}
