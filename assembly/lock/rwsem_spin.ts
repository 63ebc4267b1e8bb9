// Reader-writer semaphore with optimistic spinning: who finds it held spins for a while, then parks
// (parking.ts). Models what became of Linux's rw_semaphore with 3.16. rwsem.ts is the one of 2.6.
//
//    31 30 29              0
//   |W |w |---- readers ----|     W: a writer is inside; w: one waits, and no new reader gets in
//
// Bounds: readers do not keep a writer out for ever; writers among themselves are not served in order. Whoever
// leaves it empty wakes all that sleep: each of them may be the one that can go on.

import {
  atomic_cmpxchg,
  atomic_fetch_add,
  atomic_fetch_and,
  atomic_or,
  read_once,
} from "../arch/atomic";
import { boot } from "../arch/boot_params";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { serve_ipis } from "../arch/ipi";
import { park, park_cancel, park_prepare, unpark_all } from "./parking";

const WRITER: u32 = 0x8000_0000;
const WAITS: u32 = 0x4000_0000;
const READERS: u32 = 0x3fff_ffff;
/** Where the mask of sleepers lies. */
const SLEEPERS: usize = 8;

/** Enters for writing. */
@inline
export function rwsem_spin_down_write(sem: usize): void {
  // ACQUIRE. Pairs with rwsem_spin_up_write(), rwsem_spin_up_read(): all before are out.
  if (atomic_cmpxchg<u32>(sem, 0, WRITER) != 0) wait_to_write(sem);
}

function wait_to_write(sem: usize): void {
  while (!spin_to_write(sem)) {
    park_prepare(sem + SLEEPERS);
    // Set again each time: a writer that gets in clears it.
    atomic_or<u32>(sem, WAITS);
    if (rwsem_spin_try_write(sem)) {
      park_cancel(sem + SLEEPERS);
      return;
    }
    park(sem + SLEEPERS);
  }
}

function spin_to_write(sem: usize): bool {
  const limit = boot().spin_limit;
  for (let turn: u32 = 0; turn < limit; turn++) {
    if (rwsem_spin_try_write(sem)) return true;
    serve_ipis();
  }
  return rwsem_spin_try_write(sem);
}

/** Enters for writing if nobody is inside. Never waits. */
export function rwsem_spin_try_write(sem: usize): bool {
  const word = read_once<u32>(sem);
  return (word & ~WAITS) == 0 && atomic_cmpxchg<u32>(sem, word, WRITER) == word;
}

/** Makes a free semaphore. */
export function rwsem_spin_init(sem: usize): void {
  store<u32>(sem, 0);
  store<u64>(sem + SLEEPERS, 0);
}

/** Turns the writer into a reader without letting another writer in between. */
export function rwsem_spin_downgrade(sem: usize): void {
  if (CONFIG_CHECK) bug_on((read_once<u32>(sem) & WRITER) == 0, BUG_UNLOCK_OF_FREE_LOCK, sem);
  // RELEASE. Pairs with rwsem_spin_try_read(): what the writer wrote is visible to readers.
  atomic_fetch_add<u32>(sem, 1 - WRITER);
  unpark_all(sem + SLEEPERS);
}

/** Leaves as the writer. */
@inline
export function rwsem_spin_up_write(sem: usize): void {
  if (CONFIG_CHECK) bug_on((read_once<u32>(sem) & WRITER) == 0, BUG_UNLOCK_OF_FREE_LOCK, sem);
  // RELEASE. Pairs with rwsem_spin_down_write(), rwsem_spin_try_read(): all is visible to who comes next.
  atomic_fetch_and<u32>(sem, ~WRITER);
  unpark_all(sem + SLEEPERS);
}

/** Enters for reading. */
@inline
export function rwsem_spin_down_read(sem: usize): void {
  if (!rwsem_spin_try_read(sem)) wait_to_read(sem);
}

function wait_to_read(sem: usize): void {
  while (!spin_to_read(sem)) {
    park_prepare(sem + SLEEPERS);
    if (rwsem_spin_try_read(sem)) {
      park_cancel(sem + SLEEPERS);
      return;
    }
    park(sem + SLEEPERS);
  }
}

function spin_to_read(sem: usize): bool {
  const limit = boot().spin_limit;
  for (let turn: u32 = 0; turn < limit; turn++) {
    if (rwsem_spin_try_read(sem)) return true;
    serve_ipis();
  }
  return rwsem_spin_try_read(sem);
}

/** Enters for reading if no writer is inside or waits. Never waits for one. */
export function rwsem_spin_try_read(sem: usize): bool {
  while (true) {
    const word = read_once<u32>(sem);
    if ((word & (WRITER | WAITS)) != 0) return false;
    // ACQUIRE. Pairs with rwsem_spin_up_write(), rwsem_spin_downgrade(): what a writer wrote is visible from here on.
    if (atomic_cmpxchg<u32>(sem, word, word + 1) == word) return true;
  }
}

/** Leaves as a reader. */
@inline
export function rwsem_spin_up_read(sem: usize): void {
  if (CONFIG_CHECK) bug_on((read_once<u32>(sem) & READERS) == 0, BUG_UNLOCK_OF_FREE_LOCK, sem);
  // RELEASE. Pairs with rwsem_spin_down_write(): what was read is not changed before this.
  const before = atomic_fetch_add<u32>(sem, -1);
  if ((before & READERS) == 1) unpark_all(sem + SLEEPERS);
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 16;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  rwsem_spin_down_write(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return rwsem_spin_try_write(lock);
}

export function release(lock: usize, _node: usize): void {
  rwsem_spin_up_write(lock);
}

export function acquire_shared(lock: usize, _node: usize): void {
  rwsem_spin_down_read(lock);
}

export function try_acquire_shared(lock: usize, _node: usize): bool {
  return rwsem_spin_try_read(lock);
}

export function release_shared(lock: usize, _node: usize): void {
  rwsem_spin_up_read(lock);
}
