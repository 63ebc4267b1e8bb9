// Ordered accesses and fences. WebAssembly has one order only, sequentially consistent: acquire and
// release are spelled where the algorithm needs no more, and compile to it. What each engine
// promises is in docs/memory-model.md.

import { PerCpu, this_cpu } from "./percpu";

/**
 * Full fence: a locked operation on a word of this CPU, which is as strong and on x86 cheaper than
 * mfence. (asc 0.28 emits an atomic.fence that its own validator refuses.)
 */
@inline
export function smp_mb(): void {
  atomic.add<u32>(changetype<usize>(this_cpu()) + offsetof<PerCpu>("barrier"), 0);
}

/** A read after which later accesses of this CPU happen. */
@inline
export function smp_load_acquire<T>(addr: usize): T {
  return atomic.load<T>(addr);
}

/** A write before which earlier accesses of this CPU happened. */
@inline
export function smp_store_release<T>(addr: usize, value: T): void {
  atomic.store<T>(addr, value);
}
