// Ticket spinlock with proportional backoff: a waiter stays away from the word for as long as the CPUs before
// it may take, so that a release is read by few. FIFO, one word, the same as in ticket.ts. After
// Mellor-Crummey and Scott, ACM TOCS 9(1), 1991, algorithm 2.
//
//    31           16 15            0
//   |----- next -----|---- owner ----|    before me: ticket - owner
//
// Bounds: at most 65535 CPUs wait. A waiter may sleep over its turn by one delay.

import { atomic_fetch_add, read_once } from "../arch/atomic";
import { cpu_delay, cpu_wait_while } from "../arch/wait";
import { ticket_is_locked, ticket_trylock, ticket_unlock } from "./ticket";

const TICKET_BITS: u32 = 16;
const TICKET_ONE: u32 = 1 << TICKET_BITS;
const TICKET_MASK: u32 = TICKET_ONE - 1;
/** Turns to stay away for each CPU that comes before the next. */
const TURNS_OF_ONE: u32 = 32;

/** Takes the lock. Waiters are served in order of arrival. */
@inline
export function ticket_prop_lock(lock: usize): void {
  // ACQUIRE. Pairs with ticket_unlock(): what earlier holders wrote is visible from here on.
  const word = atomic_fetch_add<u32>(lock, TICKET_ONE);
  const ticket = word >>> TICKET_BITS;
  if ((word & TICKET_MASK) != ticket) ticket_prop_lock_slow(lock, ticket);
}

function ticket_prop_lock_slow(lock: usize, ticket: u32): void {
  while (true) {
    const owner = read_once<u16>(lock);
    const before = (ticket - <u32>owner) & TICKET_MASK;
    if (before == 0) return;
    cpu_delay((before - 1) * TURNS_OF_ONE);
    cpu_wait_while<u16>(lock, owner);
  }
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function ticket_prop_trylock(lock: usize): bool {
  return ticket_trylock(lock);
}

/** Hands the lock to the next waiter. Only the holder may call this. */
@inline
export function ticket_prop_unlock(lock: usize): void {
  ticket_unlock(lock);
}

/** True while somebody holds the lock. */
@inline
export function ticket_prop_is_locked(lock: usize): bool {
  return ticket_is_locked(lock);
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  ticket_prop_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return ticket_prop_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  ticket_prop_unlock(lock);
}
