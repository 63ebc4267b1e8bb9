// Cohort lock over two emulated NUMA nodes: a ticket lock for each node, and one above them. A CPU that frees
// the lock hands it to another of its node, and the lock above with it, so that the data stay on the node; after
// MOST hand-overs the other node gets its turn. C-TKT-TKT after Dice, Marathe and Shavit, "Lock cohorting",
// PPoPP 2012. Even CPUs are node 0, odd ones node 1.
//
//              [ global ]                 held by a node, not by a CPU
//             /          \
//      [ node 0 ]      [ node 1 ]
//       CPU 0, 2        CPU 1, 3
//
// Bounds: who waits is overtaken by at most MOST hand-overs of the other node at a time.

import { read_once } from "../arch/atomic";
import { smp_processor_id } from "../arch/percpu";
import { ticket_lock, ticket_trylock, ticket_unlock } from "./ticket";

const LINE: usize = 64;
/** Hand-overs within a node before the other one has its turn. */
const MOST: u32 = 64;

/** The lock of a node; the holder changes what lies behind its first word. */
@unmanaged @final
class NodeLock {
  /** Ticket lock. */
  @atomic tickets: u32;
  /** 1 when the lock above comes with this one. */
  @guarded("tickets") owns_global: u32;
  /** Hand-overs in a row. */
  @guarded("tickets") passed: u32;
}

@inline
function node_lock(lock: usize): usize {
  return lock + LINE + (smp_processor_id() & 1) * LINE;
}

/** Takes the lock. */
export function cohort_lock(lock: usize): void {
  const local = node_lock(lock);
  ticket_lock(local);
  if (changetype<NodeLock>(local).owns_global == 0) ticket_lock(lock);
}

/** Takes the lock if it is free; false when it is held. Never waits. */
export function cohort_trylock(lock: usize): bool {
  const local = node_lock(lock);
  if (!ticket_trylock(local)) return false;
  if (changetype<NodeLock>(local).owns_global != 0 || ticket_trylock(lock)) return true;
  ticket_unlock(local);
  return false;
}

/** Hands the lock to another CPU of this node, or frees it. Only the holder may call this. */
export function cohort_unlock(lock: usize): void {
  const local = node_lock(lock);
  const node = changetype<NodeLock>(local);
  if (others_wait(local) && node.passed < MOST) {
    node.owns_global = 1;
    node.passed++;
  } else {
    node.owns_global = 0;
    node.passed = 0;
    ticket_unlock(lock);
  }
  ticket_unlock(local);
}

/** True when a ticket after the holder's was taken; whoever took it will come. */
@inline
function others_wait(local: usize): bool {
  const word = read_once<u32>(local);
  return ((word >>> 16) - word - 1 & 0xffff) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 192;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  cohort_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return cohort_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  cohort_unlock(lock);
}
