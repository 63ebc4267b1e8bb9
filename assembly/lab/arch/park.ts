// Parking on a word of one's own choosing, as a futex does. The kernel sleeps on a word of the CPU
// (arch/wait.ts, arch/kick.ts), which knows whom it wakes; here nobody knows who waits.

/** Sleeps until unpark_one() of `addr`; returns at once if the word is no longer `seen`. */
@inline
export function park_while(addr: usize, seen: u32): void {
  atomic.wait<i32>(addr, <i32>seen, -1);
}

/** Wakes one CPU that sleeps on `addr`, if there is one. Change the word first. */
@inline
export function unpark_one(addr: usize): void {
  atomic.notify(addr, 1);
}
