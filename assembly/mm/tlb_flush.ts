// TLB shootdown, as x86-64 did it in 2.6: one flush at a time in the whole machine. The sender
// takes tlbstate_lock, writes what to flush, interrupts the CPUs of the mask, and waits until each
// has cleared its bit. An idle CPU is not interrupted but told to flush when it comes back
// (arch/tlb_state.ts).
//
// Lock: tlbstate_lock is innermost. Callers hold the page_table_lock or mmap_sem of `mm`, never
// interrupts off. "Clear the PTE", "flush" and "free the frame" are three steps of the caller.

import { atomic_or, read_once, write_once } from "../arch/atomic";
import { ATTENTION_TLB } from "../arch/attention";
import { smp_mb } from "../arch/barrier";
import { boot } from "../arch/boot_params";
import { FIX_FLUSH_WAIT, FIX_SHOOTDOWN, without } from "../arch/fixes";
import { send_ipi } from "../arch/kick";
import { cpu_bit, percpu_of, this_cpu } from "../arch/percpu";
import { local_flush_tlb, local_flush_tlb_one } from "../arch/tlb";
import { FLUSH_ALL, TLB_FLUSH, TlbFlush, flush_cpumask } from "../arch/tlb_interrupt";
import { defer_flush } from "../arch/tlb_state";
import { TRACE_SHOOTDOWN, trace } from "../arch/trace";
import { cpu_wait_while } from "../arch/wait";
import { lock_await_interrupts } from "../lock/lockdep";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { MmStruct, mm_cpu_vm_mask } from "./mm_types";

/** Waits until a half of the mask is empty: bits only go while the lock is held. */
function wait_for_answers(half: usize): void {
  while (true) {
    const waiting = read_once<u32>(half);
    if (waiting == 0) return;
    cpu_wait_while<u32>(half, waiting);
  }
}

/** Flushes `va` of `mm` on the CPUs of `mask` and returns when none of them can use it any more. */
export function flush_tlb_others(mask: u64, mm: MmStruct, va: u64): void {
  let awake: u64 = 0;
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    if (mask & cpu_bit(id) && !defer_flush(percpu_of(id))) awake |= cpu_bit(id);
  }
  if (awake == 0) return;

  trace(TRACE_SHOOTDOWN, va, changetype<usize>(mm));
  this_cpu().shootdowns++;
  const request = changetype<TlbFlush>(TLB_FLUSH);
  const lock = TLB_FLUSH + offsetof<TlbFlush>("tlbstate_lock");
  spin_lock(lock);
  request.flush_mm = changetype<usize>(mm);
  request.flush_va = va;
  atomic_or<u64>(flush_cpumask(), awake);
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    if (awake & cpu_bit(id)) send_ipi(percpu_of(id), ATTENTION_TLB);
  }
  if (CONFIG_CHECK) lock_await_interrupts();
  // ACQUIRE. Pairs with tlb_interrupt(): every answer means that the CPU has dropped its entry.
  if (!without(FIX_FLUSH_WAIT)) {
    wait_for_answers(flush_cpumask());
    wait_for_answers(flush_cpumask() + 4);
  }
  write_once<usize>(TLB_FLUSH + offsetof<TlbFlush>("flush_mm"), 0);
  spin_unlock(lock);
}

/** CPUs that may hold translations of `mm`. */
@inline
function other_cpus(mm: MmStruct): u64 {
  // FULL. Pairs with switch_mm(): the changed PTE is visible before the mask is looked at, so a CPU
  // whose bit is not seen here walks the new PTE. Linux has this since 4.5; 2.6.9 could miss a CPU.
  smp_mb();
  if (without(FIX_SHOOTDOWN)) return 0;
  return read_once<u64>(mm_cpu_vm_mask(mm)) & ~cpu_bit(this_cpu().id);
}

/** Drops the translation of one page of `mm` on every CPU. */
export function flush_tlb_page(mm: MmStruct, address: u64): void {
  if (this_cpu().active_mm == changetype<usize>(mm)) local_flush_tlb_one(address);
  const others = other_cpus(mm);
  if (others != 0) flush_tlb_others(others, mm, address);
}

/** Drops all translations of `mm` on every CPU. A range is flushed like this too, as x86-64 did. */
export function flush_tlb_mm(mm: MmStruct): void {
  if (this_cpu().active_mm == changetype<usize>(mm)) local_flush_tlb();
  const others = other_cpus(mm);
  if (others != 0) flush_tlb_others(others, mm, FLUSH_ALL);
}
