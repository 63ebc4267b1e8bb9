// The hardware of a secondary MMU: entries that it walks by itself. An entry is a word of its client's state:
//
//    31                4   3   2   1   0
//   ├──────── frame ────────┤ D ┤ A ┤ W ┤ P ┤     0: nothing is mapped
//
// An access looks at the entry and then at the frame, and takes no interrupt in between, like a CPU
// that has the translation in its TLB. An entry of a TLB has a tag besides, in a word of its own. So
// who has cleared an entry waits, in flush_secondary(), until every other CPU has taken an interrupt:
// then no access is under way that saw it. A and D are set by compare-and-exchange. Frames without
// content read as zeros.
//
// A table with an entry for each page of the window is walked here, by address (secondary_walk_*): software is asked
// at a miss only. Otherwise software finds the entry, and gives its address.

import {
  atomic_cmpxchg,
  atomic_fetch_and,
  atomic_xchg,
  read_once,
  write_once,
} from "../arch/atomic";
import { boot } from "../arch/boot_params";
import {
  PERCPU_NOTIFIER,
  cpu_bit,
  percpu_of,
  percpu_tlb_state,
  this_cpu,
  this_cpu_base,
} from "../arch/percpu";
import { TLB_STATE_OK } from "../arch/tlb_state";
import { FLUSH_ALL } from "../arch/tlb_interrupt";
import { NOTIFIER_NONE } from "./config";
import { MmStruct } from "../mm/mm_types";
import { PG_dirty, page_set_flag, pfn_to_page } from "../mm/page";
import { flush_tlb_others } from "../mm/tlb_flush";
import { take_interrupts } from "../sched/idle";
import { MmuNotifier } from "./types";

export const SPTE_PRESENT: u32 = 1;
export const SPTE_WRITE: u32 = 2;
export const SPTE_ACCESSED: u32 = 4;
export const SPTE_DIRTY: u32 = 8;
/** Where the frame of an entry stands. */
export const SPTE_SHIFT: u32 = 4;
/** secondary_load32: no entry allows it. */
export const SECONDARY_MISS: i32 = -1;

/** Address of the word that an entry and an offset name, or 0 for a frame without content. */
@inline
function word_of(entry: u32, offset: u32): usize {
  const pfn = entry >> SPTE_SHIFT;
  return pfn < boot().lowmem_pfns ? ((<usize>pfn) << 12) | (offset & 4092) : 0;
}

/** The tag of an entry is the right one, or it has none. */
@inline
function tag_is(tag_at: usize, tag: u32): bool {
  return tag_at == 0 || read_once<u32>(tag_at) == tag;
}

/** The entry at `at`, if it allows the access, with its marks set; else 0. */
@inline
function translate_secondary(at: usize, needed: u32, marks: u32, tag_at: usize, tag: u32): u32 {
  while (true) {
    if (!tag_is(tag_at, tag)) return 0;
    const entry = read_once<u32>(at);
    if ((entry & needed) != needed) return 0;
    if ((entry & marks) == marks || atomic_cmpxchg<u32>(at, entry, entry | marks) == entry) {
      // Another entry may have come in its place between the two looks.
      return tag_is(tag_at, tag) ? entry : 0;
    }
  }
}

/** The entry at `at`, now accessed, for a program that loads; 0 when it allows none. */
@inline
function entry_to_load(at: usize, tag_at: usize, tag: u32): u32 {
  take_interrupts();
  return translate_secondary(at, SPTE_PRESENT, SPTE_ACCESSED, tag_at, tag);
}

/** The entry at `at`, now accessed and dirty, for a program that stores; 0 when it allows none. */
@inline
function entry_to_store(at: usize, tag_at: usize, tag: u32): u32 {
  take_interrupts();
  const needed = SPTE_PRESENT | SPTE_WRITE;
  return translate_secondary(at, needed, SPTE_ACCESSED | SPTE_DIRTY, tag_at, tag);
}

/** The entry that the hardware finds for `address`; 0: its client has no table that it walks, or it is outside. */
@inline
function walk_secondary(notifier: usize, address: u64): usize {
  const its = changetype<MmuNotifier>(notifier);
  const page = (address - its.window_start) >> 12;
  if (its.table == 0 || page >= its.window_pages) return 0;
  return notifier + its.table + ((<usize>page) << 2);
}

/** secondary_load32() of the entry for `address`. */
export function secondary_walk_load32(notifier: usize, address: f64): f64 {
  const at = walk_secondary(notifier, <u64>(<i64>address));
  return at == 0 ? SECONDARY_MISS : secondary_load32(at, <u32>(<i64>address), 0, 0);
}

