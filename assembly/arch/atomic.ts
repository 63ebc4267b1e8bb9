// Every access to a shared word goes through this file or through barrier.ts. Only what happens
// here differs between the engines: `threads` runs the instruction, `explore` makes it a step of
// the schedule, `model` charges its cost. Addresses are wasm addresses and aligned to the size of
// the word.

/**
 * One read that the compiler neither repeats nor splits. Acquire order, which costs nothing on x86.
 */
@inline
export function read_once<T>(addr: usize): T {
  return atomic.load<T>(addr);
}

/**
 * One write that the compiler neither repeats nor splits. Orders nothing. In checking builds it claims
 * no alignment, which changes nothing for the CPU and tells the explorer that others may see it.
 */
@inline
export function write_once<T>(addr: usize, value: T): void {
  store<T>(addr, value, 0, CONFIG_CHECK != 0 ? 1 : sizeof<T>());
}

/**
 * Adds to the word and returns the old value. Full barrier, like Linux's value-returning atomics.
 */
@inline
export function atomic_fetch_add<T>(addr: usize, delta: T): T {
  return atomic.add<T>(addr, delta);
}

/** Adds one. */
@inline
export function atomic_inc(addr: usize): void {
  atomic.add<i32>(addr, 1);
}

/** Subtracts one. */
@inline
export function atomic_dec(addr: usize): void {
  atomic.sub<i32>(addr, 1);
}

/** Adds one; true when the word became 0. */
@inline
export function atomic_inc_and_test(addr: usize): bool {
  return atomic.add<i32>(addr, 1) == -1;
}

/** Subtracts one; true when the word became 0. */
@inline
export function atomic_dec_and_test(addr: usize): bool {
  return atomic.sub<i32>(addr, 1) == 1;
}

/** Adds `delta`; true when the word became negative. */
@inline
export function atomic_add_negative(addr: usize, delta: i32): bool {
  return atomic.add<i32>(addr, delta) + delta < 0;
}

/** Stores `value` and returns what was there. Full barrier. */
@inline
export function atomic_xchg<T>(addr: usize, value: T): T {
  return atomic.xchg<T>(addr, value);
}

/** Stores `value` if the word is `expected`; returns what was there. Full barrier. */
@inline
export function atomic_cmpxchg<T>(addr: usize, expected: T, value: T): T {
  return atomic.cmpxchg<T>(addr, expected, value);
}

/** Sets bits. */
@inline
export function atomic_or<T>(addr: usize, mask: T): void {
  atomic.or<T>(addr, mask);
}

/** Keeps only the bits of `mask`. */
@inline
export function atomic_and<T>(addr: usize, mask: T): void {
  atomic.and<T>(addr, mask);
}

/** Sets bits and returns the old value. Full barrier. */
@inline
export function atomic_fetch_or<T>(addr: usize, mask: T): T {
  return atomic.or<T>(addr, mask);
}

/** Keeps only the bits of `mask` and returns the old value. Full barrier. */
@inline
export function atomic_fetch_and<T>(addr: usize, mask: T): T {
  return atomic.and<T>(addr, mask);
}
