// The ways to get at a lock: wait for it (BENCH_SPIN), try a number of times and give up (BENCH_TRY), try a
// number of times and sleep until it is free (BENCH_PARK). The way is a constant wherever these are called,
// so each loop of the bench has only its own.

import { atomic_dec, atomic_inc, read_once } from "../../arch/atomic";
import { smp_mb } from "../../arch/barrier";
import { park_while, unpark_one } from "../arch/park";
import * as lock from "racier/subject";
import { Data } from "./section";

export const BENCH_SPIN: u32 = 0;
export const BENCH_TRY: u32 = 1;
export const BENCH_PARK: u32 = 2;

@inline
function parked_of(data: Data): usize {
  return changetype<usize>(data) + offsetof<Data>("parked");
}

@inline
function kicks_of(data: Data): usize {
  return changetype<usize>(data) + offsetof<Data>("kicks");
}

/** Waits in the lock's own way. A lock without readers gives them what writers get. */
@inline
function wait_for(is_reader: bool, word: usize, node: usize): void {
  if (isDefined(lock.read_begin)) {
    if (!is_reader) inline.always(lock.acquire(word, node));
  } else if (isDefined(lock.acquire_shared)) {
    if (is_reader) inline.always(lock.acquire_shared(word, node));
    else inline.always(lock.acquire(word, node));
  } else {
    inline.always(lock.acquire(word, node));
  }
}

/** One try. The host does not ask for it where the lock has none. */
@inline
function try_for(is_reader: bool, word: usize, node: usize): bool {
  if (isDefined(lock.read_begin)) {
    if (is_reader) return true;
  } else if (isDefined(lock.acquire_shared)) {
    if (is_reader) {
      if (isDefined(lock.try_acquire_shared)) {
        return inline.always(lock.try_acquire_shared(word, node));
      }
      unreachable();
    }
  }
  if (isDefined(lock.try_acquire)) return inline.always(lock.try_acquire(word, node));
  unreachable();
  return false;
}

/** Sleeps until the lock is free and this CPU has got it. */
function park_for(is_reader: bool, word: usize, node: usize, data: Data): void {
  // Pairs with give(): who frees the lock after this sees that somebody sleeps.
  atomic_inc(parked_of(data));
  while (true) {
    const kicks = read_once<u32>(kicks_of(data));
    if (try_for(is_reader, word, node)) break;
    park_while(kicks_of(data), kicks);
  }
  atomic_dec(parked_of(data));
}

/** Gets the lock, or, with BENCH_TRY, may give up and return false. */
@inline
export function take(
  how: u32, is_reader: bool, word: usize, node: usize, data: Data, tries: u32,
): bool {
  if (how == BENCH_SPIN) {
    wait_for(is_reader, word, node);
    return true;
  }
  do {
    if (try_for(is_reader, word, node)) return true;
  } while (--tries != 0);
  if (how == BENCH_TRY) return false;
  park_for(is_reader, word, node, data);
  return true;
}

/** Gives back what take() got. */
@inline
export function give(how: u32, is_reader: bool, word: usize, node: usize, data: Data): void {
  if (isDefined(lock.read_begin)) {
    if (!is_reader) inline.always(lock.release(word, node));
  } else if (isDefined(lock.release_shared)) {
    if (is_reader) inline.always(lock.release_shared(word, node));
    else inline.always(lock.release(word, node));
  } else {
    inline.always(lock.release(word, node));
  }
  if (how == BENCH_PARK) {
    // Pairs with park_for(): the lock looks free before this CPU looks for sleepers.
    smp_mb();
    if (read_once<u32>(parked_of(data)) != 0) {
      atomic_inc(kicks_of(data));
      unpark_one(kicks_of(data));
    }
  }
}