/** secondary_store32() through the entry for `address`. */
export function secondary_walk_store32(notifier: usize, address: f64, value: u32): bool {
  const at = walk_secondary(notifier, <u64>(<i64>address));
  return at != 0 && secondary_store32(at, <u32>(<i64>address), value, 0, 0);
}

/** secondary_load64() of the entry for `address`. */
export function secondary_walk_load64(notifier: usize, address: f64): u64 {
  const at = walk_secondary(notifier, <u64>(<i64>address));
  if (at != 0) return secondary_load64(at, <u32>(<i64>address), 0, 0);
  store<u32>(missed_at(), 1);
  return 0;
}

/** secondary_store64() through the entry for `address`. */
export function secondary_walk_store64(notifier: usize, address: f64, value: u64): bool {
  const at = walk_secondary(notifier, <u64>(<i64>address));
  return at != 0 && secondary_store64(at, <u32>(<i64>address), value, 0, 0);
}

/** Loads 32 bits through the entry at `at`; SECONDARY_MISS when it allows no load. Outside of the kernel. */
@inline
export function secondary_load32(at: usize, offset: u32, tag_at: usize, tag: u32): f64 {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return SECONDARY_MISS;
  const entry = entry_to_load(at, tag_at, tag);
  if (entry == 0) return SECONDARY_MISS;
  const word = word_of(entry, offset);
  return word == 0 ? 0 : <f64>read_once<u32>(word);
}

/** Stores 32 bits through the entry at `at`; false when it allows no store. Outside of the kernel. */
@inline
export function secondary_store32(
  at: usize,
  offset: u32,
  value: u32,
  tag_at: usize,
  tag: u32,
): bool {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return false;
  const entry = entry_to_store(at, tag_at, tag);
  if (entry == 0) return false;
  const word = word_of(entry, offset);
  if (word != 0) write_once<u32>(word, value);
  return true;
}

/** 1 after secondary_load64() found no entry that allows the load: all of its result is taken. */
@inline
function missed_at(): usize {
  return this_cpu_base() + PERCPU_NOTIFIER + 4;
}

/** Loads 64 bits through the entry at `at`; see secondary_missed(). Outside of the kernel. */
@inline
export function secondary_load64(at: usize, offset: u32, tag_at: usize, tag: u32): u64 {
  store<u32>(missed_at(), 1);
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return 0;
  const entry = entry_to_load(at, tag_at, tag);
  if (entry == 0) return 0;
  store<u32>(missed_at(), 0);
  const word = word_of(entry, offset);
  return word == 0 ? 0 : read_once<u64>(word & ~7);
}

/** True if the last secondary_load64() of this CPU found no entry. */
export function secondary_missed(): bool {
  return load<u32>(missed_at()) != 0;
}

/** Stores 64 bits through the entry at `at`; false when it allows no store. Outside of the kernel. */
@inline
export function secondary_store64(
  at: usize,
  offset: u32,
  value: u64,
  tag_at: usize,
  tag: u32,
): bool {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return false;
  const entry = entry_to_store(at, tag_at, tag);
  if (entry == 0) return false;
  const word = word_of(entry, offset);
  if (word != 0) write_once<u64>(word & ~7, value);
  return true;
}

/** Sets the entry at `at`. */
export function secondary_set(at: usize, entry: u32): void {
  atomic_xchg<u32>(at, entry);
}

/** Clears the entry at `at`; returns what it was. A page that was written through it is dirty from here on. */
export function secondary_clear(at: usize): u32 {
  const entry = atomic_xchg<u32>(at, 0);
  if (entry & SPTE_DIRTY) page_set_flag(pfn_to_page(entry >> SPTE_SHIFT), PG_dirty);
  return entry;
}

/** Takes the accessed mark off the entry at `at`; true if it was set. */
export function secondary_clear_young(at: usize): bool {
  if ((read_once<u32>(at) & SPTE_ACCESSED) == 0) return false;
  return (atomic_fetch_and<u32>(at, ~SPTE_ACCESSED) & SPTE_ACCESSED) != 0;
}

/** Returns when no other CPU is in the middle of an access that began before. */
export function flush_secondary(): void {
  let others: u64 = 0;
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    // FULL, by the exchange that cleared the entry. Pairs with leave_lazy(): who is at rest now finds it cleared.
    if (read_once<u32>(percpu_tlb_state(percpu_of(id))) == TLB_STATE_OK) others |= cpu_bit(id);
  }
  others &= ~cpu_bit(this_cpu().id);
  if (others != 0) flush_tlb_others(others, changetype<MmStruct>(0), FLUSH_ALL);
}
