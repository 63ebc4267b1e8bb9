// The locks that a CPU holds, the oldest first: what lockdep (lock/lockdep.ts) keeps for each CPU.
// Checking builds only. Tasks of one CPU nest on each other's frames, and none may wait for another
// with a lock held, so one stack for each CPU is one for each task.

import { BUG_LOCKS_HELD, panic } from "./bug";
import { PERCPU_HELD_LOCKS, this_cpu_base } from "./percpu";

/** Locks that a CPU may hold at once. */
export const MAX_HELD_LOCKS: u32 = 16;
/** Where the entries begin, behind their number. */
export const HELD_LOCKS_FIRST: usize = 8;
/** Bytes of all of it. */
export const HELD_LOCKS_SIZE: usize = 136;

@unmanaged @final
export class HeldLock {
  /** Address of the lock | LOCK_IS_*: what kind of lock it is. */
  key: usize;
  /** LOCK_*: its class. */
  lock_class: u32;
}

if (HELD_LOCKS_SIZE != HELD_LOCKS_FIRST + MAX_HELD_LOCKS * offsetof<HeldLock>())
  ERROR("HELD_LOCKS_SIZE is not that of the held locks");

/** How many locks this CPU holds. */
@inline
export function nr_held_locks(): u32 {
  return load<u32>(this_cpu_base() + PERCPU_HELD_LOCKS);
}

@inline
function set_nr_held_locks(count: u32): void {
  store<u32>(this_cpu_base() + PERCPU_HELD_LOCKS, count);
}

/** Held lock number `index` of this CPU. */
@inline
export function held_lock(index: u32): HeldLock {
  const first = this_cpu_base() + PERCPU_HELD_LOCKS + HELD_LOCKS_FIRST;
  return changetype<HeldLock>(first + index * offsetof<HeldLock>());
}

/** This CPU holds one lock more. */
@inline
export function held_lock_add(key: usize, lock_class: u32): void {
  const count = nr_held_locks();
  if (count == MAX_HELD_LOCKS) panic(BUG_LOCKS_HELD, key, lock_class);
  const held = held_lock(count);
  held.key = key;
  held.lock_class = lock_class;
  set_nr_held_locks(count + 1);
}

/** This CPU no longer holds lock number `index`; the younger ones move up. */
@inline
export function held_lock_remove(index: u32): void {
  const count = nr_held_locks() - 1;
  for (let i = index; i < count; i++) {
    const next = held_lock(i + 1);
    const held = held_lock(i);
    held.key = next.key;
    held.lock_class = next.lock_class;
  }
  set_nr_held_locks(count);
}

function stop_because_of(held: HeldLock): void {
  panic(BUG_LOCKS_HELD, held.key, held.lock_class);
}

/** This CPU goes to a program, to another task or to rest: it must hold no lock. */
@inline
export function no_locks_held(): void {
  if (CONFIG_CHECK && nr_held_locks() != 0) stop_because_of(held_lock(nr_held_locks() - 1));
}
