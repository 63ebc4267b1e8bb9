// Sequence lock: writers exclude each other and count up before and after they write; readers write nothing,
// and read again when the count was odd or has changed. Models seqlock_t of Linux 2.6.
//
//   sequence:  4 ──write_seqlock()──> 5 ──write_sequnlock()──> 6       odd: a writer is inside
//
// Bounds: none for readers, who may have to read again and again. What they read before they know is torn: it
// is read with read_once() and not followed.

import { read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_wait_while } from "../arch/wait";
import { ttas_lock, ttas_trylock, ttas_unlock } from "./ttas";

/** Where the spinlock of the writers lies, behind the sequence. */
const WRITERS: usize = 4;

/** Begins to write: readers that have begun will read again. */
@inline
function begin_to_write(lock: usize): void {
  // RELEASE. Pairs with read_seqbegin(), read_seqretry(): the count is odd before anything is written.
  smp_store_release<u32>(lock, read_once<u32>(lock) + 1);
}

/** Takes the lock for writing. */
@inline
export function write_seqlock(lock: usize): void {
  ttas_lock(lock + WRITERS);
  begin_to_write(lock);
}

/** Takes the lock for writing if no writer is inside. Never waits. */
@inline
export function write_tryseqlock(lock: usize): bool {
  if (!ttas_trylock(lock + WRITERS)) return false;
  begin_to_write(lock);
  return true;
}

/** Leaves as the writer. */
@inline
export function write_sequnlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on((read_once<u32>(lock) & 1) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with read_seqbegin(): all is written before the count is even.
  smp_store_release<u32>(lock, read_once<u32>(lock) + 1);
  ttas_unlock(lock + WRITERS);
}

/** Begins to read; what it returns is for read_seqretry(). Waits while a writer is inside. */
@inline
export function read_seqbegin(lock: usize): u32 {
  while (true) {
    // ACQUIRE. Pairs with write_sequnlock(), begin_to_write(): what was written is visible from here on.
    const sequence = read_once<u32>(lock);
    if ((sequence & 1) == 0) return sequence;
    cpu_wait_while<u32>(lock, sequence);
  }
}

/** True when what was read since read_seqbegin() is worth nothing. */
@inline
export function read_seqretry(lock: usize, begun: u32): bool {
  // ACQUIRE. Pairs with begin_to_write(): who has read something new sees that the count has changed.
  return read_once<u32>(lock) != begun;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 8;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  write_seqlock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return write_tryseqlock(lock);
}

export function release(lock: usize, _node: usize): void {
  write_sequnlock(lock);
}

export function read_begin(lock: usize): u32 {
  return read_seqbegin(lock);
}

export function read_retry(lock: usize, begun: u32): bool {
  return read_seqretry(lock, begun);
}
