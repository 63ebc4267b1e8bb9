// No lock at all: what is left of the bench when the lock costs nothing. Measured on one CPU, where nothing
// is to be excluded; never offered to users.

export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;

/** Nothing. */
@inline
export function acquire(_lock: usize, _node: usize): void {}

/** Nothing, with success. */
@inline
export function try_acquire(_lock: usize, _node: usize): bool {
  return true;
}

/** Nothing. */
@inline
export function release(_lock: usize, _node: usize): void {}
