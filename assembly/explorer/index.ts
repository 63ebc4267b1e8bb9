// The explorer's part that runs at every access: decides whether the CPU goes on, writes down what it is
// about to do, and how to take it back. Called by instrumented code before each access
// (src/engine/explore/instrument.mjs); only a switch leaves wasm.
//
//   point()  an access        turn left? ── no ──> the frames unwind to the host
//                                 │ yes
//                                 └─> event, undo record, then the access itself
//
// One instance serves all CPUs of an exploration: they run one at a time. Its globals are the
// explorer's, not the machine's. Frames are unwound and rewound by Binaryen's Asyncify, whose two
// globals all instances share.
//
// A CPU that waits is not runnable until the word is changed; one that spins without saying so is found
// out (spin.ts). Everything that is overwritten can be taken back (undo.ts).

import {
  ATOMIC_CMPXCHG,
  ATOMIC_LOAD,
  ATOMIC_STORE,
  BULK_READ,
  STORE,
  WAIT,
  WRITE_ONCE,
  is_atomic,
  kind_of,
  overlaps,
  size_of,
  writes,
} from "./kinds";
import {
  MAX_CPUS,
  MAX_EVENTS,
  STACK_BYTES,
  cpu_state,
  event_at,
  machine_end,
  memory_end,
  stack_of,
  status,
  values_at,
} from "./layout";
import {
  NO_SPIN,
  WOULD_SPIN,
  begin_spins,
  has_changed,
  is_known_site,
  judge,
  may_spin,
  seems_to_spin,
  spin_read,
  spin_word,
  spins_on,
} from "./spin";
import { begin_shadow, is_forbidden, is_marked, is_range_forbidden } from "./shadow";
import { is_unobserved, keep_all, remember, remember_range } from "./undo";

export { get_known, learn } from "./spin";
export {
  configure_shadow,
  get_forbidden_address,
  get_forbidden_meta,
  get_was_forbidden,
  is_marked,
  mark,
  max_sites,
  site_classes_address,
} from "./shadow";
export {
  configure_history,
  configure_noise,
  configure_unobserved,
  is_undo_full,
  state_hash,
  undo,
} from "./undo";

@external("env", "__asyncify_state")
declare let asyncify_state: i32;
@external("env", "__asyncify_data")
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- all instances share it
declare let asyncify_data: usize;

const UNWINDING: i32 = 1;
const REWINDING: i32 = 2;

/** Why a CPU came back: its program has ended. */
export const FINISHED: u32 = 0;
/** Its turn was over, or somebody woke whom the strategy wants to know of. */
export const PREEMPTED: u32 = 1;
/** It waits. */
export const BLOCKED: u32 = 2;
/** It may be spinning: let it go on. */
export const SUSPECTED: u32 = 3;
/** Its next event is asleep: other executions have it. */
export const ASLEEP: u32 = 4;
/** The execution has too many events. */
export const OVERRUN: u32 = 5;
/** It was about to touch what is not the machine's memory, and has trapped. */
export const OUT_OF_BOUNDS: u32 = 6;
/** It was about to touch what the shadow says is nobody's, and has trapped. */
export const FORBIDDEN: u32 = 7;

let current: u32 = 0;
let countdown: u32 = 0;
let reason: u32 = 0;
let runnable: u32 = 0;
let blocked: u32 = 0;
let suspended: u32 = 0;
let events: u32 = 0;
let event_limit: u32 = MAX_EVENTS;
let private_from: u32 = 0;
let private_size: u32 = 0;
let attention_addr: u32 = 0;
let attention_mask: u32 = 0;
/** A CPU has its turn; else it is the host that calls: setup, or the check at the end. */
let exploring: bool = false;
let stop: bool = false;
let logging: bool = true;
let recording: bool = false;
let detects_spins: bool = false;
let breaks_on_wake: bool = false;
let asleep: u32 = 0;
/** Vain attempts of this execution, and whether one that made one has been woken. */
let vain: u32 = 0;
let vain_was_woken: bool = false;
let waits_in_vain: u32 = 0;
/** Bits of suspended CPUs whose next access has been looked at: no spin, or woken since. */
let judged: u32 = 0;
/** The write that was granted last: what became of it is seen at the next stop. */
let last_write: u32 = 0;
let last_size: u32 = 0;
let last_old: u64 = 0;
let last_old2: u64 = 0;
let last_is_bulk: bool = false;
let last_event: u32 = 0;

/** Bytes behind the machine's memory that the explorer needs. */
export function bytes_needed(): u32 {
  return <u32>(memory_end() - changetype<usize>(status()));
}

export function status_address(): usize {
  return changetype<usize>(status());
}

export function events_address(): usize {
  return event_at(0);
}

export function values_address(): usize {
  return values_at(0);
}

