// Anderson's array lock: a ring of slots, one line each; a CPU takes the next slot and spins on it alone. FIFO.
// After Anderson, "The performance of spin lock alternatives for shared-memory multiprocessors", IEEE TPDS
// 1(1), 1990.
//
//   next = 6     slot:   3     4     5     0  ...
//                        0     1     0     0       1: its CPU has the lock
//                              ^holder ^waits
//
// Bounds: as many CPUs as slots. Memory: a line for each CPU in each lock.

import { atomic_cmpxchg, atomic_fetch_add, read_once, write_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { NR_CPUS } from "../arch/percpu";
import { cpu_wait_while } from "../arch/wait";

const SLOT_BYTES: usize = 64;

@unmanaged @final
class AndersonLock {
  /** Number that the next CPU takes. */
  @atomic next: u32;
  /** Slots minus one; they are a power of two. */
  mask: u32;
  /** Number of the holder. */
  @guarded("itself") holder: u32;
}

@inline
function slot_of(lock: usize, number: u32): usize {
  return lock + SLOT_BYTES + (number & changetype<AndersonLock>(lock).mask) * SLOT_BYTES;
}

/** Makes a free lock for `cpus` CPUs. */
export function anderson_init(lock: usize, cpus: u32): void {
  let slots: u32 = 1;
  while (slots < cpus) slots *= 2;
  const array = changetype<AndersonLock>(lock);
  array.next = 0;
  array.mask = slots - 1;
  for (let number: u32 = 0; number < slots; number++) store<u32>(slot_of(lock, number), 0);
  store<u32>(slot_of(lock, 0), 1);
}

/** Takes the lock. Waiters are served in order of arrival. */
@inline
export function anderson_lock(lock: usize): void {
  const number = atomic_fetch_add<u32>(lock + offsetof<AndersonLock>("next"), 1);
  const slot = slot_of(lock, number);
  // ACQUIRE. Pairs with anderson_unlock(): what the last holder wrote is visible from here on.
  while (read_once<u32>(slot) == 0) cpu_wait_while<u32>(slot, 0);
  // Before the lock is handed on, so before the slot's turn comes again.
  write_once<u32>(slot, 0);
  changetype<AndersonLock>(lock).holder = number;
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function anderson_trylock(lock: usize): bool {
  const next = lock + offsetof<AndersonLock>("next");
  const number = read_once<u32>(next);
  const slot = slot_of(lock, number);
  // A slot stays as it is until somebody takes its number.
  if (read_once<u32>(slot) == 0) return false;
  if (atomic_cmpxchg<u32>(next, number, number + 1) != number) return false;
  write_once<u32>(slot, 0);
  changetype<AndersonLock>(lock).holder = number;
  return true;
}

/** Hands the lock to the next slot. Only the holder may call this. */
@inline
export function anderson_unlock(lock: usize): void {
  const slot = slot_of(lock, changetype<AndersonLock>(lock).holder + 1);
  if (CONFIG_CHECK) bug_on(read_once<u32>(slot) != 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with anderson_lock(): the critical section is visible before the slot is served.
  smp_store_release<u32>(slot, 1);
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 64 + <i32>NR_CPUS * 64;
export const NODE_BYTES: i32 = 0;

export function init(lock: usize, cpus: u32): void {
  anderson_init(lock, cpus);
}

export function acquire(lock: usize, _node: usize): void {
  anderson_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return anderson_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  anderson_unlock(lock);
}
