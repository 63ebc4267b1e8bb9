// MCS queue lock. FIFO; each waiter spins on a line of its own. One word, which is the tail of the queue;
// the nodes are brought by the CPUs. After Mellor-Crummey and Scott, "Algorithms for scalable
// synchronization on shared-memory multiprocessors", ACM TOCS 9(1), 1991, algorithm 5.
//
//   lock: tail ─────────────────────────┐          0: free
//                                       v
//   node: next ──> node: next ──> node: next = 0
//         holder         waits = 1      waits = 1
//
// Bounds: a hand-over touches one line of the successor; a release that finds a newcomer between its two
// steps waits for it to link itself. Memory: one node for each lock that a CPU holds.

import { atomic_cmpxchg, atomic_xchg, read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { cpu_wait_while } from "../arch/wait";
import { node_find, node_get, node_put } from "./node_pool";

/** A place in the queue. */
@unmanaged @final
class McsNode {
  /** The node behind this one; 0: nobody yet. */
  @atomic next: usize;
  /** 1 until the CPU before hands the lock over. */
  @atomic waits: u32;
}

@inline
function next_of(node: usize): usize {
  return node + offsetof<McsNode>("next");
}

@inline
function waits_of(node: usize): usize {
  return node + offsetof<McsNode>("waits");
}

/** Takes the lock with a node that nobody else uses until mcs_release(). */
@inline
export function mcs_acquire(lock: usize, node: usize): void {
  changetype<McsNode>(node).next = 0;
  // ACQUIRE. Pairs with mcs_release(): what the last holder wrote is visible from here on.
  const before = atomic_xchg<usize>(lock, node);
  if (before != 0) mcs_wait(before, node);
}

function mcs_wait(before: usize, node: usize): void {
  changetype<McsNode>(node).waits = 1;
  // RELEASE. Pairs with mcs_release(): who hands over to this node finds it ready.
  smp_store_release<usize>(next_of(before), node);
  while (read_once<u32>(waits_of(node)) != 0) cpu_wait_while<u32>(waits_of(node), 1);
}

/** Takes the lock if nobody is in the queue. Never waits. */
@inline
export function mcs_try_acquire(lock: usize, node: usize): bool {
  if (read_once<usize>(lock) != 0) return false;
  changetype<McsNode>(node).next = 0;
  return atomic_cmpxchg<usize>(lock, 0, node) == 0;
}

/** Hands the lock to the next waiter, or frees it. */
@inline
export function mcs_release(lock: usize, node: usize): void {
  if (CONFIG_CHECK) bug_on(read_once<usize>(lock) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  let next = read_once<usize>(next_of(node));
  if (next == 0) {
    if (atomic_cmpxchg<usize>(lock, node, 0) == node) return;
    next = mcs_newcomer(node);
  }
  // RELEASE. Pairs with mcs_acquire(), mcs_wait(): the critical section is visible to the next holder.
  smp_store_release<u32>(waits_of(next), 0);
}

/** Somebody is the tail already and has not linked itself yet. */
function mcs_newcomer(node: usize): usize {
  while (true) {
    const next = read_once<usize>(next_of(node));
    if (next != 0) return next;
    cpu_wait_while<usize>(next_of(node), 0);
  }
}

// As a spinlock_t: one word, with a node of the CPU's own.

/** Takes the lock. */
@inline
export function mcs_lock(lock: usize): void {
  mcs_acquire(lock, node_get(lock));
}

/** Takes the lock if it is free; false when it is held. Never waits. */
@inline
export function mcs_trylock(lock: usize): bool {
  if (read_once<usize>(lock) != 0) return false;
  const node = node_get(lock);
  if (mcs_try_acquire(lock, node)) return true;
  node_put(node);
  return false;
}

/** Frees the lock. Only the CPU that took it may call this. */
@inline
export function mcs_unlock(lock: usize): void {
  const node = node_find(lock);
  mcs_release(lock, node);
  node_put(node);
}

/** True while somebody holds the lock. */
@inline
export function mcs_is_locked(lock: usize): bool {
  return read_once<usize>(lock) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 8;

export function acquire(lock: usize, node: usize): void {
  mcs_acquire(lock, node);
}

export function try_acquire(lock: usize, node: usize): bool {
  return mcs_try_acquire(lock, node);
}

export function release(lock: usize, node: usize): void {
  mcs_release(lock, node);
}