/**
 * What holds for all executions: how many events are too many, whether values are recorded, whether
 * unnamed spin loops are looked for.
 */
export function configure(limit: u32, record: bool, spins: bool): void {
  event_limit = limit < MAX_EVENTS ? limit : MAX_EVENTS;
  recording = record;
  detects_spins = spins;
}

/** What a strategy needs: events written down; turns that end when somebody wakes. */
export function configure_turns(log: bool, break_on_wake: bool): void {
  logging = log;
  breaks_on_wake = break_on_wake;
}

/**
 * Plain accesses of `cpu` to [from, to) are its own business. `attention`: word that ends its waits when it
 * has one of the bits of `mask`, or 0.
 */
export function configure_cpu(cpu: u32, from: u32, to: u32, attention: u32, mask: u32): void {
  attention_mask = mask;
  const state = cpu_state(cpu);
  state.private_from = from;
  state.private_to = to;
  state.attention_addr = attention;
}

/** Begins an execution of the CPUs in `mask`. */
export function begin(mask: u32): void {
  runnable = mask;
  blocked = 0;
  suspended = 0;
  judged = 0;
  events = 0;
  keep_all();
  begin_spins();
  begin_shadow();
  asleep = 0;
  last_write = 0;
  stop = false;
  vain = 0;
  vain_was_woken = false;
  waits_in_vain = 0;
  for (let cpu: u32 = 0; cpu < MAX_CPUS; cpu++) {
    const state = cpu_state(cpu);
    state.woken_by = 0;
    state.spin_meta = 0;
    state.came_meta = 0;
    state.waits_spinning = 0;
  }
  publish();
}

/** Writes down how things stand. */
function publish(): void {
  const now = status();
  now.runnable = runnable;
  now.blocked = blocked;
  now.suspended = suspended;
  now.asleep = asleep;
  now.events = events;
  now.vain = vain;
}

/** True when a CPU has been woken that had waited before a vain attempt. */
export function was_vain(): bool {
  return vain_was_woken;
}

export function get_events(): u32 {
  return events;
}

/** Gives `cpu` a turn of `steps` events. */
export function enter(cpu: u32, steps: u32): void {
  current = cpu;
  countdown = steps;
  stop = false;
  reason = FINISHED;
  exploring = true;
  const state = cpu_state(cpu);
  private_from = state.private_from;
  private_size = state.private_to - state.private_from;
  attention_addr = state.attention_addr;
}

/** The call that follows rebuilds the frames of the current CPU. */
export function rewind(): void {
  asyncify_data = stack_of(current);
  asyncify_state = REWINDING;
}

/** The frames have been unwound: the host runs. */
export function unwound(): void {
  asyncify_state = 0;
}

/** True while a call into the kernel returns because its CPU was suspended. */
export function is_unwinding(): bool {
  return asyncify_state == UNWINDING;
}

/** Ends the turn of the current CPU; returns why. */
export function leave(): u32 {
  asyncify_state = 0;
  exploring = false;
  const bit: u32 = 1 << current;
  if (reason == FINISHED) {
    settle();
    runnable &= ~bit;
    suspended &= ~bit;
  } else {
    suspended |= bit;
    if (reason == SUSPECTED || reason == BLOCKED) judged |= bit;
    else judged &= ~bit;
    if (reason == SUSPECTED) decide();
  }
  publish();
  return reason;
}

/** A CPU that spins, or would, waits; what it would read in vain is written down. */
function decide(): void {
  const verdict = judge(current);
  if (verdict == NO_SPIN) return;
  const state = cpu_state(current);
  if (verdict == WOULD_SPIN) {
    for (let i: u32 = 0; i < state.spin_count; i++) {
      happen((state.pending_meta & ~255) | WAIT | 0x30, spin_word(state, i), 8);
    }
    vain += state.spin_count;
    waits_in_vain |= 1 << current;
  }
  state.waits_spinning = 1;
  blocked |= 1 << current;
  runnable &= ~(1 << current);
  reason = BLOCKED;
}

/**
 * Marks event `meta` at `addr` of `cpu` as done elsewhere: until something touches it, `cpu` does not
 * go on.
 */
export function put_to_sleep(cpu: u32, meta: u32, addr: u32, size: u32): void {
  const state = cpu_state(cpu);
  state.pending_meta = meta;
  state.pending_addr = addr;
  state.pending_size = size;
  asleep |= 1 << cpu;
  status().asleep = asleep;
}

