// What an execution overwrites, so that it can be taken back: 64 bits at a time, in the order of the
// writes. Writing them back in the other order restores everything, however often a word was written.
// From the same records comes a number for the state: what differs from the start.

import { MAX_UNDO, undo_at } from "./layout";

let undo_count: u32 = 0;
/** Words that say nothing to programs: constants, the clock of a trace. */
let unobserved_from: u32 = 0;
let unobserved_size: u32 = 0;
/** Counters and traces, which differ between states that are equal: areas of one CPU each, and where in them. */
let noise_base: u32 = 0;
let noise_size: u32 = 0;
let noise_stride: u32 = 1;
let noise_from: u32 = 0;
let noise_to: u32 = 0;
let noise_from2: u32 = 0;
let noise_to2: u32 = 0;
/** Words that remember how a state was reached, and are no part of it. */
let history_from: u32 = 0;
let history_size: u32 = 0;

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

/** No access of any CPU to [from, to) is a step; writes there are taken back all the same. */
export function configure_unobserved(from: u32, to: u32): void {
  unobserved_from = from;
  unobserved_size = to - from;
}

/** True for a word whose accesses are no steps. */
@inline
export function is_unobserved(addr: u32): bool {
  return addr - unobserved_from < unobserved_size;
}

/**
 * What state_hash() leaves out, besides words that are unobserved: two ranges of each area of `stride`
 * bytes (a power of two) in [base, base + size).
 */
export function configure_noise(
  base: u32,
  size: u32,
  stride: u32,
  from: u32,
  to: u32,
  from2: u32,
  to2: u32,
): void {
  noise_base = base;
  noise_size = size;
  noise_stride = stride;
  noise_from = from;
  noise_to = to;
  noise_from2 = from2;
  noise_to2 = to2;
}

/** state_hash() leaves [from, to) out too: it remembers how the state was reached. */
export function configure_history(from: u32, to: u32): void {
  history_from = from;
  history_size = to - from;
}

/** True for a word whose value says something about the state. */
@inline
function counts(addr: u32): bool {
  if (addr - unobserved_from < unobserved_size || addr - history_from < history_size) return false;
  if (addr - noise_base >= noise_size) return true;
  const at = (addr - noise_base) & (noise_stride - 1);
  return at - noise_from >= noise_to - noise_from && at - noise_from2 >= noise_to2 - noise_from2;
}

@inline
function mix(addr: u32, value: u64): u64 {
  let x = value ^ (<u64>addr * 0x9e3779b97f4a7c15);
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93;
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9;
  return x ^ (x >> 32);
}

/**
 * A number for what the execution has changed: equal for equal states, however they were reached. The
 * memory is taken back word by word and put there again.
 */
export function state_hash(): u64 {
  let hash: u64 = 0;
  for (let i = undo_count; i != 0; i--) {
    const record = undo_at(i - 1);
    const addr = load<u32>(record);
    const before = load<u64>(record, 8);
    const after = load<u64>(addr);
    // A page that is cleared is mostly clear.
    if (before == after) continue;
    if (counts(addr)) hash += mix(addr, after) - mix(addr, before);
    store<u64>(addr, before);
    store<u64>(record, after, 8);
  }
  for (let i: u32 = 0; i < undo_count; i++) {
    const record = undo_at(i);
    const addr = load<u32>(record);
    const before = load<u64>(addr);
    store<u64>(addr, load<u64>(record, 8));
    store<u64>(record, before, 8);
  }
  return hash;
}

/** True when the execution has overwritten more than can be taken back. */
export function is_undo_full(): bool {
  return undo_count >= MAX_UNDO;
}
