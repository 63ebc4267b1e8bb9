// A broken rule stops the machine. The first CPU that finds one writes the record, raises every
// other CPU's attention and traps; the others trap at their next look at their attention word.
// Never returns, never hangs.

import { atomic_cmpxchg, atomic_fetch_add, atomic_or } from "./atomic";
import { boot } from "./boot_params";
import { PANIC_RECORD } from "./memory_map";
import { percpu_attention, percpu_of, percpu_wake_word, smp_processor_id } from "./percpu";
import { ATTENTION_PANIC } from "./attention";

export const BUG_MAPCOUNT_UNDERFLOW: u32 = 1;
export const BUG_MAPCOUNT_AT_FREE: u32 = 2;
export const BUG_COUNT_UNDERFLOW: u32 = 3;
export const BUG_BAD_PAGE_STATE: u32 = 4;
export const BUG_DOUBLE_FREE_PAGE: u32 = 5;
export const BUG_FRAME_POISON: u32 = 6;
export const BUG_SLAB_DOUBLE_FREE: u32 = 7;
export const BUG_SLAB_POISON: u32 = 8;
export const BUG_SLAB_FOREIGN_OBJECT: u32 = 9;
export const BUG_UNLOCK_OF_FREE_LOCK: u32 = 10;
export const BUG_ANON_RMAP_MISMATCH: u32 = 11;
export const BUG_VMA_TREE: u32 = 12;
export const BUG_BAD_PTE: u32 = 13;
export const BUG_ANON_VMA_NOT_SHARED: u32 = 14;
export const BUG_NOT_CONSTRUCTED: u32 = 15;
export const BUG_GATHER_NESTED: u32 = 16;
export const BUG_RADIX_TREE: u32 = 17;
export const BUG_SLEEP_IN_ATOMIC: u32 = 18;
export const BUG_MM_USERS: u32 = 19;
export const BUG_LOCK_ORDER: u32 = 20;
export const BUG_LOCK_RECURSION: u32 = 21;
export const BUG_LOCK_NOT_HELD: u32 = 22;
export const BUG_LOCKS_HELD: u32 = 23;
export const BUG_RCU_READER: u32 = 24;
export const BUG_BAD_CALLBACK: u32 = 25;
export const BUG_SLAB_FLAGS: u32 = 26;
export const BUG_SWAP_SLOT: u32 = 40;
export const BUG_SWAP_CACHE: u32 = 41;
export const BUG_PAGE_LIST: u32 = 42;
export const BUG_SCHEDULING_WHILE_ATOMIC: u32 = 50;
export const BUG_BAD_NOTIFIER: u32 = 51;

@unmanaged @final
export class PanicRecord {
  /** 0: all is well; else the BUG_* rule that broke first. */
  @atomic rule: u32;
  /** CPU that found it. */
  cpu: u32;
  /** Object concerned: the address of a page, a PTE, a slab object. */
  object: usize;
  /** What was found there. */
  value: u32;
  /** Counts events of all CPUs, so that traces can be merged. */
  @atomic trace_clock: u32;
}

/** Stops the machine: `rule` broke at `object`, which held `value`. */
export function panic(rule: u32, object: usize, value: u32): void {
  const record = changetype<PanicRecord>(PANIC_RECORD);
  if (atomic_cmpxchg<u32>(PANIC_RECORD, 0, rule) == 0) {
    record.cpu = smp_processor_id();
    record.object = object;
    record.value = value;
    for (let id: u32 = 0; id < boot().nr_cpus; id++) {
      const cpu = percpu_of(id);
      atomic_or<u32>(percpu_attention(cpu), ATTENTION_PANIC);
      atomic_fetch_add<u32>(percpu_wake_word(cpu), 1);
      atomic.notify(percpu_wake_word(cpu), 1);
    }
  }
  unreachable();
}

/** Stops the machine if `condition` holds. */
@inline
export function bug_on(condition: bool, rule: u32, object: usize = 0, value: u32 = 0): void {
  if (condition) panic(rule, object, value);
}

/**
 * bug_on of the checking builds only. The condition is worked out in every build: if it has an atomic access in
 * it, which no compiler drops, say `if (CONFIG_CHECK) bug_on(...)`.
 */
@inline
export function check_bug_on(condition: bool, rule: u32, object: usize = 0, value: u32 = 0): void {
  if (CONFIG_CHECK) bug_on(condition, rule, object, value);
}
