// Finds out that a CPU spins without saying so: it stands before the same access as before, with the same
// frames, about to read the same, and nobody has changed anything since. It then waits for any word that
// it read in between.
//
// Such states can be learnt. A CPU that comes into one later waits at once, before the attempt that would
// be in vain. Frames differ in locals that no longer matter, so a CPU that came to the place with other
// frames, and only got from there to the known state, teaches those too.
// All that is seen here belongs to the CPU whose CpuState is given.

import {
  CpuState,
  KnownSpin,
  MAX_KNOWN,
  SPIN_WORDS,
  cpu_state,
  known_spin,
  known_word,
  stack_of,
} from "./layout";
import { overlaps } from "./kinds";

/** Not a spin, as far as one can see. */
export const NO_SPIN: u32 = 0;
/** It was found to spin. */
export const SPINS: u32 = 1;
/** It is known that it would spin: wait_words() tells what for. */
export const WOULD_SPIN: u32 = 2;

let learns: bool = false;
let known: u32 = 0;
/** Bits of the sites that states are known of. */
let known_sites: u64 = 0;
/** Changes of memory in this execution, by anybody. */
let changes: u32 = 0;

/** Whether spinning states are remembered from now on. */
export function learn(on: bool): void {
  learns = on;
}

/** Spinning states that are known. */
export function get_known(): u32 {
  return known;
}

/** Begins an execution. */
export function begin_spins(): void {
  changes = 0;
}

/** Memory was changed by `state`'s CPU: what it did before was no spin. */
export function has_changed(state: CpuState): void {
  changes++;
  state.spin_meta = 0;
  state.came_meta = 0;
}

@inline
function words_of(state: CpuState): usize {
  return changetype<usize>(state) + offsetof<CpuState>("spin_words");
}

/** True when a spinning CPU waits for a word of this range. */
export function spins_on(state: CpuState, addr: u32, size: u32): bool {
  if (state.spin_count > SPIN_WORDS) return true;
  for (let i: u32 = 0; i < state.spin_count; i++) {
    if (overlaps(load<u32>(words_of(state) + i * 4), 8, addr, size)) return true;
  }
  return false;
}

/** True when the CPU reads again what it read, where it read it, having changed nothing. */
@inline
export function seems_to_spin(state: CpuState, meta: u32, addr: u32): bool {
  return (
    state.spin_meta == meta && state.spin_addr == addr && load<u64>(addr & ~7) == state.spin_value
  );
}

/** True when a state is known of the site of this access. */
@inline
export function is_known_site(meta: u32): bool {
  return ((known_sites >> ((meta >> 8) & 63)) & 1) != 0;
}

/** True when the CPU's frames should be looked at before this access. */
export function may_spin(state: CpuState, meta: u32, addr: u32): bool {
  if (seems_to_spin(state, meta, addr)) return true;
  if (!is_known_site(meta)) return false;
  for (let i: u32 = 0; i < known; i++) {
    const spin = known_spin(i);
    if (spin.meta == meta && spin.addr == addr && reads_the_same(spin)) return true;
  }
  return false;
}

function reads_the_same(spin: KnownSpin): bool {
  for (let i: u32 = 0; i < spin.count; i++) {
    const word = known_word(spin, i);
    if (load<u64>(load<u32>(word)) != load<u64>(word, 8)) return false;
  }
  return true;
}

/** Takes note of a read: of the first as the place where a loop may begin, then as part of it. */
export function spin_read(state: CpuState, meta: u32, addr: u32): void {
  const is_first = state.spin_meta == 0 || state.spin_count > 4 * SPIN_WORDS;
  const is_back = state.spin_meta == meta && state.spin_addr == addr;
  if (is_first || (is_back && load<u64>(addr & ~7) != state.spin_value)) {
    state.spin_meta = meta;
    state.spin_addr = addr;
    state.spin_value = load<u64>(addr & ~7);
    state.spin_count = 0;
    state.spin_frames = 0;
  }
  if (state.spin_count < SPIN_WORDS) {
    store<u32>(words_of(state) + state.spin_count * 4, addr & ~7);
  }
  state.spin_count++;
}

/** Looks at the frames of a CPU that has been suspended because of may_spin(). */
export function judge(cpu: u32): u32 {
  const state = cpu_state(cpu);
  const stack = stack_of(cpu);
  const end = load<u32>(stack);
  let hash: u64 = 0xcbf29ce484222325;
  for (let at: u32 = <u32>stack + 8; at < end; at += 4) {
    hash = (hash ^ load<u32>(at)) * 0x100000001b3;
  }
  const frames = end - <u32>stack;
  // What others changed meanwhile, its loop may not have seen.
  const is_quiet = state.spin_changes == changes;
  const spins = state.spin_frames == frames && state.spin_hash == hash && is_quiet;
  if (spins || would_spin(state, frames, hash)) {
    if (learns) learn_spin(state, spins, frames, hash);
    return spins ? SPINS : WOULD_SPIN;
  }
  if (state.came_meta == 0 || state.came_changes != changes) {
    state.came_changes = changes;
    state.came_meta = state.pending_meta;
    state.came_frames = frames;
    state.came_hash = hash;
  }
  state.spin_frames = frames;
  state.spin_hash = hash;
  state.spin_changes = changes;
  state.spin_count = 0;
  return NO_SPIN;
}

/** True when its state is known; the CPU then waits for what the known loop reads. */
function would_spin(state: CpuState, frames: u32, hash: u64): bool {
  for (let i: u32 = 0; i < known; i++) {
    const spin = known_spin(i);
    if (spin.meta != state.pending_meta || spin.addr != state.pending_addr) continue;
    if (spin.hash != hash || spin.frames != frames || !reads_the_same(spin)) continue;
    for (let k: u32 = 0; k < spin.count; k++) {
      store<u32>(words_of(state) + k * 4, load<u32>(known_word(spin, k)));
    }
    state.spin_count = spin.count;
    return true;
  }
  return false;
}

/** Address of word number `index` that a spinning CPU waits for. */
export function spin_word(state: CpuState, index: u32): u32 {
  return load<u32>(words_of(state) + index * 4);
}

function learn_spin(state: CpuState, is_new: bool, frames: u32, hash: u64): void {
  if (is_new) remember_spin(state, frames, hash);
  // As it came here, it could only go on to this.
  const came_otherwise = state.came_hash != hash || state.came_frames != frames;
  const meta = state.pending_meta;
  const is_same_place = state.came_meta == meta && state.spin_meta == meta;
  if (is_same_place && came_otherwise && state.came_changes == changes) {
    remember_spin(state, state.came_frames, state.came_hash);
  }
}

function remember_spin(state: CpuState, frames: u32, hash: u64): void {
  if (known == MAX_KNOWN || state.spin_count > SPIN_WORDS) return;
  const spin = known_spin(known++);
  spin.meta = state.spin_meta;
  spin.addr = state.spin_addr;
  spin.hash = hash;
  spin.frames = frames;
  spin.count = state.spin_count;
  for (let i: u32 = 0; i < state.spin_count; i++) {
    const addr = load<u32>(words_of(state) + i * 4);
    store<u32>(known_word(spin, i), addr);
    store<u64>(known_word(spin, i), load<u64>(addr), 8);
  }
  known_sites |= 1 << <u64>((state.spin_meta >> 8) & 63);
}
