// The last events of each CPU, for the report of a broken rule. Checking builds only: compiled away
// elsewhere. Each CPU has a ring of its own; a shared clock orders the rings among each other.

import { atomic_fetch_add } from "./atomic";
import { PANIC_RECORD } from "./memory_map";
import { PanicRecord } from "./bug";
import { PERCPU_TRACE, TRACE_EVENTS, TRACE_EVENT_SIZE, this_cpu, this_cpu_base } from "./percpu";

export const TRACE_FAULT: u32 = 1;
export const TRACE_ANON_PAGE: u32 = 2;
export const TRACE_WP_PAGE: u32 = 3;
export const TRACE_NO_PAGE: u32 = 4;
export const TRACE_COPY_RANGE: u32 = 5;
export const TRACE_ZAP_RANGE: u32 = 6;
export const TRACE_FREE_PAGE: u32 = 7;
export const TRACE_SHOOTDOWN: u32 = 8;
export const TRACE_SWITCH_MM: u32 = 9;
export const TRACE_PROTECT_RANGE: u32 = 10;
export const TRACE_MOVE_TABLES: u32 = 11;
export const TRACE_ANON_VMA_FREE: u32 = 12;
export const TRACE_SIGNAL: u32 = 13;
export const TRACE_UNMAP: u32 = 40;
export const TRACE_SWAP_PAGE: u32 = 41;
export const TRACE_OOM_KILL: u32 = 42;

/** Remembers that `event` happened at virtual address `addr`, to the object `object`. */
@inline
export function trace(event: u32, addr: u64, object: usize): void {
  if (!CONFIG_CHECK) return;
  const cpu = this_cpu();
  const slot =
    this_cpu_base() + PERCPU_TRACE + (cpu.trace_next & (TRACE_EVENTS - 1)) * TRACE_EVENT_SIZE;
  cpu.trace_next++;
  const clock = PANIC_RECORD + offsetof<PanicRecord>("trace_clock");
  store<u32>(slot, atomic_fetch_add<u32>(clock, 1) + 1);
  store<u32>(slot + 4, event);
  store<u64>(slot + 8, addr);
  store<u32>(slot + 16, object);
}
