// What an execution overwrites, so that it can be taken back: 64 bits at a time, in the order of the
// writes. Writing them back in the other order restores everything, however often a word was written.

import { MAX_UNDO, undo_at } from "./layout";

let undo_count: u32 = 0;

/** Forgets what was overwritten: it stays as it is. */
export function keep_all(): void {
  undo_count = 0;
}

/** Before the 64 bits at `addr`, a multiple of 8, are overwritten. */
export function remember(addr: u32): void {
  if (undo_count >= MAX_UNDO) return;
  const record = undo_at(undo_count++);
  store<u32>(record, addr);
  store<u64>(record, load<u64>(addr), 8);
}

/** Before `size` bytes are overwritten. */
export function remember_range(addr: u32, size: u32): void {
  for (let at = addr & ~7; at < addr + size; at += 8) remember(at);
}

/** Takes everything back that the execution wrote. */
export function undo(): void {
  while (undo_count != 0) {
    const record = undo_at(--undo_count);
    store<u64>(load<u32>(record), load<u64>(record, 8));
  }
}
