// Data under RCU: readers are never kept out. There are two versions; a writer fills the one that is not read
// and publishes it. Before it fills one it waits until every reader that may still look at it is gone: a grace
// period. Each CPU counts its read sections in a line of its own, odd while inside, as in userspace RCU after
// Desnoyers, McKenney et al., IEEE TPDS 23(2), 2012; classic RCU of the kernel (rcu.ts) needs not even that.
//
//   current = 1        version 0: filled next, after a grace period
//                      version 1: read
//   CPU:  0   1   2
//         4   7   2    7: CPU 1 is inside; the writer waits until its count changes
//
// Bounds: a reader never waits; a writer waits for those that are inside when it comes. Not nested.
// Left out: a trylock for writers, who may have to wait for readers even when no writer is inside.

import { read_once } from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { NR_CPUS, smp_processor_id } from "../arch/percpu";
import { cpu_wait_while } from "../arch/wait";
import { ttas_is_locked, ttas_lock, ttas_unlock } from "./ttas";

const LINE: usize = 64;

@unmanaged @final
class RcuData {
  /** Spinlock of the writers. */
  @atomic writers: u32;
  /** The version that is read. */
  @atomic current: u32;
  /** CPUs that count. */
  cpus: u32;
}

@inline
function current_of(lock: usize): usize {
  return lock + offsetof<RcuData>("current");
}

@inline
function count_of(lock: usize, cpu: u32): usize {
  return lock + LINE + cpu * LINE;
}

/** Begins a read section. */
@inline
export function rcu_data_read_lock(lock: usize): void {
  const count = count_of(lock, smp_processor_id());
  // FULL. Pairs with wait_for_readers(): either the writer sees that this CPU is inside, or this CPU sees
  // the version that the writer has published before.
  smp_store_release<u32>(count, read_once<u32>(count) + 1);
}

/** Ends a read section. */
@inline
export function rcu_data_read_unlock(lock: usize): void {
  const count = count_of(lock, smp_processor_id());
  if (CONFIG_CHECK) bug_on((read_once<u32>(count) & 1) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with wait_for_readers(): what was read is not changed before this.
  smp_store_release<u32>(count, read_once<u32>(count) + 1);
}

/** A grace period: everybody that is inside now has left once. */
function wait_for_readers(lock: usize): void {
  const cpus = changetype<RcuData>(lock).cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const count = count_of(lock, cpu);
    // ACQUIRE. Pairs with rcu_data_read_lock(), rcu_data_read_unlock(): who has left has read.
    const seen = read_once<u32>(count);
    if ((seen & 1) == 0) continue;
    while (read_once<u32>(count) == seen) cpu_wait_while<u32>(count, seen);
  }
}

/** Begins to write; waits for readers of the version that is to be filled. */
export function rcu_data_write_lock(lock: usize): void {
  ttas_lock(lock);
  wait_for_readers(lock);
}

/** Publishes the version that was filled. */
export function rcu_data_write_unlock(lock: usize): void {
  if (CONFIG_CHECK) bug_on(!ttas_is_locked(lock), BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with rcu_dereference_version(): the version is whole before it is found.
  smp_store_release<u32>(current_of(lock), 1 - read_once<u32>(current_of(lock)));
  ttas_unlock(lock);
}

/** The version to read. */
@inline
export function rcu_dereference_version(lock: usize): u32 {
  // ACQUIRE. Pairs with rcu_data_write_unlock(): the version is whole.
  return read_once<u32>(current_of(lock));
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 64 + <i32>NR_CPUS * 64;
export const NODE_BYTES: i32 = 0;

export function init(lock: usize, cpus: u32): void {
  changetype<RcuData>(lock).cpus = cpus;
}

export function acquire(lock: usize, _node: usize): void {
  rcu_data_write_lock(lock);
}

export function release(lock: usize, _node: usize): void {
  rcu_data_write_unlock(lock);
}

export function acquire_shared(lock: usize, _node: usize): void {
  rcu_data_read_lock(lock);
}

export function release_shared(lock: usize, _node: usize): void {
  rcu_data_read_unlock(lock);
}

export function read_version(lock: usize): u32 {
  return rcu_dereference_version(lock);
}

export function write_version(lock: usize): u32 {
  return 1 - read_once<u32>(current_of(lock));
}
