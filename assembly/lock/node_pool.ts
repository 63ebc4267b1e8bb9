// Queue nodes for locks of one word: those who say spin_lock(word) bring none. Each CPU has as many in its
// per-CPU area as it can hold locks at once, one line each; the last word of a node names its lock while it
// is in use. Only the CPU itself looks for one. Locks are mostly freed in the reverse order, and few are
// held, so the search is short.

import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { LOCK_NODES, LOCK_NODE_SIZE, PERCPU_LOCK_NODES, this_cpu_base } from "../arch/percpu";

/** Where a node names its lock. */
const OWNER: usize = LOCK_NODE_SIZE - 4;

/** A node that is not in use, for `lock`. */
@inline
export function node_get(lock: usize): usize {
  const node = node_find(0);
  store<usize>(node, lock, OWNER);
  return node;
}

/** The node that this CPU uses for `lock`; lock 0: one that is not in use. */
@inline
export function node_find(lock: usize): usize {
  const first = this_cpu_base() + PERCPU_LOCK_NODES;
  return load<usize>(first, OWNER) == lock ? first : node_find_slow(first, lock);
}

function node_find_slow(first: usize, lock: usize): usize {
  for (let i: u32 = 1; i < LOCK_NODES; i++) {
    const node = first + i * LOCK_NODE_SIZE;
    if (load<usize>(node, OWNER) == lock) return node;
  }
  bug_on(true, BUG_UNLOCK_OF_FREE_LOCK, lock);
  return 0;
}

/** Gives a node back. */
@inline
export function node_put(node: usize): void {
  store<usize>(node, 0, OWNER);
}
