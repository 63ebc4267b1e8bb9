// Parking: CPUs that have waited long enough go to sleep, and whoever frees the lock wakes one of them, which
// tries again. What they sleep on is a mask, a bit for each CPU: a u64 beside the lock, or anywhere.
//
//   waiter:  set my bit ─> try once more ─> sleep while my bit is set ─> try ...
//   owner:   free the lock ─> any bit set? ─> clear one, wake its CPU
//
// No wake-up is lost: either the owner sees the bit, or the waiter, who tries after it has set it, finds the
// lock free. A waiter that gets the lock after it has set its bit clears it. Kicks that come late wake nobody
// wrongly: a sleeper looks at its bit. Not fair: who is awake may be faster.

import { atomic_fetch_and, atomic_or, read_once } from "../arch/atomic";
import { cpu_kick } from "../arch/kick";
import { percpu_of, smp_processor_id } from "../arch/percpu";
import { cpu_sleep_while } from "./sleep";

/** Bytes of a mask. */
export const PARKING_BYTES: usize = 8;

/** This CPU is about to sleep, unless it gets the lock now. */
@inline
export function park_prepare(mask: usize): void {
  // FULL. Pairs with unpark_one(), unpark_all(): either they see the bit, or the lock is seen free.
  atomic_or<u64>(mask, bit_of(smp_processor_id()));
}

/** It got the lock. */
@inline
export function park_cancel(mask: usize): void {
  atomic_fetch_and<u64>(mask, ~bit_of(smp_processor_id()));
}

/** Sleeps until somebody has cleared the bit of this CPU. */
export function park(mask: usize): void {
  const id = smp_processor_id();
  const half = mask + (id >>> 5) * 4;
  while (true) {
    const seen = read_once<u32>(half);
    if ((seen & (1 << (id & 31))) == 0) return;
    cpu_sleep_while(half, seen);
  }
}

/** Wakes one CPU that sleeps, the next one after this; the lock has been freed. */
@inline
export function unpark_one(mask: usize): void {
  // FULL. Pairs with park_prepare(): see there.
  if (read_once<u64>(mask) != 0) unpark_one_slow(mask);
}

function unpark_one_slow(mask: usize): void {
  const turn = <u64>(smp_processor_id() + 1);
  while (true) {
    const sleepers = read_once<u64>(mask);
    if (sleepers == 0) return;
    const id = <u32>((ctz<u64>(rotr<u64>(sleepers, turn)) + turn) & 63);
    // Who got the lock meanwhile has cleared its bit, and wakes others when it frees it.
    if ((atomic_fetch_and<u64>(mask, ~bit_of(id)) & bit_of(id)) == 0) continue;
    cpu_kick(percpu_of(id));
    return;
  }
}

/** Wakes all that sleep. */
@inline
export function unpark_all(mask: usize): void {
  // FULL. Pairs with park_prepare(): see there.
  if (read_once<u64>(mask) != 0) unpark_all_slow(mask);
}

function unpark_all_slow(mask: usize): void {
  let sleepers = atomic_fetch_and<u64>(mask, 0);
  while (sleepers != 0) {
    const id = ctz<u64>(sleepers);
    sleepers &= sleepers - 1;
    cpu_kick(percpu_of(<u32>id));
  }
}

@inline
function bit_of(id: u32): u64 {
  return (<u64>1) << (<u64>id);
}