/** What became of the last write: whoever waits for the word wakes if it changed. */
function settle(): void {
  if (last_write == 0) return;
  const addr = last_write;
  const size = last_size;
  last_write = 0;
  if (recording) record_after();
  let changed = last_is_bulk;
  if (!changed) {
    const first = addr & ~7;
    changed = load<u64>(first) != last_old;
    if (!changed && (addr & 7) + size > 8) changed = load<u64>(first + 8) != last_old2;
  }
  if (!changed) {
    if (logging) note_unchanged();
    return;
  }
  has_changed(cpu_state(current));
  if (blocked != 0) wake(addr, size);
}

/** A cmpxchg that has changed nothing has failed, as far as order is concerned. */
function note_unchanged(): void {
  const event = event_at(last_event);
  if (kind_of(load<u32>(event)) != ATOMIC_CMPXCHG) return;
  store<u32>(event, load<u32>(event, 12) | (1 << 17), 12);
}

function wake(addr: u32, size: u32): void {
  for (let cpu: u32 = 0; cpu < MAX_CPUS; cpu++) {
    if ((blocked & (1 << cpu)) == 0) continue;
    const state = cpu_state(cpu);
    const hit = state.waits_spinning
      ? spins_on(state, addr, size)
      : overlaps(state.wait_addr, 4, addr, size) ||
        (state.wait_addr2 != 0 && overlaps(state.wait_addr2, 4, addr, size));
    if (!hit) continue;
    blocked &= ~(1 << cpu);
    runnable |= 1 << cpu;
    state.waits_spinning = 0;
    state.spin_meta = 0;
    state.came_meta = 0;
    state.woken_by = last_event + 1;
    if (breaks_on_wake) stop = true;
    if (waits_in_vain & (1 << cpu)) {
      vain_was_woken = true;
      stop = true;
    }
  }
}

/** Sends the current CPU back to the host. */
function suspend(why: u32, meta: u32, addr: u32, size: u32): void {
  reason = why;
  const state = cpu_state(current);
  if (why != ASLEEP) {
    state.pending_meta = meta;
    state.pending_addr = addr;
    state.pending_size = size;
  }
  const stack = stack_of(current);
  store<u32>(stack, stack + 8);
  store<u32>(stack + 4, stack + STACK_BYTES);
  asyncify_data = stack;
  asyncify_state = UNWINDING;
}

/** Whether the current CPU may perform its next event now; sends it back if not. */
@inline
function is_granted(meta: u32, addr: u32, size: u32): bool {
  if (countdown != 0 && !stop && events < event_limit && asleep == 0) {
    if (!detects_spins) return true;
    if (!seems_to_spin(cpu_state(current), meta, addr) && !is_known_site(meta)) return true;
  }
  return is_granted_slow(meta, addr, size);
}

function is_granted_slow(meta: u32, addr: u32, size: u32): bool {
  if (events >= event_limit) suspend(OVERRUN, meta, addr, size);
  else if (asleep & (1 << current)) suspend(ASLEEP, meta, addr, size);
  else if (countdown == 0 || stop) suspend(PREEMPTED, meta, addr, size);
  else if (!detects_spins || !may_spin(cpu_state(current), meta, addr)) return true;
  else suspend(SUSPECTED, meta, addr, size);
  return false;
}

/** Writes an event down; it happens next. */
@inline
function happen(meta: u32, addr: u32, size: u32): void {
  if (asleep != 0) rouse(meta, addr, size);
  if (logging) {
    const event = event_at(events);
    const state = cpu_state(current);
    store<u32>(event, meta);
    store<u32>(event, addr, 4);
    store<u32>(event, size, 8);
    store<u32>(event, current | (runnable << 8) | ((state.woken_by != 0 ? 1 : 0) << 16), 12);
    state.woken_by = 0;
  }
  events++;
  countdown--;
}

/** Events that sleep wake when one happens that does not commute with them. */
function rouse(meta: u32, addr: u32, size: u32): void {
  for (let cpu: u32 = 0; cpu < MAX_CPUS; cpu++) {
    if ((asleep & (1 << cpu)) == 0) continue;
    const state = cpu_state(cpu);
    const dependent =
      (writes(kind_of(meta)) || writes(kind_of(state.pending_meta))) &&
      overlaps(addr & ~3, (size + 3) & ~3, state.pending_addr & ~3, (state.pending_size + 3) & ~3);
    if (dependent) asleep &= ~(1 << cpu);
  }
}

@inline
function check_bounds(addr: u32, size: u32): void {
  if (<u64>addr + size <= <u64>machine_end()) return;
  reason = OUT_OF_BOUNDS;
  unreachable();
}

/** Ends the execution at an access that is forbidden; it is the last event. */
function forbid(): void {
  reason = FORBIDDEN;
  unreachable();
}

