// Taking interrupts between CPUs (kick.ts posts them). Posted as a bit of the target's attention
// word, taken where interrupts are on: at every entry from a program and in every wait loop. The
// handler of a shootdown takes no lock, so a CPU that waits for a lock still answers the CPU that holds
// it; that of a call (call_function.ts) does. Left out: interrupts in the middle of straight kernel code,
// but for the places of interruptible(), on machines that ask for them.

import { atomic_and, read_once } from "./atomic";
import { ATTENTION_DRAIN, ATTENTION_PANIC, ATTENTION_TLB } from "./attention";
import { boot } from "./boot_params";
import { call_function_interrupt } from "./call_function";
import { PerCpu, percpu_attention, this_cpu } from "./percpu";
import { tlb_interrupt } from "./tlb_interrupt";

function serve_attention(cpu: PerCpu): void {
  const bits = read_once<u32>(percpu_attention(cpu));
  if (bits & ATTENTION_PANIC) unreachable();
  if (bits & ATTENTION_TLB && cpu.irq_disabled == 0) {
    atomic_and<u32>(percpu_attention(cpu), ~ATTENTION_TLB);
    cpu.ipis++;
    tlb_interrupt();
  }
  if (bits & ATTENTION_DRAIN && cpu.irq_disabled == 0) call_function_interrupt();
}

/**
 * Takes the interrupts that are posted, if interrupts are on. One plain load when there are none.
 * Not marked to be inlined: a handler may wait, and serve interrupts itself.
 */
export function serve_ipis(): void {
  const cpu = this_cpu();
  if (read_once<u32>(percpu_attention(cpu)) != 0) serve_attention(cpu);
}

/**
 * A place in the middle of kernel code where interrupts are taken, on a machine that asks for it: behind each
 * spinlock, and where they are turned on again. Real processors take them anywhere.
 */
@inline
export function interruptible(): void {
  if (CONFIG_CHECK && boot().interrupts_inside != 0) serve_ipis();
}

/** Turns interrupts off; nests. */
@inline
export function local_irq_disable(): void {
  this_cpu().irq_disabled++;
}

/** Ends the innermost local_irq_disable(). */
@inline
export function local_irq_enable(): void {
  this_cpu().irq_disabled--;
}
