// Sleeping mutex that spins first: one word, 0 free, 1 held; who has waited for a while parks (parking.ts). The
// fast paths are one atomic operation each, as in a futex, after Drepper, "Futexes are tricky", 2011, and the
// optimistic spinning of Linux's mutex since 2.6.30. mutex.ts is the fair one.
//
//   free ──cmpxchg──> held            taken at once
//   held ──> spin SPINS times ──> park ──woken──> spin ...
//
// Bounds: none, who is awake goes first. Left out: spinning only while the owner runs; here CPUs always run.

import { atomic_cmpxchg, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { boot } from "../arch/boot_params";
import { serve_ipis } from "../arch/ipi";
import { park, park_cancel, park_prepare, unpark_one } from "./parking";

/** Where the mask of sleepers lies. */
const SLEEPERS: usize = 8;

/** Takes the mutex; spins, then sleeps while it is held. */
@inline
export function mutex_spin_lock(mutex: usize): void {
  // ACQUIRE. Pairs with mutex_spin_unlock(): what the last holder wrote is visible from here on.
  if (atomic_cmpxchg<u32>(mutex, 0, 1) != 0) mutex_spin_lock_slow(mutex);
}

function mutex_spin_lock_slow(mutex: usize): void {
  while (!spin(mutex)) {
    park_prepare(mutex + SLEEPERS);
    if (mutex_spin_trylock(mutex)) {
      park_cancel(mutex + SLEEPERS);
      return;
    }
    park(mutex + SLEEPERS);
  }
}

/** Tries for as long as a waiter spins before it parks; at least once. */
function spin(mutex: usize): bool {
  const limit = boot().spin_limit;
  for (let turn: u32 = 0; turn < limit; turn++) {
    if (mutex_spin_trylock(mutex)) return true;
    serve_ipis();
  }
  return mutex_spin_trylock(mutex);
}

/** Takes the mutex if it is free; false when it is held. Never waits. */
@inline
export function mutex_spin_trylock(mutex: usize): bool {
  return read_once<u32>(mutex) == 0 && atomic_cmpxchg<u32>(mutex, 0, 1) == 0;
}

/** Frees the mutex, and wakes one that sleeps. */
@inline
export function mutex_spin_unlock(mutex: usize): void {
  if (CONFIG_CHECK) bug_on(read_once<u32>(mutex) == 0, BUG_UNLOCK_OF_FREE_LOCK, mutex);
  // RELEASE. Pairs with mutex_spin_lock(): the critical section is visible before the mutex looks free.
  smp_store_release<u32>(mutex, 0);
  unpark_one(mutex + SLEEPERS);
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 16;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  mutex_spin_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return mutex_spin_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  mutex_spin_unlock(lock);
}
