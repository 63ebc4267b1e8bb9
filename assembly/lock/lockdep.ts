// Watches the order in which locks are taken. Linux: kernel/lockdep.c (2.6.18), which proves from the
// classes of locks that nest that no run can deadlock, without one that does.
//
//   taken:  A, then B inside  ->  "B is inside A", once and for all runs of this machine
//   later:  B, then A inside  ->  A is inside B: a cycle. The machine stops, nobody has waited yet
//
// Also: a lock inside itself, or two of one class without a word on their order; a lock that is freed
// by who does not hold it; a sleeping lock inside a spinlock. That no lock is left when a CPU goes to a
// program, to another task or to rest is checked by arch/held_locks.ts.
//
// Protocol: a CPU tells of a lock before it waits for it, and before it frees it. A lock that was only
// tried counts as held, but is inside nothing: nobody waits with a trylock. The order is shared and
// only grows, so a bit set atomically and then a look at what is set finds every cycle: of two CPUs
// that close one together, the later sees both halves.
//
// Interrupts. A CPU that waits for a lock serves interrupts. One with interrupts off that waits for a lock whose
// holder waits for its answer waits for ever. So "interrupts off" counts as a class, LOCK_INTERRUPTS, and
// waiting for answers as taking it.
//
// Handlers. One may come while a lock is held with interrupts on, and the lock is not freed before it ends: so
// "a handler" is a class too, LOCK_HANDLER, taken inside each spinlock that is held so, and held by handlers. A
// lock that a handler takes and that somebody holds with interrupts on closes a circle, and so does one that
// is taken inside of such a lock: what Linux calls inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage.
//
// Checking builds only. For the explorer nothing here is a step of the schedule, so call it by name
// from elsewhere: a copy of this code in another file would be. Left out: the difference between
// readers and writers (a reader that a writer holds back waits too), stack traces, locks of no class.

import { atomic_fetch_or, read_once } from "../arch/atomic";
import { boot } from "../arch/boot_params";
import {
  BUG_LOCK_NOT_HELD,
  BUG_LOCK_ORDER,
  BUG_LOCK_RECURSION,
  BUG_SLEEP_IN_ATOMIC,
  panic,
} from "../arch/bug";
import { held_lock, held_lock_add, held_lock_remove, nr_held_locks } from "../arch/held_locks";
import { LOCK_ORDER } from "../arch/memory_map";
import { HARDIRQ_OFFSET, this_cpu } from "../arch/percpu";
import {
  LOCK_ANON_VMA,
  LOCK_HANDLER,
  LOCK_INTERRUPTS,
  LOCK_I_MMAP,
  LOCK_NONE,
  lock_class_of,
  lock_class_sleeps,
} from "./lock_class";

/** A second lock of a class that has an order among its own: one level down. */
export const SINGLE_DEPTH_NESTING: u32 = 1;

/** Classes that the tables have room for. */
export const LOCK_CLASS_LIMIT: u32 = 32;
/** Where the first of the LockNesting stands; masks of outer classes, one for each class, come before. */
export const LOCK_NESTINGS: usize = LOCK_ORDER + 128;
/** The end of both. */
export const LOCK_ORDER_END: usize = 0x10080;

/** How a lock of one class was first taken inside one of another. */
@unmanaged @final
export class LockNesting {
  /** Classes that were held, the innermost in the lowest byte; at most eight. */
  held: u64;
  /** CPU that did it. */
  cpu: u32;
  /** Unused; a record is 16 bytes. */
  _pad0: u32;
}

const NESTINGS_BYTES: usize = (LOCK_CLASS_LIMIT * LOCK_CLASS_LIMIT) * offsetof<LockNesting>();
if (LOCK_ORDER_END != LOCK_NESTINGS + NESTINGS_BYTES) ERROR("LOCK_ORDER_END is not the end");

@inline
function bit(lock_class: u32): u32 {
  return 1 << lock_class;
}

/** Bits of the classes whose locks spin. */
@inline
function all_spinning(): u32 {
  let spinning = ~(bit(LOCK_I_MMAP) - 1);
  if (lock_class_sleeps(LOCK_I_MMAP)) spinning &= ~bit(LOCK_I_MMAP);
  if (lock_class_sleeps(LOCK_ANON_VMA)) spinning &= ~bit(LOCK_ANON_VMA);
  return spinning;
}

/** The class of the highest bit: of several that one might name, the innermost kind. */
@inline
function highest(classes: u32): u32 {
  return 31 - clz(classes);
}

/** Address of the mask of classes that `lock_class` has been taken inside of. */
@inline
function outer_of(lock_class: u32): usize {
  return LOCK_ORDER + lock_class * 4;
}

/** Bits of the classes that this CPU holds. */
function classes_held(): u32 {
  const irq_disabled = this_cpu().irq_disabled;
  let classes: u32 = irq_disabled != 0 ? bit(LOCK_INTERRUPTS) : 0;
  if (irq_disabled >= HARDIRQ_OFFSET) classes |= bit(LOCK_HANDLER);
  const count = nr_held_locks();
  for (let i: u32 = 0; i < count; i++) classes |= bit(held_lock(i).lock_class);
  return classes;
}

