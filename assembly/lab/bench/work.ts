// What CPUs do under a lock and between locks: work that touches no memory and cannot be done in advance,
// one multiplication after the other. And the random numbers that decide what they do.

/** `turns` multiplications; each needs the one before. */
@inline
export function work(turns: u32, value: u32): u32 {
  for (let i: u32 = 0; i < turns; i++) value = value * 1664525 + 1013904223;
  return value;
}

/** The next of a sequence of random words (xorshift32, Marsaglia 2003); never 0. */
@inline
export function next_random(word: u32): u32 {
  word ^= word << 13;
  word ^= word >>> 17;
  return word ^ (word << 5);
}

/** A random number below `limit`. */
@inline
export function below(limit: u32, word: u32): u32 {
  return <u32>((<u64>word * limit) >> 32);
}
