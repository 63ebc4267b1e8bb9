// Test-and-test-and-set with exponential backoff: who lost a race for the free lock stays away, twice as long
// each time, so that fewer come at once to the next one. One word, 0 free, 1 held. After Anderson 1990 (see
// tas.ts), section 3.
//
//   wait until it looks free ──> try ──lost──> stay away for d, d = min(2 d, MOST) ──> wait ...
//
// Bounds: none, and worse than without backoff: who has waited long stays away longest.

import { atomic_cmpxchg, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_delay, cpu_wait_while } from "../arch/wait";

/** Turns of the first delay, and of the longest. */
const LEAST: u32 = 4;
const MOST: u32 = 1024;

/** Takes the lock. */
@inline
export function backoff_lock(lock: usize): void {
  // ACQUIRE. Pairs with backoff_unlock(): what the last holder wrote is visible from here on.
  if (atomic_cmpxchg<u32>(lock, 0, 1) != 0) backoff_lock_slow(lock);
}

function backoff_lock_slow(lock: usize): void {
  let delay = LEAST;
  while (true) {
    while (read_once<u32>(lock) != 0) cpu_wait_while<u32>(lock, 1);
    if (atomic_cmpxchg<u32>(lock, 0, 1) == 0) return;
    cpu_delay(delay);
    if (delay < MOST) delay *= 2;
  }
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function backoff_trylock(lock: usize): bool {
  return read_once<u32>(lock) == 0 && atomic_cmpxchg<u32>(lock, 0, 1) == 0;
}

/** Frees the lock. Only the holder may call this. */
@inline
export function backoff_unlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on(read_once<u32>(lock) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with backoff_lock(): the critical section is visible before the lock looks free.
  smp_store_release<u32>(lock, 0);
}

/** True while somebody holds the lock. */
@inline
export function backoff_is_locked(lock: usize): bool {
  return read_once<u32>(lock) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  backoff_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return backoff_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  backoff_unlock(lock);
}
