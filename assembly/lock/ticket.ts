// Ticket spinlock. FIFO, one word. Models the x86 spinlock of 2.6.25 to 4.1.
//
//    31           16 15            0
//   |----- next -----|---- owner ----|    held  <=>  next != owner
//
// Bounds: at most 65535 CPUs wait, since a ticket has 16 bits.

import { atomic_cmpxchg, atomic_fetch_add, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_wait_while } from "../arch/wait";

const TICKET_BITS: u32 = 16;
const TICKET_ONE: u32 = 1 << TICKET_BITS;
const TICKET_MASK: u32 = TICKET_ONE - 1;

/** Takes the lock. Waiters are served in order of arrival. */
@inline
export function ticket_lock(lock: usize): void {
  // ACQUIRE. Pairs with ticket_unlock(): what earlier holders wrote is visible from here on.
  const word = atomic_fetch_add<u32>(lock, TICKET_ONE);
  const ticket = word >>> TICKET_BITS;
  if ((word & TICKET_MASK) != ticket) ticket_lock_slow(lock, ticket);
}

function ticket_lock_slow(lock: usize, ticket: u32): void {
  while (true) {
    const owner = read_once<u16>(lock);
    if (<u32>owner == ticket) return;
    cpu_wait_while<u16>(lock, owner);
  }
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function ticket_trylock(lock: usize): bool {
  const word = read_once<u32>(lock);
  if (word >>> TICKET_BITS != (word & TICKET_MASK)) return false;
  return atomic_cmpxchg<u32>(lock, word, word + TICKET_ONE) == word;
}

/** Hands the lock to the next waiter. Only the holder may call this. */
@inline
export function ticket_unlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on(!ticket_is_locked(lock), BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with ticket_lock(), ticket_prop_lock(): the critical section is visible before the lock looks free.
  // A 16-bit store, so that `owner` wraps without carrying into `next`, where others are adding.
  smp_store_release<u16>(lock, read_once<u16>(lock) + 1);
}

/** True while somebody holds the lock. */
@inline
export function ticket_is_locked(lock: usize): bool {
  const word = read_once<u32>(lock);
  return word >>> TICKET_BITS != (word & TICKET_MASK);
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  ticket_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return ticket_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  ticket_unlock(lock);
}
