// Block moves: the string instructions of the machine. Callers own the range; nothing here is
// atomic.

/** Copies `size_bytes` from `src` to `dst`; the ranges do not overlap, or move as memmove does. */
@inline
export function memcpy(dst: usize, src: usize, size_bytes: usize): void {
  memory.copy(dst, src, size_bytes);
}

/** Fills `size_bytes` at `dst` with `byte`. */
@inline
export function memset(dst: usize, byte: u8, size_bytes: usize): void {
  memory.fill(dst, byte, size_bytes);
}
