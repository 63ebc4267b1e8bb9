// The lock of a page's reverse map, PG_maplock, and what stands behind it: CONFIG_PAGE_BIT. It is named by the address
// of page->flags, whose other bits are not its own.
//
//   bit          the bit, as in 2.6.8                                             bit_spinlock.ts
//   bit-backoff  the same; who lost a race for it stays away, longer each time    backoff.ts has the idea
//   hash-...     no bit at all: a spinlock of a table, chosen by a hash of the address, each on a line of its own
//
// With a table two pages may share a lock: it never excludes too little. Nobody holds two of them, nor waits for
// one with another held (lockdep refuses it for the bit as well).

import { atomic_cmpxchg, read_once } from "../arch/atomic";
import { PAGE_BIT_LOCKS, PAGE_BIT_STRIDE, STRUCT_PAGE_SHIFT } from "../arch/memory_map";
import { cpu_delay, cpu_wait_while } from "../arch/wait";
import { PAGE_BIT_BACKOFF, PAGE_BIT_BIT, PAGE_BIT_HASHED } from "../config";
import { PG_maplock } from "../mm/page";
import { bit_spin_lock, bit_spin_trylock, bit_spin_unlock } from "./bit_spinlock";
import { LOCK_IS_BIT } from "./lock_class";
import { lock_acquire, lock_acquire_tried, lock_release } from "./lockdep";
import { word_lock, word_trylock, word_unlock } from "./word_lock";

/** Turns of the first delay, and of the longest. */
const LEAST: u32 = 4;
const MOST: u32 = 1024;

/** The lock of the table, of NR_PAGE_BIT_LOCKS, for a page. */
@inline
function hashed(flags: usize): usize {
  const hash = ((flags >>> STRUCT_PAGE_SHIFT) * 0x9e370001) >>> 24;
  return PAGE_BIT_LOCKS + hash * PAGE_BIT_STRIDE;
}

function lock_with_backoff(flags: usize): void {
  if (CONFIG_CHECK) lock_acquire(flags | LOCK_IS_BIT, 0);
  let delay = LEAST;
  while (true) {
    const old = read_once<u32>(flags);
    if (old & PG_maplock) {
      cpu_wait_while<u32>(flags, old);
      continue;
    }
    // ACQUIRE. Pairs with free(): what the last holder wrote is visible from here on.
    if (atomic_cmpxchg<u32>(flags, old, old | PG_maplock) == old) return;
    cpu_delay(delay);
    if (delay < MOST) delay *= 2;
  }
}

/** Takes the lock. */
@inline
export function page_bit_lock(flags: usize): void {
  if (CONFIG_PAGE_BIT == PAGE_BIT_BIT) bit_spin_lock(PG_maplock, flags);
  else if (CONFIG_PAGE_BIT == PAGE_BIT_BACKOFF) lock_with_backoff(flags);
  else lock_hashed(flags);
}

function lock_hashed(flags: usize): void {
  if (CONFIG_CHECK) lock_acquire(flags | LOCK_IS_BIT, 0);
  word_lock(CONFIG_PAGE_BIT - PAGE_BIT_HASHED, hashed(flags));
}

/** Takes the lock if it is free; false when it is held. Never waits for the holder. */
export function page_bit_trylock(flags: usize): bool {
  if (CONFIG_PAGE_BIT < PAGE_BIT_HASHED) return bit_spin_trylock(PG_maplock, flags);
  const taken = word_trylock(CONFIG_PAGE_BIT - PAGE_BIT_HASHED, hashed(flags));
  if (CONFIG_CHECK && taken) lock_acquire_tried(flags | LOCK_IS_BIT);
  return taken;
}

/** Frees the lock. Only the holder may call this. */
@inline
export function page_bit_unlock(flags: usize): void {
  if (CONFIG_PAGE_BIT < PAGE_BIT_HASHED) bit_spin_unlock(PG_maplock, flags);
  else unlock_hashed(flags);
}

function unlock_hashed(flags: usize): void {
  if (CONFIG_CHECK) lock_release(flags | LOCK_IS_BIT);
  word_unlock(CONFIG_PAGE_BIT - PAGE_BIT_HASHED, hashed(flags));
}
