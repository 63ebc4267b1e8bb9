// A spinlock in one bit of a word that holds other things too: PG_maplock in page->flags is one.
// Models bit_spin_lock of 2.6. Not fair. The price over a whole word: the release must be a locked
// operation as well, since others change the neighbouring bits meanwhile.

import { atomic_cmpxchg, atomic_fetch_and, read_once } from "../arch/atomic";
import { BUG_UNLOCK_OF_FREE_LOCK, check_bug_on } from "../arch/bug";
import { FIX_BIT_UNLOCK, without } from "../arch/fixes";
import { cpu_wait_while } from "../arch/wait";
import { LOCK_IS_BIT } from "./lock_class";
import { lock_acquire, lock_acquire_tried, lock_release } from "./lockdep";

/** Takes bit `mask` of the word at `word`. */
@inline
export function bit_spin_lock(mask: u32, word: usize): void {
  if (CONFIG_CHECK) lock_acquire(word | LOCK_IS_BIT, 0);
  const old = read_once<u32>(word);
  // ACQUIRE. Pairs with bit_spin_unlock(): what the last holder wrote is visible from here on.
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

/** Takes the bit if it is clear; false when it is held. Never waits for the holder. */
export function bit_spin_trylock(mask: u32, word: usize): bool {
  while (true) {
    const old = read_once<u32>(word);
    if (old & mask) return false;
    if (atomic_cmpxchg<u32>(word, old, old | mask) == old) {
      if (CONFIG_CHECK) lock_acquire_tried(word | LOCK_IS_BIT);
      return true;
    }
  }
}

/** Clears the bit. Only the holder may call this. */
@inline
export function bit_spin_unlock(mask: u32, word: usize): void {
  check_bug_on((read_once<u32>(word) & mask) == 0, BUG_UNLOCK_OF_FREE_LOCK, word);
  if (CONFIG_CHECK) lock_release(word | LOCK_IS_BIT);
  if (without(FIX_BIT_UNLOCK)) {
    store<u32>(word, load<u32>(word) & ~mask);
    return;
  }
  // RELEASE. Pairs with bit_spin_lock(): the critical section is visible before the bit looks free.
  atomic_fetch_and<u32>(word, ~mask);
}
