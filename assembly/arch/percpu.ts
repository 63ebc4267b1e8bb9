// The area of one CPU: the only state that is private to it. A CPU finds its own through an
// imported constant, as x86-64 finds it through %gs; other CPUs only touch the fields marked
// @atomic.

import { NR_CPUS, PERCPU_AREAS, PERCPU_SIZE } from "./memory_map";

@external("arch", "percpu_base")
declare const percpu_base: usize;

/** Translations that a CPU can hold: 128 sets of 4 ways, the second-level DTLB of an Opteron. */
export const TLB_SETS: u32 = 128;
export const TLB_WAYS: u32 = 4;
export const TLB_ENTRY_SIZE: u32 = 16;
/** The last generation of a TLB before it is cleared and begins with 1 again. */
export const TLB_GENERATION_MAX: u32 = 4095;
/** Pages that an mmu_gather collects before it must flush: FREE_PTE_NR of Linux on SMP. */
export const FREE_PTE_NR: u32 = 506;
/** Trace events that a CPU remembers; a power of two. */
export const TRACE_EVENTS: u32 = 128;
export const TRACE_EVENT_SIZE: u32 = 24;
/** Slots of a per-CPU object array of a slab cache, with its four-word head. */
export const ARRAY_CACHE_SLOTS: u32 = 60;
export const ARRAY_CACHE_SIZE: u32 = 256;
/** Pages in a pagevec. */
export const PAGEVEC_SIZE: u32 = 16;
/** Queue nodes that a CPU keeps for locks of one word, as many as it may hold; bytes of each. */
export const LOCK_NODES: u32 = 16;
export const LOCK_NODE_SIZE: usize = 64;
/** What PerCpu.irq_disabled is more by in a handler that takes locks. */
export const HARDIRQ_OFFSET: u32 = 0x10000;
/** Phases that a profile tells apart. */
export const NR_PHASES: u32 = 8;

@unmanaged @final
export class PerCpu {
  /** Number of this CPU. */
  id: u32;
  /** ATTENTION_* bits: somebody wants this CPU to look up. */
  @atomic attention: u32;
  /** Counts kicks; a sleeping CPU waits for it to change. */
  @atomic wake_word: u32;
  /** TLB_STATE_*: whether invalidations must interrupt this CPU. */
  @atomic tlb_state: u32;
  /** The mm whose page tables the walker uses; an idle CPU keeps the last one. */
  active_mm: usize;
  /** The task that runs, or 0 when idle. */
  current: usize;
  /** Generation that a valid TLB entry carries; a full flush counts it up. */
  tlb_generation: u32;
  /** Which way of a set is replaced next. */
  tlb_victim: u32;
  /** Signal of the last access: 0 none, else SIGSEGV, SIGBUS, SIGKILL. */
  fault_signal: u32;
  /** 1 if the last access that ended in a signal was a write. */
  fault_write: u32;
  /** Address of the last fault that ended in a signal. */
  fault_address: u64;
  /** Interrupts are off while this is not 0. */
  irq_disabled: u32;
  /** PTEs this CPU mapped first, minus those it unmapped last: its share of nr_mapped. */
  nr_mapped: i32;
  /** Events of nr_pagefault and the like: minor faults. */
  pgfault: u32;
  /** Major faults. */
  pgmajfault: u32;
  /** IPIs served. */
  ipis: u32;
  /** Shootdowns this CPU started that had to wait for another CPU. */
  shootdowns: u32;
  /** Full flushes of this CPU's TLB. */
  tlb_flushes: u32;
  /** Walks of the page tables after a TLB miss. */
  tlb_misses: u32;
  /** Times this CPU went to sleep in a wait. */
  sleeps: u32;
  /** Next slot of the trace ring. */
  trace_next: u32;
  /** The phase that is being timed. */
  phase: u32;
  /** Pages in the pagevec of this CPU. */
  pagevec_nr: u32;
  /** Never read: smp_mb() does a locked operation on it. */
  @atomic barrier: u32;
  /** When the current phase began, in ns of the engine's clock. */
  phase_since: f64;

  /**
   * Sleeping-lock wait entry of this CPU: list node, then state. A CPU waits for one thing at a
   * time.
   */
  waiter_next: usize;
  /** See waiter_next. */
  waiter_prev: usize;
  /** 0 while waiting; a waker stores 1 after it took the entry off its list. */
  @atomic waiter_woken: u32;
  /** WAITER_READ or WAITER_WRITE. */
  waiter_type: u32;

  /** Tasks ready to run here: list head. */
  @guarded("runqueue_lock") runqueue_next: usize;
  /** See runqueue_next. */
  @guarded("runqueue_lock") runqueue_prev: usize;
  /** Spinlock of the run queue. */
  @atomic runqueue_lock: u32;
  /** Tasks on the run queue. */
  @atomic nr_running: u32;

