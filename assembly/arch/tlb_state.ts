// Lazy TLB: an idle or sleeping CPU touches no user memory, so a shootdown need not interrupt it.
// It is told to flush when it comes back. Models the TLBSTATE_LAZY of x86, with the flush put off
// instead of done in the interrupt.
//
//   OK --enter_lazy--> LAZY --shootdown--> LAZY_FLUSH --leave_lazy--> flush everything, OK

import { atomic_cmpxchg, atomic_fetch_or, atomic_xchg } from "./atomic";
import { FIX_LAZY_XCHG, without } from "./fixes";
import { PerCpu, percpu_tlb_state, this_cpu } from "./percpu";
import { local_flush_tlb } from "./tlb";

export const TLB_STATE_OK: u32 = 0;
export const TLB_STATE_LAZY: u32 = 1;
export const TLB_STATE_LAZY_FLUSH: u32 = 2;

/** This CPU promises to use no translation until leave_lazy(). */
export function enter_lazy(): void {
  // RELEASE. Pairs with ask_all_cpus(): the callbacks that this CPU has queued are on its lists.
  atomic_xchg<u32>(percpu_tlb_state(this_cpu()), TLB_STATE_LAZY);
}

/** Ends enter_lazy(): does the flushes that were put off. */
export function leave_lazy(): void {
  // ACQUIRE. Pairs with defer_flush(): whoever put a flush off had cleared its PTEs before.
  // FULL. Pairs with rcu_start_batch() and flush_secondary(): whoever did not wait for this CPU had
  // unlinked, or cleared its entry, before.
  const state = percpu_tlb_state(this_cpu());
  if (without(FIX_LAZY_XCHG)) return leave_in_two_steps(state);
  if (atomic_xchg<u32>(state, TLB_STATE_OK) == TLB_STATE_LAZY_FLUSH) local_flush_tlb();
}

/** For machines without FIX_LAZY_XCHG: a flush that is put off between the two looks is forgotten. */
function leave_in_two_steps(state: usize): void {
  const seen = atomic_fetch_or<u32>(state, 0);
  atomic_xchg<u32>(state, TLB_STATE_OK);
  if (seen == TLB_STATE_LAZY_FLUSH) local_flush_tlb();
}

/** Puts a flush of `cpu` off to its return; false when the CPU is awake and must be interrupted. */
export function defer_flush(cpu: PerCpu): bool {
  // RELEASE. Pairs with leave_lazy(): the cleared PTEs are visible to the CPU once it sees the
  // state.
  const old = atomic_cmpxchg<u32>(percpu_tlb_state(cpu), TLB_STATE_LAZY, TLB_STATE_LAZY_FLUSH);
  return old != TLB_STATE_OK;
}
