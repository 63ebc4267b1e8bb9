// Fair reader-writer spinlock: the queued rwlock of Linux 3.16. Who cannot get in at once takes a ticket of the
// wait lock; only the CPU at its front looks at the count. A writer there sets a bit that keeps new readers out.
//
//    31                         9  8  7          0
//   |---------- readers ----------|W|-- writer ---|     W: a writer waits; writer: 0xff when inside
//   |------- wait lock: tickets ------------------|
//
// Bounds: who waits is overtaken at most by those readers that come while it is not at the front yet.
// Left out: readers in interrupts, which Linux lets past waiting writers.

import { atomic_cmpxchg, atomic_fetch_add, atomic_fetch_or, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_wait_while } from "../arch/wait";
import { ticket_lock, ticket_unlock } from "./ticket";

const WRITER: u32 = 0xff;
const WAITS: u32 = 0x100;
const WRITERS: u32 = WRITER | WAITS;
const READER: u32 = 0x200;
/** Where the wait lock lies. */
const WAIT_LOCK: usize = 4;

/** Takes the lock for reading. */
@inline
export function read_lock(lock: usize): void {
  // ACQUIRE. Pairs with write_unlock(): what the last writer wrote is visible from here on.
  if ((atomic_fetch_add<u32>(lock, READER) & WRITERS) != 0) read_lock_slow(lock);
}

function read_lock_slow(lock: usize): void {
  atomic_fetch_add<u32>(lock, -READER);
  ticket_lock(lock + WAIT_LOCK);
  atomic_fetch_add<u32>(lock, READER);
  while (true) {
    const word = read_once<u32>(lock);
    if ((word & WRITER) == 0) break;
    cpu_wait_while<u32>(lock, word);
  }
  ticket_unlock(lock + WAIT_LOCK);
}

/** Takes the lock for reading if no writer is inside or waits. Never waits. */
@inline
export function read_trylock(lock: usize): bool {
  if ((read_once<u32>(lock) & WRITERS) != 0) return false;
  if ((atomic_fetch_add<u32>(lock, READER) & WRITERS) == 0) return true;
  atomic_fetch_add<u32>(lock, -READER);
  return false;
}

/** Leaves as a reader. */
@inline
export function read_unlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on(read_once<u32>(lock) < READER, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with write_lock(): what was read is not changed before this.
  atomic_fetch_add<u32>(lock, -READER);
}

/** Takes the lock for writing. */
@inline
export function write_lock(lock: usize): void {
  // ACQUIRE. Pairs with write_unlock(), read_unlock(): all before are out.
  if (atomic_cmpxchg<u32>(lock, 0, WRITER) != 0) write_lock_slow(lock);
}

function write_lock_slow(lock: usize): void {
  ticket_lock(lock + WAIT_LOCK);
  if (!write_trylock(lock)) {
    atomic_fetch_or<u32>(lock, WAITS);
    while (true) {
      const word = read_once<u32>(lock);
      if (word != WAITS) cpu_wait_while<u32>(lock, word);
      else if (atomic_cmpxchg<u32>(lock, WAITS, WRITER) == WAITS) break;
    }
  }
  ticket_unlock(lock + WAIT_LOCK);
}

/** Takes the lock for writing if nobody is inside. Never waits. */
@inline
export function write_trylock(lock: usize): bool {
  return read_once<u32>(lock) == 0 && atomic_cmpxchg<u32>(lock, 0, WRITER) == 0;
}

/** Leaves as the writer. */
@inline
export function write_unlock(lock: usize): void {
  if (CONFIG_CHECK)
    bug_on((read_once<u32>(lock) & WRITER) != WRITER, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with read_lock(), write_lock(): the critical section is visible before it looks free.
  smp_store_release<u8>(lock, 0);
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 8;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  write_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return write_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  write_unlock(lock);
}

export function acquire_shared(lock: usize, _node: usize): void {
  read_lock(lock);
}

export function try_acquire_shared(lock: usize, _node: usize): bool {
  return read_trylock(lock);
}

export function release_shared(lock: usize, _node: usize): void {
  read_unlock(lock);
}
