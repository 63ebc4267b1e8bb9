// Big-reader lock: a spinlock for each CPU. A reader takes its own, on a line that no other CPU touches; a writer
// takes all of them, in order. Models br_lock of Linux 2.4 and lg_lock of 3.x.
//
//   CPU:      0       1       2       3
//          [lock]  [lock]  [lock]  [lock]     reader on CPU 2: its own; writer: 0, 1, 2, 3
//
// Bounds: reading costs as much as a spinlock of one's own; writing grows with the number of CPUs. Tickets, so
// that nobody starves.

import { smp_processor_id, NR_CPUS } from "../arch/percpu";
import { ticket_lock, ticket_trylock, ticket_unlock } from "./ticket";

const LINE: usize = 64;

/** Makes a free lock for `cpus` CPUs; its first word says how many. */
export function br_init(lock: usize, cpus: u32): void {
  store<u32>(lock, cpus);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) store<u32>(lock_of(lock, cpu), 0);
}

@inline
function lock_of(lock: usize, cpu: u32): usize {
  return lock + LINE + cpu * LINE;
}

/** Takes the lock for reading. */
@inline
export function br_read_lock(lock: usize): void {
  ticket_lock(lock_of(lock, smp_processor_id()));
}

/** Takes the lock for reading if no writer has come as far as this CPU. Never waits. */
@inline
export function br_read_trylock(lock: usize): bool {
  return ticket_trylock(lock_of(lock, smp_processor_id()));
}

/** Leaves as a reader. */
@inline
export function br_read_unlock(lock: usize): void {
  ticket_unlock(lock_of(lock, smp_processor_id()));
}

/** Takes the lock for writing. */
export function br_write_lock(lock: usize): void {
  const cpus = load<u32>(lock);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) ticket_lock(lock_of(lock, cpu));
}

/** Takes the lock for writing if nobody is inside. Never waits. */
export function br_write_trylock(lock: usize): bool {
  const cpus = load<u32>(lock);
  let taken: u32 = 0;
  while (taken < cpus && ticket_trylock(lock_of(lock, taken))) taken++;
  if (taken == cpus) return true;
  while (taken > 0) ticket_unlock(lock_of(lock, --taken));
  return false;
}

/** Leaves as the writer. */
export function br_write_unlock(lock: usize): void {
  const cpus = load<u32>(lock);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) ticket_unlock(lock_of(lock, cpu));
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 64 + <i32>NR_CPUS * 64;
export const NODE_BYTES: i32 = 0;

export function init(lock: usize, cpus: u32): void {
  br_init(lock, cpus);
}

export function acquire(lock: usize, _node: usize): void {
  br_write_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return br_write_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  br_write_unlock(lock);
}

export function acquire_shared(lock: usize, _node: usize): void {
  br_read_lock(lock);
}

export function try_acquire_shared(lock: usize, _node: usize): bool {
  return br_read_trylock(lock);
}

export function release_shared(lock: usize, _node: usize): void {
  br_read_unlock(lock);
}
