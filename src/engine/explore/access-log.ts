// The events of one execution as columns, read out of the machine's memory without an object for each.

import { EVENT_WORDS, Kind, type Runtime } from "./runtime.ts";

/** Events of the execution that ran last. */
export class AccessLog {
  /** Number of events. */
  length = 0;
  readonly #words: Uint32Array;
  readonly #base: number;
  readonly #wide: BigUint64Array;
  readonly #values: number;

  constructor(runtime: Runtime) {
    this.#words = runtime.words;
    this.#base = runtime.events;
    this.#wide = runtime.wide;
    this.#values = runtime.values;
  }

  #word(index: number, word: number): number {
    return this.#words[this.#base + index * EVENT_WORDS + word] as number;
  }

  /** Kind, size and site as one number. */
  meta(index: number): number {
    return this.#word(index, 0);
  }

  kind(index: number): number {
    return this.#word(index, 0) & 15;
  }

  site(index: number): number {
    return this.#word(index, 0) >>> 8;
  }

  address(index: number): number {
    return this.#word(index, 1);
  }

  /** Bytes. */
  size(index: number): number {
    return this.#word(index, 2);
  }

  /** Number of the first four bytes that it touches: two accesses meet when they have one in common. */
  firstWord(index: number): number {
    return this.address(index) >>> 2;
  }

  /** See firstWord(). */
  lastWord(index: number): number {
    return (this.address(index) + this.size(index) - 1) >>> 2;
  }

  cpu(index: number): number {
    return this.#word(index, 3) & 0xff;
  }

  /** Bits of the CPUs that could have run. */
  runnable(index: number): number {
    return (this.#word(index, 3) >>> 8) & 0xff;
  }

  /** True when the CPU had waited for a write before. */
  wasWoken(index: number): boolean {
    return ((this.#word(index, 3) >>> 16) & 1) === 1;
  }

  /** True for a cmpxchg that left what it found. */
  changedNothing(index: number): boolean {
    return ((this.#word(index, 3) >>> 17) & 1) === 1;
  }

  /** What it found there; undefined for bulk operations. Only where values are recorded. */
  before(index: number): bigint | undefined {
    return this.#value(index, 0);
  }

  /** What it left there. See before(). */
  after(index: number): bigint | undefined {
    return this.#value(index, 1);
  }

  #value(index: number, which: number): bigint | undefined {
    const kind = this.kind(index);
    if (kind === Kind.bulkRead || kind === Kind.bulkWrite) return undefined;
    return this.#wide[this.#values + index * 2 + which];
  }
}
