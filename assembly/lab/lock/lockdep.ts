// Who holds what, in checking forms of the lab: a CPU that takes a lock that it holds, or releases one that
// it does not hold, ends the run. The order between locks is the kernel's business (lock/lockdep.ts).

import { BUG_LOCK_NOT_HELD, BUG_LOCK_RECURSION, bug_on } from "../arch/bug";
import { PERCPU_HELD, this_cpu_base } from "../arch/percpu";

/** Locks that a CPU can hold at once. */
const MAX_HELD: u32 = 12;
export const SINGLE_DEPTH_NESTING: u32 = 1;

@inline
function count_at(): usize {
  return this_cpu_base() + PERCPU_HELD;
}

@inline
function held_at(index: u32): usize {
  return count_at() + 4 + index * 4;
}

/** This CPU is about to wait for the lock that is called `key`. */
export function lock_acquire(key: usize, _nesting: u32): void {
  const count = load<u32>(count_at());
  for (let i: u32 = 0; i < count; i++) {
    bug_on(load<usize>(held_at(i)) == key, BUG_LOCK_RECURSION, key);
  }
  lock_acquire_tried(key);
}

/** The same: in the lab locks have no classes. */
export function lock_acquire_higher(key: usize): void {
  lock_acquire(key, 0);
}

/** This CPU has got the lock, without waiting for it. */
export function lock_acquire_tried(key: usize): void {
  const count = load<u32>(count_at());
  bug_on(count == MAX_HELD, BUG_LOCK_RECURSION, key);
  store<usize>(held_at(count), key);
  store<u32>(count_at(), count + 1);
}

/** This CPU is about to free the lock. */
export function lock_release(key: usize): void {
  const count = load<u32>(count_at());
  let at = count;
  while (at > 0 && load<usize>(held_at(at - 1)) != key) at--;
  bug_on(at == 0, BUG_LOCK_NOT_HELD, key);
  for (let i = at; i < count; i++) store<usize>(held_at(i - 1), load<usize>(held_at(i)));
  store<u32>(count_at(), count - 1);
}
