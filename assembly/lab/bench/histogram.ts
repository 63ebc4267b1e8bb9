// Histograms of times, as in HdrHistogram: 32 buckets of equal width in each octave, so that a time is known
// to 3 % whatever its size; below 32 ns to the ns.
//
//   value   0 ... 31 │ 32 ... 63 │ 64, 66 ... 126 │ 128, 132 ...
//   bucket  0 ... 31 │ 32 ... 63 │ 64 ...      95 │ 96 ...

const SUB_BITS: u32 = 5;
const BUCKETS: u32 = 1024;
/** Above this everything is in the last bucket. */
const MOST: f64 = 6.8e10;

/** The bucket of a time in ns. */
@inline
function bucket_of(ns: f64): u32 {
  const value = <u64>min<f64>(max<f64>(ns, 0), MOST);
  if (value < 1 << SUB_BITS) return <u32>value;
  const shift = 63 - SUB_BITS - <u32>clz<u64>(value);
  return (shift << SUB_BITS) + <u32>(value >> shift);
}

/** Counts a time in the histogram at `base`. */
export function histogram_add(base: usize, ns: f64): void {
  const at = base + min(bucket_of(ns), BUCKETS - 1) * 4;
  store<u32>(at, load<u32>(at) + 1);
}
