// Who holds what, in checking forms of the lab: a CPU that takes a lock that it holds, or releases one that
// it does not hold, ends the run. The order between locks is the kernel's business (lock/lockdep.ts).

import { BUG_LOCK_NOT_HELD, BUG_LOCK_RECURSION, bug_on } from "../arch/bug";
import { PERCPU_HELD, this_cpu } from "../arch/percpu";

/** Locks that a CPU can hold at once. */
const MAX_HELD: u32 = 16;
export const SINGLE_DEPTH_NESTING: u32 = 1;

@inline
function held_at(index: u32): usize {
  return changetype<usize>(this_cpu()) + PERCPU_HELD + index * 4;
}

/** This CPU is about to wait for the lock that is called `key`. */
export function lock_acquire(key: usize, _nesting: u32): void {
  const cpu = this_cpu();
  for (let i: u32 = 0; i < cpu.nr_held; i++) {
    bug_on(load<usize>(held_at(i)) == key, BUG_LOCK_RECURSION, key);
  }
  lock_acquire_tried(key);
}

/** This CPU has got the lock, without waiting for it. */
export function lock_acquire_tried(key: usize): void {
  const cpu = this_cpu();
  bug_on(cpu.nr_held == MAX_HELD, BUG_LOCK_RECURSION, key);
  store<usize>(held_at(cpu.nr_held), key);
  cpu.nr_held++;
}

/** This CPU is about to free the lock. */
export function lock_release(key: usize): void {
  const cpu = this_cpu();
  let at = cpu.nr_held;
  while (at > 0 && load<usize>(held_at(at - 1)) != key) at--;
  bug_on(at == 0, BUG_LOCK_NOT_HELD, key);
  for (let i = at; i < cpu.nr_held; i++) store<usize>(held_at(i - 1), load<usize>(held_at(i)));
  cpu.nr_held--;
}
