// Kinds of events, and what is said of an event in one word: kind (4 bits), size (4 bits, as a power of
// two), site (the rest).

export const LOAD: u32 = 0;
export const STORE: u32 = 1;
export const ATOMIC_LOAD: u32 = 2;
export const ATOMIC_STORE: u32 = 3;
export const ATOMIC_RMW: u32 = 4;
export const ATOMIC_CMPXCHG: u32 = 5;
export const WAIT: u32 = 6;
export const BULK_READ: u32 = 7;
export const BULK_WRITE: u32 = 8;
export const WRITE_ONCE: u32 = 9;

/** True for kinds that change memory. */
@inline
export function writes(kind: u32): bool {
  return ((1 << kind) & 0b1100111010) != 0;
}

/** True for kinds that order other accesses. */
@inline
export function is_atomic(kind: u32): bool {
  return ((1 << kind) & 0b0001111100) != 0;
}

/** True when two ranges have a byte in common. */
@inline
export function overlaps(a: u32, a_size: u32, b: u32, b_size: u32): bool {
  return a < b + b_size && b < a + a_size;
}

/** Kind of an event. */
@inline
export function kind_of(meta: u32): u32 {
  return meta & 15;
}

/** Bytes of an event that is no bulk operation. */
@inline
export function size_of(meta: u32): u32 {
  return 1 << ((meta >> 4) & 15);
}
