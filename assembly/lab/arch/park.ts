// Parking on a word of one's own choosing, as a futex does. The kernel sleeps on a word of the CPU
// (arch/wait.ts, arch/kick.ts), which knows whom it wakes; here nobody knows who waits.

/** Longest sleep, in ns: an hour; who comes back looks at the word again. */
const LONGEST_NS: i64 = 3600000000000;

/** Never put into another function, since it calls itself: see word_wait of arch/wait.ts. */
function park(addr: usize, seen: u32, ns: i64): void {
  if (ns > LONGEST_NS) return park(addr, seen, LONGEST_NS);
  atomic.wait<i32>(addr, <i32>seen, ns);
}

/** Sleeps until unpark_one() of `addr`; returns at once if the word is no longer `seen`. */
@inline
export function park_while(addr: usize, seen: u32): void {
  park(addr, seen, LONGEST_NS);
}

/** Wakes one CPU that sleeps on `addr`, if there is one. Change the word first. */
@inline
export function unpark_one(addr: usize): void {
  atomic.notify(addr, 1);
}
