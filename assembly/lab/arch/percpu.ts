// The area of one CPU in the lab: what locks need of the kernel's arch/percpu.ts, under the same names.
// On threads each CPU is an instance of its own and its area a constant; the explorer runs all CPUs in
// one instance and says before each turn whose area it is. No access to memory tells a CPU its number.

@external("arch", "percpu_base")
declare const percpu_base: usize;
@external("explore", "percpu_base")
declare let explored_percpu_base: usize;

/** Where the areas lie: src/lab/memory.ts. */
export const PERCPU_AREAS: usize = 0x100000;
/** Bytes of an area; they are aligned to it. */
export const PERCPU_SIZE: usize = 0x800;
/** CPUs, at most. */
export const NR_CPUS: u32 = 64;
/** Queue nodes that a CPU keeps for locks of one word (lock/node_pool.ts), and bytes of each. */
export const LOCK_NODES: u32 = 16;
export const LOCK_NODE_SIZE: usize = 64;

@unmanaged @final
export class PerCpu {
  /** ATTENTION_* bits: nobody in the lab sets one. */
  @atomic attention: u32;
  /** Counts kicks; a sleeping CPU waits for it to change. */
  @atomic wake_word: u32;
  /** Times this CPU went to sleep in a wait. */
  sleeps: u32;
  /** Wait entry of this CPU: list node, then state. A CPU waits for one thing at a time. */
  waiter_next: usize;
  /** See waiter_next. */
  waiter_prev: usize;
  /** 0 while waiting; a waker stores 1 after it took the entry off its list. */
  @atomic waiter_woken: u32;
  /** WAITER_READ or WAITER_WRITE. */
  waiter_type: u32;
  /** Never read: smp_mb() does a locked operation on it. */
  @atomic barrier: u32;
}

/** What lockdep keeps: the number of locks that this CPU holds, then their names. */
export const PERCPU_HELD: usize = 0x40;
/** Offset of the word that a hemlock hands over in; a line of its own. */
export const PERCPU_GRANT: usize = 0x80;
/** Offset of the queue nodes. */
export const PERCPU_LOCK_NODES: usize = 0x400;

/** Address of the area of the CPU that asks. */
@inline
export function this_cpu_base(): usize {
  if (CONFIG_EXPLORED) return explored_percpu_base;
  return percpu_base;
}

/** The area of the CPU that asks. */
@inline
export function this_cpu(): PerCpu {
  return changetype<PerCpu>(this_cpu_base());
}

/** Number of the CPU that asks. */
@inline
export function smp_processor_id(): u32 {
  return <u32>((this_cpu_base() - PERCPU_AREAS) / PERCPU_SIZE);
}

/** The area of CPU `id`. */
@inline
export function percpu_of(id: u32): PerCpu {
  return changetype<PerCpu>(PERCPU_AREAS + id * PERCPU_SIZE);
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
export function percpu_waiter_woken(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("waiter_woken");
}

/** The list node of a CPU's wait entry. */
@inline
export function percpu_waiter(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("waiter_next");
}

/** The CPU that a wait entry belongs to. */
@inline
export function waiter_cpu(waiter: usize): PerCpu {
  return changetype<PerCpu>(waiter - offsetof<PerCpu>("waiter_next"));
}
