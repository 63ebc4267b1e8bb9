// The handler of an interrupt that runs a function of the kernel on another CPU: smp_call_function_interrupt
// of Linux, with the one function that 2.6's slab allocator has for it, do_drain. Unlike that of a
// shootdown this handler takes a lock, and it may run wherever interrupts are on: so whoever takes that lock
// elsewhere turns them off first. If not, a CPU that is interrupted while it holds the lock waits for itself.
// Left out: other functions, the sender's wait for an answer.

import { kmem_cache_drain } from "../mm/slab";
import { atomic_and } from "./atomic";
import { ATTENTION_DRAIN } from "./attention";
import { HARDIRQ_OFFSET, percpu_attention, this_cpu } from "./percpu";

/** The handler: interrupts are off, and lockdep knows where the CPU is. */
export function call_function_interrupt(): void {
  const cpu = this_cpu();
  cpu.irq_disabled += HARDIRQ_OFFSET;
  // When interrupts are off: who sees the bit gone sees the handler at work (src/experiment/stress-quiet.ts).
  atomic_and<u32>(percpu_attention(cpu), ~ATTENTION_DRAIN);
  cpu.ipis++;
  kmem_cache_drain();
  cpu.irq_disabled -= HARDIRQ_OFFSET;
}
