// Getting another CPU's attention: a kick ends its sleep, an interrupt between CPUs also tells it
// why.

import { atomic_fetch_add, atomic_or } from "./atomic";
import { PerCpu, percpu_attention, percpu_wake_word } from "./percpu";

/** Wakes `cpu` from a sleep or a park. */
export function cpu_kick(cpu: PerCpu): void {
  atomic_fetch_add<u32>(percpu_wake_word(cpu), 1);
  atomic.notify(percpu_wake_word(cpu), 1);
}

/** Posts `reason`, an ATTENTION_* bit, to `cpu` and wakes it if it sleeps. */
export function send_ipi(cpu: PerCpu, reason: u32): void {
  atomic_or<u32>(percpu_attention(cpu), reason);
  cpu_kick(cpu);
}
