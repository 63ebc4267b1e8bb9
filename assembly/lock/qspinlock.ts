// The queued spinlock of Linux 4.2: a word that is a test-and-set lock for one waiter, and the tail of an MCS
// queue for more. FIFO. The first waiter sets the pending bit and spins on the word; those behind it spin on
// nodes of their own, which they need only while they wait.
//
//    31            16 15  9  8  7         0
//   |----- tail -----|------|P|-- locked --|     tail: number of a node + 1; 0: no queue
//
// Bounds: at most 4095 CPUs of 16 nodes each; here 64. Left out: the paravirtual slow path, and taking the
// lock out of order when there are no nodes left.

import {
  atomic_cmpxchg,
  atomic_fetch_and,
  atomic_fetch_or,
  atomic_xchg,
  read_once,
} from "../arch/atomic";
import { smp_store_release } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import {
  LOCK_NODES,
  LOCK_NODE_SIZE,
  PERCPU_LOCK_NODES,
  percpu_of,
  smp_processor_id,
  this_cpu_base,
} from "../arch/percpu";
import { cpu_wait_while } from "../arch/wait";
import { node_get, node_put } from "./node_pool";

const LOCKED: u32 = 1;
const LOCKED_MASK: u32 = 0xff;
const PENDING: u32 = 0x100;
const TAIL_SHIFT: u32 = 16;
/** Where the tail lies in the word. */
const TAIL: usize = 2;

/** A place in the queue. */
@unmanaged @final
class QueueNode {
  /** The node behind this one; 0: nobody yet. */
  @atomic next: usize;
  /** 1 until the CPU before leaves the queue. */
  @atomic waits: u32;
}

/** Takes the lock. */
@inline
export function qspin_lock(lock: usize): void {
  // ACQUIRE. Pairs with qspin_unlock(): what the last holder wrote is visible from here on.
  const word = atomic_cmpxchg<u32>(lock, 0, LOCKED);
  if (word != 0) qspin_lock_slow(lock, word);
}

function qspin_lock_slow(lock: usize, word: u32): void {
  if ((word & ~LOCKED_MASK) == 0) {
    const old = atomic_fetch_or<u32>(lock, PENDING);
    if ((old & ~LOCKED_MASK) == 0) {
      wait_for_word(lock, LOCKED_MASK);
      // RELEASE. Pairs with wait_for_word(): no longer pending. Nobody else changes these two bytes now.
      smp_store_release<u16>(lock, <u16>LOCKED);
      return;
    }
    // Others came first: undo what was not there before.
    if ((old & PENDING) == 0) atomic_fetch_and<u32>(lock, ~PENDING);
  }
  queue_up(lock);
}

/** Waits until no bit of `mask` is set in the word; returns the word. */
function wait_for_word(lock: usize, mask: u32): u32 {
  while (true) {
    // ACQUIRE. Pairs with qspin_unlock(), qspin_lock_slow(): what the last holder wrote is visible.
    const word = read_once<u32>(lock);
    if ((word & mask) == 0) return word;
    cpu_wait_while<u32>(lock, word);
  }
}

function queue_up(lock: usize): void {
  const node = node_get(lock);
  changetype<QueueNode>(node).next = 0;
  changetype<QueueNode>(node).waits = 1;
  const tail = tail_of(node);
  const before = atomic_xchg<u16>(lock + TAIL, tail);
  if (before != 0) wait_behind(node_of(before), node);
  const word = wait_for_word(lock, LOCKED_MASK | PENDING);
  const is_last = word >>> TAIL_SHIFT == <u32>tail;
  if (!is_last || atomic_cmpxchg<u32>(lock, word, LOCKED) != word) {
    smp_store_release<u8>(lock, <u8>LOCKED);
    // RELEASE. Pairs with wait_behind(): the lock is taken before the next one looks at it.
    smp_store_release<u32>(waits_of(successor_of(node)), 0);
  }
  node_put(node);
}

function wait_behind(before: usize, node: usize): void {
  // RELEASE. Pairs with successor_of(): the node is ready before it is found.
  smp_store_release<usize>(next_of(before), node);
  // ACQUIRE. Pairs with queue_up(): who was first in the queue has the lock.
  while (read_once<u32>(waits_of(node)) != 0) cpu_wait_while<u32>(waits_of(node), 1);
}

/** The node behind, which may not have linked itself yet. */
function successor_of(node: usize): usize {
  while (true) {
    // ACQUIRE. Pairs with wait_behind(): the node is ready.
    const next = read_once<usize>(next_of(node));
    if (next != 0) return next;
    cpu_wait_while<usize>(next_of(node), 0);
  }
}

@inline
function next_of(node: usize): usize {
  return node + offsetof<QueueNode>("next");
}

@inline
function waits_of(node: usize): usize {
  return node + offsetof<QueueNode>("waits");
}

/** A node of this CPU as a tail names it. */
@inline
function tail_of(node: usize): u16 {
  const index = (node - this_cpu_base() - PERCPU_LOCK_NODES) / LOCK_NODE_SIZE;
  return <u16>(smp_processor_id() * LOCK_NODES + <u32>index + 1);
}

@inline
function node_of(tail: u16): usize {
  const number = <u32>tail - 1;
  const area = changetype<usize>(percpu_of(number / LOCK_NODES));
  return area + PERCPU_LOCK_NODES + (number % LOCK_NODES) * LOCK_NODE_SIZE;
}

/** Takes the lock if it is free and nobody waits. Never waits. */
@inline
export function qspin_trylock(lock: usize): bool {
  return read_once<u32>(lock) == 0 && atomic_cmpxchg<u32>(lock, 0, LOCKED) == 0;
}

/** Frees the lock. Only the holder may call this. */
@inline
export function qspin_unlock(lock: usize): void {
  if (CONFIG_CHECK)
    bug_on((read_once<u32>(lock) & LOCKED_MASK) == 0, BUG_UNLOCK_OF_FREE_LOCK, lock);
  // RELEASE. Pairs with qspin_lock(), wait_for_word(): the critical section is visible before it looks free.
  smp_store_release<u8>(lock, 0);
}

/** True while somebody holds the lock or waits for it. */
@inline
export function qspin_is_locked(lock: usize): bool {
  return read_once<u32>(lock) != 0;
}

// The contract of the lab (docs/writing-a-lock.md).

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

export function acquire(lock: usize, _node: usize): void {
  qspin_lock(lock);
}

export function try_acquire(lock: usize, _node: usize): bool {
  return qspin_trylock(lock);
}

export function release(lock: usize, _node: usize): void {
  qspin_unlock(lock);
}
