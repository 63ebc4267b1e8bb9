// Views of the machine's memory. Kernel objects are named by their address as the kernel returns
// it: a signed 32-bit number, so that an address compares equal however it was obtained. Pointers
// are therefore read through `i32`.
//
// These are plain accesses: the caller holds the lock that the field's mark names, or can do with a
// moment's truth.

/** The memory of a machine, as numbers of each width. */
export interface MemoryViews {
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

const TWO_32 = 2 ** 32;

/** Makes the views of one memory. */
export function memoryViews(buffer: SharedArrayBuffer): MemoryViews {
  return {
    buffer,
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
  };
}

/** Reads a pointer or a signed word. */
export function getI32(memory: MemoryViews, address: number): number {
  return memory.i32[address >>> 2] as number;
}

/** Reads an unsigned word. */
export function getU32(memory: MemoryViews, address: number): number {
  return memory.u32[address >>> 2] as number;
}

/** Writes a word. */
export function setI32(memory: MemoryViews, address: number, value: number): void {
  memory.i32[address >>> 2] = value;
}

/** Reads 64 bits as a number; exact below 2^53. */
export function getU64(memory: MemoryViews, address: number): number {
  const index = address >>> 2;
  return (memory.u32[index] as number) + (memory.u32[index + 1] as number) * TWO_32;
}

/** A double at an address that is a multiple of 8. */
export function getF64(memory: MemoryViews, address: number): number {
  return memory.f64[address >>> 3] as number;
}

/** Writes 64 bits; `value` is below 2^53. */
export function setU64(memory: MemoryViews, address: number, value: number): void {
  const index = address >>> 2;
  memory.u32[index] = value >>> 0;
  memory.u32[index + 1] = (value / TWO_32) >>> 0;
}
