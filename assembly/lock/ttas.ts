// Test-and-test-and-set spinlock: one word, 0 free, 1 held. Models the byte spinlock of x86 up to
// 2.6.24: whoever comes first after a release gets it, so it is not fair and a waiter may starve.
// Left out: preemption; a CPU runs one task at a time.

import { atomic_cmpxchg, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_wait_while } from "../arch/wait";

/** Takes the lock. */
@inline
export function ttas_lock(lock: usize): void {
  // ACQUIRE. Pairs with ttas_unlock(): what the last holder wrote is visible from here on.
  if (atomic_cmpxchg<u32>(lock, 0, 1) != 0) ttas_lock_slow(lock);
}

function ttas_lock_slow(lock: usize): void {
  do {
    while (read_once<u32>(lock) != 0) cpu_wait_while<u32>(lock, 1);
  } while (atomic_cmpxchg<u32>(lock, 0, 1) != 0);
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function ttas_trylock(lock: usize): bool {
  return read_once<u32>(lock) == 0 && atomic_cmpxchg<u32>(lock, 0, 1) == 0;
}

/** Frees the lock. Only the holder may call this. */
@inline
export function ttas_unlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on(read_once<u32>(lock) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with ttas_lock(): the critical section is visible before the lock looks free.
  smp_store_release<u32>(lock, 0);
}

/** True while somebody holds the lock. */
@inline
export function ttas_is_locked(lock: usize): bool {
  return read_once<u32>(lock) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  ttas_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return ttas_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  ttas_unlock(lock);
}
