// The spinlock inside sleeping locks of the lab: test-and-test-and-set. Which one the kernel has is a
// configuration (lock/spinlock.ts).

import { ttas_lock, ttas_trylock, ttas_unlock } from "./ttas";

/** Takes the lock. */
@inline
export function spin_lock(lock: usize): void {
  ttas_lock(lock);
}

/** Takes the lock if it is free; never waits. */
@inline
export function spin_trylock(lock: usize): bool {
  return ttas_trylock(lock);
}

/** Frees the lock. */
@inline
export function spin_unlock(lock: usize): void {
  ttas_unlock(lock);
}
