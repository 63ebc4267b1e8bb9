// The lock file that `racier new lock` writes: it works, and says what to change.

/** Its text. */
export const LOCK_TEMPLATE = `// A lock of your own. As it stands it is a test-and-test-and-set lock; make it what you like.
//
//   racier explore THIS_FILE    is it right, in every order in which CPUs can run?
//   racier locks THIS_FILE      how fast is it, and how fair?
//
// A lock is memory that CPUs share: \`lock\` is the address of one, \`node\` that of memory which the
// CPU that asks brings for it. Variables of this module are no place for what CPUs share.

import { atomic_cmpxchg, cpu_wait_while, read_once, smp_store_release } from "racier/lock";

/** Bytes of one lock. They are zero at first, on a cache line of their own: 0 is free, 1 is held. */
export const LOCK_BYTES: i32 = 4;

/** Bytes that a CPU brings for each lock that it takes: the node of a queue. This lock needs none. */
export const NODE_BYTES: i32 = 0;

/** Takes the lock, and waits as long as that takes. */
export function acquire(lock: usize, node: usize): void {
  while (!try_acquire(lock, node)) {
    // Every loop that waits names the word that it waits for, and what it has seen there.
    cpu_wait_while<u32>(lock, 1);
  }
}

/** Takes the lock if that needs no waiting. A lock may do without: take it out then. */
export function try_acquire(lock: usize, node: usize): bool {
  // A look costs little; the attempt takes the cache line away from the others.
  return read_once<u32>(lock) == 0 && atomic_cmpxchg<u32>(lock, 0, 1) == 0;
}

/** Frees the lock: what was written before is visible to whoever takes it next. */
export function release(lock: usize, node: usize): void {
  smp_store_release<u32>(lock, 0);
}
`;
