// The bytes that an access of a program reads or writes.

import type { Write } from "./model.ts";
import { PAGE_BYTES, pageOf } from "./space.ts";

const WIDTHS = new Map<string, number>(
  [8, 16, 32, 64].flatMap((bits) => [
    [`load${bits}`, bits / 8],
    [`store${bits}`, bits / 8],
  ]),
);

/** Bytes that "load32" or "store64" access; 0: it is no such access. */
export const widthOf = (name: string): number => WIDTHS.get(name) ?? 0;

/** The bytes of a value, the lowest first. */
export function bytesOf(value: number | bigint, width: number): number[] {
  if (typeof value === "number") {
    return Array.from({ length: width }, (_, i) => (value >>> (8 * i)) & 0xff);
  }
  return Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** What touch() writes: in each page the lower 32 bits of its number. */
export function touchWrites(args: readonly unknown[]): Write[] {
  const [start, length] = args as [number, number];
  const writes: Write[] = [];
  for (let at = start; at < start + length; at = pageOf(at) + PAGE_BYTES) {
    const word = at - (at % 4);
    bytesOf(Math.floor(at / PAGE_BYTES) >>> 0, 4).forEach((value, i) => {
      writes.push({ address: word + i, value });
    });
  }
  return writes;
}

/** What copy() writes: what it reads. */
export function copyWrites(args: readonly unknown[]): Write[] {
  const [target, source, length] = args as [number, number, number];
  return Array.from({ length }, (_, i) => ({ address: target + i, from: source + i }));
}
