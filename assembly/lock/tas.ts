// Test-and-set spinlock: one word, 0 free, 1 held. The simplest there is: every turn of a waiter writes the
// word, so that its line moves from CPU to CPU whether the lock is free or not. After Anderson, "The
// performance of spin lock alternatives for shared-memory multiprocessors", IEEE TPDS 1(1), 1990.
//
// Bounds: none. Whoever comes first after a release gets the lock, and a waiter may starve.

import { atomic_xchg, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_relax } from "../arch/wait";

/** Takes the lock. */
@inline
export function tas_lock(lock: usize): void {
  let turn: u32 = 0;
  // ACQUIRE. Pairs with tas_unlock(): what the last holder wrote is visible from here on.
  while (atomic_xchg<u32>(lock, 1) != 0) turn = cpu_relax(turn);
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function tas_trylock(lock: usize): bool {
  return read_once<u32>(lock) == 0 && atomic_xchg<u32>(lock, 1) == 0;
}

/** Frees the lock. Only the holder may call this. */
@inline
export function tas_unlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on(read_once<u32>(lock) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with tas_lock(): the critical section is visible before the lock looks free.
  smp_store_release<u32>(lock, 0);
}

/** True while somebody holds the lock. */
@inline
export function tas_is_locked(lock: usize): bool {
  return read_once<u32>(lock) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  tas_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return tas_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  tas_unlock(lock);
}
