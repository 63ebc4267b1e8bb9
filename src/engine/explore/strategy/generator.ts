// Random numbers that depend on a seed and the number of the execution only: any execution can be
// had again without those before it. xorshift32 (Marsaglia, 2003), started by a mix of both.

/** See the head of the file. */
export class Generator {
  readonly #seed: number;
  #execution: number;
  #state = 1;

  /** @param from executions that are passed over */
  constructor(seed: number, from = 0) {
    this.#seed = seed >>> 0;
    this.#execution = from;
  }

  /** Starts the numbers of the next execution. */
  nextExecution(): void {
    let x = (this.#seed ^ Math.imul(++this.#execution, 0x9e37_79b9)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
    this.#state = (x ^ (x >>> 16)) | 0 || 1;
  }

  /** A number from 0 to `bound` - 1. */
  below(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.floor(((x >>> 0) / 0x1_0000_0000) * bound);
  }
}
