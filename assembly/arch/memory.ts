// Block moves: the string instructions of the machine. Callers own the range; nothing here is
// atomic.

/** Bytes that memscan looks at in one go. */
const SCAN_BYTES: usize = 512;

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

/**
 * Offset of the first byte of a block that is not `byte`; `size_bytes` if there is none. Looks for
 * poison: for the explorer, which knows it by its name, it is no step. It calls itself, so that it is
 * never inlined.
 */
export function memscan(at: usize, byte: u8, size_bytes: usize): usize {
  if (size_bytes > SCAN_BYTES) {
    const found = memscan(at, byte, SCAN_BYTES);
    if (found < SCAN_BYTES) return found;
    return SCAN_BYTES + memscan(at + SCAN_BYTES, byte, size_bytes - SCAN_BYTES);
  }
  const word = <u64>byte * 0x0101010101010101;
  let i: usize = 0;
  while (i + 8 <= size_bytes && load<u64>(at + i) == word) i += 8;
  while (i < size_bytes && load<u8>(at + i) == byte) i++;
  return i;
}
