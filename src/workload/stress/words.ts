// What words of memory hold. A stored word names its place and says how often the place was
// written:
//
//   63 ............ 32 31 ............ 0
//   |      tag       |     counter     |
//
// The tag is a hash of region, page and word, so that a word from anywhere else is told apart. A
// word that was never written holds what the memory began with: zeros, or the content of the file.

import { WORDS } from "./board.ts";
import { mix } from "./random.ts";

const TWO_32 = 2 ** 32;

/** Every word of a page that the oracle follows. */
export const ALL_WORDS: readonly number[] = Array.from({ length: WORDS }, (_, word) => word);

/**
 * Offset of the word that the oracle follows, inside its page. The first 64 bytes belong to
 * touch().
 */
export const wordOffset = (word: number): number => 64 + word * 504;

/** A 64-bit word as two numbers. */
export interface Word {
  readonly low: number;
  readonly high: number;
}

/** Tag of a word of page `page` of the region or object `identity`. */
export const tagOf = (identity: number, page: number, word: number): number =>
  (mix(identity, page * 8 + word) | 1) >>> 0;

/** Splits what load64 gave. */
export function splitWord(value: bigint): Word {
  return { low: Number(value & 0xffffffffn), high: Number(value >> 32n) };
}

/** Joins what store64 takes. */
export const joinWord = (high: number, low: number): bigint =>
  (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** For people. */
export const wordText = ({ low, high }: Word): string => {
  const digits = (half: number): string => half.toString(16).padStart(8, "0");
  return `${digits(high)}:${digits(low)}`;
};

/** One 32-bit word of a seed file, worked out as docs/stress.md says and not by the kernel. */
export function seedWord(seed: number, page: number, word: number): number {
  let hash = seed ^ Math.imul((page % TWO_32) | 0, 0x9e3779b1) ^ Math.imul(word, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * What 32 bits of a file hold at `offset` of page `page`: its seed's word, and zeros behind its
 * end.
 */
export function fileHalf(seed: number, sizeBytes: number, page: number, offset: number): number {
  const left = sizeBytes - page * 4096 - offset;
  if (left <= 0) return 0;
  const half = seedWord(seed, page, offset / 4);
  return left >= 4 ? half : (half & (2 ** (8 * left) - 1)) >>> 0;
}
