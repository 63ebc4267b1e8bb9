// The receiving end of a TLB shootdown (mm/tlb_flush.ts is the sending one): what to flush is
// written in one place of the machine, for one shootdown at a time; each CPU of the mask flushes
// and clears its bit. Takes no lock.

import { atomic_fetch_and, read_once } from "./atomic";
import { KERNEL_GLOBALS } from "./memory_map";
import { cpu_bit, this_cpu } from "./percpu";
import { local_flush_tlb, local_flush_tlb_one } from "./tlb";

/** "Everything" as an address to flush. */
export const FLUSH_ALL: u64 = 0xffffffffffffffff;

@unmanaged @final
export class TlbFlush {
  /** CPUs that have yet to answer. */
  @atomic flush_cpumask: u64;
  /** Page to flush, or FLUSH_ALL. */
  @guarded("tlbstate_lock") flush_va: u64;
  /** Address space to flush. */
  @guarded("tlbstate_lock") flush_mm: usize;
  /** Spinlock: one shootdown at a time. */
  @atomic tlbstate_lock: u32;
}

/** Where the TlbFlush of the machine stands. */
export const TLB_FLUSH: usize = KERNEL_GLOBALS;

/** Address of flush_cpumask. */
@inline
export function flush_cpumask(): usize {
  return TLB_FLUSH + offsetof<TlbFlush>("flush_cpumask");
}

/** The handler: flushes what the sender asks for, then tells it so. */
export function tlb_interrupt(): void {
  const cpu = this_cpu();
  const me = cpu_bit(cpu.id);
  if ((read_once<u64>(flush_cpumask()) & me) == 0) return;
  const request = changetype<TlbFlush>(TLB_FLUSH);
  if (cpu.active_mm == request.flush_mm) {
    if (request.flush_va == FLUSH_ALL) local_flush_tlb();
    else local_flush_tlb_one(request.flush_va);
  }
  // RELEASE. Pairs with flush_tlb_others(): the entry is gone before the sender counts this CPU
  // out.
  atomic_fetch_and<u64>(flush_cpumask(), ~me);
}