/** Bits of the classes that `lock_class` has been taken inside of, directly or through others. */
function all_outer_of(lock_class: u32): u32 {
  let found = read_once<u32>(outer_of(lock_class));
  let unseen = found;
  while (unseen != 0) {
    const next = read_once<u32>(outer_of(ctz(unseen))) & ~found;
    unseen = (unseen & (unseen - 1)) | next;
    found |= next;
  }
  return found;
}

/** Writes down how `inner` came to be taken inside `outer`. */
function note_nesting(outer: u32, inner: u32): void {
  const at = LOCK_NESTINGS + (outer * LOCK_CLASS_LIMIT + inner) * offsetof<LockNesting>();
  const nesting = changetype<LockNesting>(at);
  let held: u64 = 0;
  const count = nr_held_locks();
  for (let i: u32 = 0; i < count; i++) held = (held << 8) | held_lock(i).lock_class;
  nesting.held = held;
  nesting.cpu = this_cpu().id;
}

/** `inner` is taken inside the `outer` classes, which it never was; the machine stops at a cycle. */
function learn(outer: u32, inner: u32, key: usize): void {
  const before = atomic_fetch_or<u32>(outer_of(inner), outer);
  for (let left = outer; left != 0; left &= left - 1) {
    const each = ctz(left);
    if (all_outer_of(each) & bit(inner)) panic(BUG_LOCK_ORDER, key, (each << 8) | inner);
    if ((before & bit(each)) == 0) note_nesting(each, inner);
  }
}

/** This CPU is about to wait for a lock of this class. */
function about_to_take(key: usize, lock_class: u32): void {
  const held = classes_held();
  if (held & bit(lock_class)) panic(BUG_LOCK_RECURSION, key, lock_class);
  about_to_take_inside(held, key, lock_class);
}

/** about_to_take inside of locks of the classes `held`. */
function about_to_take_inside(held: u32, key: usize, lock_class: u32): void {
  if (lock_class_sleeps(lock_class) && held & all_spinning()) {
    panic(BUG_SLEEP_IN_ATOMIC, key, (highest(held) << 8) | lock_class);
  }
  const unknown = held & ~read_once<u32>(outer_of(lock_class));
  if (unknown != 0) learn(unknown, lock_class, key);
}

/** A handler may come while this CPU holds a lock of this class. */
@inline
function may_be_interrupted(key: usize, lock_class: u32): void {
  if (this_cpu().irq_disabled != 0 || lock_class_sleeps(lock_class)) return;
  if ((read_once<u32>(outer_of(LOCK_HANDLER)) & bit(lock_class)) == 0) {
    learn(bit(lock_class), LOCK_HANDLER, key);
  }
}

/** Before this CPU waits for the lock of a key (lock_class.ts). `subclass`: 0 or SINGLE_DEPTH_NESTING. */
export function lock_acquire(key: usize, subclass: u32): void {
  if (boot().lockdep == 0) return;
  const lock_class = lock_class_of(key);
  if (lock_class == LOCK_NONE) return;
  about_to_take(key, lock_class + subclass);
  may_be_interrupted(key, lock_class + subclass);
  held_lock_add(key, lock_class + subclass);
}

/** lock_acquire beside others of the same class, which all lie at lower addresses: that is their order. */
export function lock_acquire_higher(key: usize): void {
  if (boot().lockdep == 0) return;
  const lock_class = lock_class_of(key);
  if (lock_class == LOCK_NONE) return;
  const count = nr_held_locks();
  for (let i: u32 = 0; i < count; i++) {
    const held = held_lock(i);
    if (held.lock_class != lock_class || held.key < key) continue;
    panic(BUG_LOCK_ORDER, key, (lock_class << 8) | lock_class);
  }
  about_to_take_inside(classes_held() & ~bit(lock_class), key, lock_class);
  held_lock_add(key, lock_class);
}

/** After this CPU got the lock of a key without waiting. */
export function lock_acquire_tried(key: usize): void {
  if (boot().lockdep == 0) return;
  const lock_class = lock_class_of(key);
  if (lock_class == LOCK_NONE) return;
  may_be_interrupted(key, lock_class);
  held_lock_add(key, lock_class);
}

/** This CPU may sleep now: it holds no spinlock. */
export function no_spinlocks_held(): void {
  if (boot().lockdep == 0) return;
  const held = classes_held() & all_spinning();
  if (held != 0) panic(BUG_SLEEP_IN_ATOMIC, 0, (highest(held) << 8) | LOCK_NONE);
}

/** Before this CPU frees the lock of a key. */
export function lock_release(key: usize): void {
  if (boot().lockdep == 0) return;
  for (let i = nr_held_locks(); i != 0; i--) {
    if (held_lock(i - 1).key == key) {
      held_lock_remove(i - 1);
      return;
    }
  }
  const lock_class = lock_class_of(key);
  if (lock_class != LOCK_NONE) panic(BUG_LOCK_NOT_HELD, key, lock_class);
}

/** Before this CPU waits until others have served an interrupt. */
export function lock_await_interrupts(): void {
  if (boot().lockdep != 0) about_to_take(0, LOCK_INTERRUPTS);
}
