// Reads the histograms of assembly/lab/bench/histogram.ts: 32 buckets in each octave, so that a quantile is
// right to 3 %. hdr-histogram-js could keep such histograms, but not fill them from wasm without a call for
// each time, so its part here would be the forty lines below.

const SUB_BITS = 5;
const SUB = 2 ** SUB_BITS;

/** Buckets of a histogram. */
export const BUCKETS = 1024;

/** The times that bucket `index` counts: from the first to below the second, in ns. */
export function boundsOf(index: number): [number, number] {
  if (index < 2 * SUB) return [index, index + 1];
  const shift = (index >>> SUB_BITS) - 1;
  const width = 2 ** shift;
  const low = (SUB + (index & (SUB - 1))) * width;
  return [low, low + width];
}

/** Times that were counted. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  /** Times in it. */
  get total(): number {
    return this.#total;
  }

  /** Times by bucket. */
  get buckets(): Float64Array {
    return this.#counts;
  }

  /** Adds what stands in `buckets`. */
  add(buckets: ArrayLike<number>): void {
    for (let i = 0; i < BUCKETS; i++) {
      const count = buckets[i] ?? 0;
      this.#counts[i]! += count;
      this.#total += count;
    }
  }

  /** The time that a part `p` of all are no longer than, in ns: the middle of its bucket. NaN when empty. */
  quantile(p: number): number {
    const rank = Math.max(1, Math.ceil(p * this.#total));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i]!;
      if (seen >= rank) return middle(i);
    }
    return NaN;
  }

  /** The mean of the shortest part `p` of all. NaN when empty. */
  mean(p: number): number {
    const wanted = Math.max(1, Math.ceil(p * this.#total));
    let seen = 0;
    let sum = 0;
    for (let i = 0; i < BUCKETS && seen < wanted; i++) {
      const count = Math.min(this.#counts[i]!, wanted - seen);
      seen += count;
      sum += count * middle(i);
    }
    return sum / seen;
  }
}

function middle(index: number): number {
  const [low, high] = boundsOf(index);
  return high - low <= 1 ? low : (low + high) / 2;
}
