// CLH queue lock: each CPU spins on the cell of the one before it. FIFO. A cell is left to the successor, and
// its owner goes on with the cell of its predecessor: cells wander, none is lost. After Craig, "Building FIFO
// and priority-queuing spin locks from atomic swap", TR 93-02-02, University of Washington, 1993, and
// Magnusson, Landin and Hagersten, IPPS 1994.
//
//   lock: tail ─────────────────────────────────┐
//                                               v
//   cell 0 (free)  <──  cell: holder, 1  <──  cell: waits, 1
//
// Bounds: memory is one cell for each CPU and lock that it holds, and one for each lock. Left out: a trylock;
// the cell that the tail names may be taken back and queued again between a look at it and the exchange.

import { atomic_xchg, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_wait_while } from "../arch/wait";

/** What a CPU brings; nobody else reads it. The cell that it brings at first lies behind. */
@unmanaged @final
class ClhNode {
  /** The cell to queue with; 0: the one behind. */
  mine: usize;
  /** The cell of the CPU before, while this one holds the lock. */
  before: usize;
}

/** Where the cells lie in a lock and in a node: on a line of their own. */
const CELL: usize = 64;

/** Makes a free lock: the cell in it is the first predecessor. */
export function clh_init(lock: usize): void {
  store<u32>(lock + CELL, 0);
  store<usize>(lock, lock + CELL);
}

/** Takes the lock. Waiters are served in order of arrival. */
@inline
export function clh_acquire(lock: usize, node: usize): void {
  const own = changetype<ClhNode>(node);
  if (own.mine == 0) own.mine = node + CELL;
  const cell = own.mine;
  store<u32>(cell, 1);
  const before = atomic_xchg<usize>(lock, cell);
  own.before = before;
  // ACQUIRE. Pairs with clh_release(): what the last holder wrote is visible from here on.
  while (read_once<u32>(before) != 0) cpu_wait_while<u32>(before, 1);
}

/** Hands the lock to the next waiter, or frees it. */
@inline
export function clh_release(_lock: usize, node: usize): void {
  const own = changetype<ClhNode>(node);
  const cell = own.mine;
  if (CONFIG_CHECK) bug_on(cell == 0 || read_once<u32>(cell) == 0, BUG_UNLOCK_OF_FREE_LOCK, _lock);
  own.mine = own.before;
  // RELEASE. Pairs with clh_acquire(): the critical section is visible before the cell is free.
  smp_store_release<u32>(cell, 0);
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 128;
export const NODE_BYTES: i32 = 128;

export function init(lock: usize, _cpus: u32): void {
  clh_init(lock);
}

export function acquire(lock: usize, node: usize): void {
  clh_acquire(lock, node);
}

export function release(lock: usize, node: usize): void {
  clh_release(lock, node);
}