  /** mmu_gather: the mm being torn down, 0 when not in use. */
  gather_mm: usize;
  /** Pages collected; ~0 in fast mode (one CPU: freed at once). */
  gather_nr: u32;
  /** PTEs cleared since the last flush, for mm.rss. */
  gather_freed: u32;
  /** 1 when something was unmapped and the TLB must be flushed. */
  gather_need_flush: u32;
  /** 1 when the whole mm goes away. */
  gather_fullmm: u32;

  /** For who looks for the next page of a file: its index. */
  found_index: u64;

  /** Callbacks of call_rcu that wait for a batch: the first and the last. */
  rcu_new_first: usize;
  /** See rcu_new_first. */
  rcu_new_last: usize;
  /** Callbacks that wait for the batch rcu_batch: the first and the last. */
  rcu_cur_first: usize;
  /** See rcu_cur_first. */
  rcu_cur_last: usize;
  /** Callbacks whose grace period has passed: the first and the last. */
  rcu_done_first: usize;
  /** See rcu_done_first. */
  rcu_done_last: usize;
  /** Number of the batch that rcu_cur_first waits for. */
  rcu_batch: u32;
  /** The RcuHead of synchronize_kernel. */
  rcu_sync_next: usize;
  /** See rcu_sync_next. */
  rcu_sync_func: u32;
  /** 1 when what synchronize_kernel waits for has passed. */
  rcu_sync_done: u32;
  /** The RcuHead of rcu_barrier. */
  rcu_barrier_next: usize;
  /** See rcu_barrier_next. */
  rcu_barrier_func: u32;
  /** Checking builds: rcu_read_lock()s that are under way. */
  rcu_nesting: u32;
  /** 2.6.6: an element of a chain that nobody uses, or 0. */
  local_pte_chain: usize;
}

/** Offsets of the arrays that follow the fields. */
export const PERCPU_PAGESETS: usize = 0x100;
export const PERCPU_PAGEVEC: usize = 0x180;
export const PERCPU_PHASES: usize = 0x200;
export const PERCPU_GATHER: usize = 0x280;
export const PERCPU_RECLAIM: usize = 0x0a80;
/** Depth of sections in which no method of a notifier may sleep (notifier/context.ts). */
export const PERCPU_NOTIFIER: usize = 0x0b80;
/** Not 0 while a client of notifiers sleeps on this CPU, in the middle of the kernel. */
export const PERCPU_CLIENT_SLEEPS: usize = 0x0b88;
export const PERCPU_ARRAY_CACHES: usize = 0x0c00;
export const PERCPU_TRACE: usize = 0x1c00;
export const PERCPU_HELD_LOCKS: usize = 0x2800;
/** The word that a hemlock hands over in, and the queue nodes of locks of one word (lock/node_pool.ts). */
export const PERCPU_GRANT: usize = 0x2a00;
export const PERCPU_LOCK_NODES: usize = 0x2c00;
export const PERCPU_TLB: usize = 0x3000;

if (PERCPU_GATHER + FREE_PTE_NR * 4 > PERCPU_RECLAIM) ERROR("a gather runs into ReclaimState");
if (offsetof<PerCpu>() > PERCPU_PAGESETS) ERROR("the fields of PerCpu run into its arrays");

/** The area of the CPU that asks. */
@inline
export function this_cpu(): PerCpu {
  return changetype<PerCpu>(percpu_base);
}

/** Address of the area of the CPU that asks, for its arrays. */
@inline
export function this_cpu_base(): usize {
  return percpu_base;
}

/** The area of CPU `id`. */
@inline
export function percpu_of(id: u32): PerCpu {
  return changetype<PerCpu>(PERCPU_AREAS + id * PERCPU_SIZE);
}

/** Number of the CPU that asks. */
@inline
export function smp_processor_id(): u32 {
  return this_cpu().id;
}

/** Address of an @atomic field of `cpu`. */
@inline
export function percpu_attention(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("attention");
}

/** See percpu_attention. */
@inline
export function percpu_wake_word(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("wake_word");
}

/** See percpu_attention. */
@inline
export function percpu_tlb_state(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("tlb_state");
}

/** See percpu_attention. */
@inline
export function percpu_waiter_woken(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("waiter_woken");
}

/** The list node of a CPU's wait entry. */
@inline
export function percpu_waiter(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("waiter_next");
}

/** The CPU that a wait entry belongs to: areas are aligned to their size. */
@inline
export function waiter_cpu(waiter: usize): PerCpu {
  return changetype<PerCpu>(waiter - offsetof<PerCpu>("waiter_next"));
}

/** Bit of CPU `id` in a mask of CPUs. */
@inline
export function cpu_bit(id: u32): u64 {
  return (<u64>1) << (<u64>id);
}

if (NR_CPUS > 64) ERROR("masks of CPUs are one u64");
