// A spinlock in one bit of a word that holds other things too: PG_maplock in page->flags is one.
// Models bit_spin_lock of 2.6. Not fair. The price over a whole word: the release must be a locked
// operation as well, since others change the neighbouring bits meanwhile.

import { atomic_cmpxchg, atomic_fetch_and, read_once } from "../arch/atomic";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { FIX_BIT_UNLOCK, without } from "../arch/fixes";
import { cpu_wait_while } from "../arch/wait";
import { LOCK_IS_BIT } from "./lock_class";
import { lock_acquire, lock_acquire_tried, lock_release } from "./lockdep";

/** bit_spin_lock, unwatched by lockdep. */
@inline
function take(mask: u32, word: usize): void {
  const old = read_once<u32>(word);
  // ACQUIRE. Pairs with free(): what the last holder wrote is visible from here on.
  if ((old & mask) == 0 && atomic_cmpxchg<u32>(word, old, old | mask) == old) return;
  bit_spin_lock_slow(mask, word);
}

function bit_spin_lock_slow(mask: u32, word: usize): void {
  while (true) {
    const old = read_once<u32>(word);
    if (old & mask) cpu_wait_while<u32>(word, old);
    else if (atomic_cmpxchg<u32>(word, old, old | mask) == old) return;
  }
}

/** bit_spin_trylock, unwatched by lockdep. */
@inline
function try_to_take(mask: u32, word: usize): bool {
  while (true) {
    const old = read_once<u32>(word);
    if (old & mask) return false;
    if (atomic_cmpxchg<u32>(word, old, old | mask) == old) return true;
  }
}

/** bit_spin_unlock, unwatched by lockdep. */
@inline
function free(mask: u32, word: usize): void {
  if (CONFIG_CHECK) bug_on((read_once<u32>(word) & mask) == 0, BUG_UNLOCK_OF_FREE_LOCK, word);
  if (without(FIX_BIT_UNLOCK)) {
    store<u32>(word, load<u32>(word) & ~mask);
    return;
  }
  // RELEASE. Pairs with take(), lock_with_backoff(): the critical section is visible before the bit looks free.
  atomic_fetch_and<u32>(word, ~mask);
}

/** Takes bit `mask` of the word at `word`. */
@inline
export function bit_spin_lock(mask: u32, word: usize): void {
  if (CONFIG_CHECK) lock_acquire(word | LOCK_IS_BIT, 0);
  take(mask, word);
}

/** Takes the bit if it is clear; false when it is held. Never waits for the holder. */
export function bit_spin_trylock(mask: u32, word: usize): bool {
  const taken = try_to_take(mask, word);
  if (CONFIG_CHECK && taken) lock_acquire_tried(word | LOCK_IS_BIT);
  return taken;
}

/** Clears the bit. Only the holder may call this. */
@inline
export function bit_spin_unlock(mask: u32, word: usize): void {
  if (CONFIG_CHECK) bug_on((read_once<u32>(word) & mask) == 0, BUG_UNLOCK_OF_FREE_LOCK, word);
  if (CONFIG_CHECK) lock_release(word | LOCK_IS_BIT);
  free(mask, word);
}

// As a spinlock_t of its own: bit 0 of a word that holds nothing else.

/** Takes the lock. */
@inline
export function bit_lock(lock: usize): void {
  take(1, lock);
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function bit_trylock(lock: usize): bool {
  return try_to_take(1, lock);
}

/** Frees the lock. Only the holder may call this. */
@inline
export function bit_unlock(lock: usize): void {
  free(1, lock);
}

/** True while somebody holds the lock. */
@inline
export function bit_is_locked(lock: usize): bool {
  return (read_once<u32>(lock) & 1) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  bit_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return bit_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  bit_unlock(lock);
}
