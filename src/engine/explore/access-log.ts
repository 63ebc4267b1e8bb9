// The events of one execution as columns, read out of the machine's memory without an object for each.

import { EVENT_WORDS, type Runtime } from "./runtime.ts";

/** Events of the execution that ran last. */
export class AccessLog {
  /** Number of events. */
  length = 0;
  readonly #words: Uint32Array;
  readonly #base: number;

  constructor(runtime: Runtime) {
    this.#words = runtime.words;
    this.#base = runtime.events;
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
}