/** Before an access: kind, size and site in `meta`. Always 0: the access itself follows. */
export function point(meta: u32, addr: u32): u32 {
  const kind = kind_of(meta);
  const size = size_of(meta);
  check_bounds(addr, size);
  if (asyncify_state == REWINDING) {
    asyncify_state = 0;
    const is_judged = (judged & (1 << current)) != 0;
    if (detects_spins && !is_judged && may_spin(cpu_state(current), meta, addr)) {
      suspend(SUSPECTED, meta, addr, size);
      return 0;
    }
  } else {
    if (!exploring) {
      if (writes(kind)) remember_range(addr, size);
      return 0;
    }
    settle();
    if (
      (addr - private_from < private_size && !is_atomic(kind)) ||
      is_unobserved(addr)
    ) {
      if (writes(kind)) remember_range(addr, size);
      return 0;
    }
    if (!is_granted(meta, addr, size)) return 0;
  }
  if (recording) record_before(addr, size);
  if (detects_spins && kind != STORE && kind != ATOMIC_STORE && kind != WRITE_ONCE) {
    spin_read(cpu_state(current), meta, addr);
  }
  happen(meta, addr, size);
  if (is_marked(addr) && is_forbidden(meta, addr)) forbid();
  if (writes(kind)) {
    const first = addr & ~7;
    last_write = addr;
    last_size = size;
    last_old = load<u64>(first);
    last_is_bulk = false;
    last_event = events - 1;
    remember(first);
    if ((addr & 7) + size > 8) {
      last_old2 = load<u64>(first + 8);
      remember(first + 8);
    }
  }
  return 0;
}

/** Before an access that is no step of the schedule: it can only be taken back. */
export function quiet(addr: u32, size: u32): void {
  remember_range(addr, size);
}

/** Before memory.fill (source 0) or memory.copy of `size` bytes. */
export function bulk(meta: u32, target: u32, source: u32, size: u32): u32 {
  check_bounds(target, size);
  check_bounds(source, size);
  if (asyncify_state == REWINDING) {
    asyncify_state = 0;
  } else {
    if (!exploring) {
      remember_range(target, size);
      return 0;
    }
    settle();
    if (target - private_from < private_size && source == 0) {
      remember_range(target, size);
      return 0;
    }
    if (!is_granted(meta, target, size)) return 0;
  }
  if (size == 0) return 0;
  if (source != 0) happen((meta & ~15) | BULK_READ, source, size);
  happen(meta, target, size);
  if (source != 0 && is_range_forbidden((meta & ~15) | BULK_READ, source, size)) forbid();
  if (is_range_forbidden(meta, target, size)) forbid();
  remember_range(target, size);
  last_write = target;
  last_size = size;
  last_is_bulk = true;
  last_event = events - 1;
  return 0;
}

@inline
function word_is(addr: u32, size: u32, seen: u32): bool {
  if (size == 1) return load<u8>(addr) == <u8>seen;
  if (size == 2) return load<u16>(addr) == <u16>seen;
  return load<u32>(addr) == seen;
}

/**
 * In place of a wait: while the word is `seen`, the CPU is not runnable. 0: it changed meanwhile, 1: it
 * was different. `attends`: an interrupt for this CPU ends the wait too.
 */
export function wait(meta: u32, addr: u32, seen: u32, attends: bool): u32 {
  const size = size_of(meta);
  check_bounds(addr, size);
  const waited = asyncify_state == REWINDING;
  if (waited) {
    asyncify_state = 0;
  } else {
    if (!exploring) return 1;
    settle();
    if (!is_granted(meta, addr, size)) return 0;
  }
  if (recording) record_before(addr, size);
  happen(meta, addr, size);
  if (is_marked(addr) && is_forbidden(meta, addr)) forbid();
  const attention: u32 = attends ? attention_addr : 0;
  if (attention != 0) happen((meta & ~255) | ATOMIC_LOAD | 0x20, attention, 4);
  if (!word_is(addr, size, seen)) return waited ? 0 : 1;
  if (attention != 0 && (load<u32>(attention) & attention_mask) != 0) return 0;
  const state = cpu_state(current);
  state.wait_addr = addr;
  state.wait_addr2 = attention;
  blocked |= 1 << current;
  runnable &= ~(1 << current);
  suspend(BLOCKED, meta, addr, size);
  return 0;
}

function value_of(addr: u32, size: u32): u64 {
  if (size == 1) return load<u8>(addr);
  if (size == 2) return load<u16>(addr);
  if (size == 4) return load<u32>(addr);
  return load<u64>(addr);
}

function record_before(addr: u32, size: u32): void {
  const value = value_of(addr, size);
  const values = values_at(events);
  store<u64>(values, value);
  store<u64>(values, value, 8);
}

function record_after(): void {
  if (!last_is_bulk) store<u64>(values_at(last_event), value_of(last_addr(), last_size), 8);
}

@inline
function last_addr(): u32 {
  return load<u32>(event_at(last_event), 4);
}
