// Taking interrupts between CPUs (kick.ts posts them). Posted as a bit of the target's attention
// word, taken where interrupts are on: at every entry from a program and in every wait loop. The
// handler takes no lock, so a CPU that waits for a lock still answers the shootdown of the CPU that
// holds it. Left out: interrupts in the middle of straight kernel code; the explorer adds them as
// steps of the schedule.

import { atomic_and, read_once } from "./atomic";
import { ATTENTION_PANIC, ATTENTION_TLB } from "./attention";
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
}

/**
 * Takes the interrupts that are posted, if interrupts are on. One plain load when there are none.
 */
@inline
export function serve_ipis(): void {
  const cpu = this_cpu();
  if (read_once<u32>(percpu_attention(cpu)) != 0) serve_attention(cpu);
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
