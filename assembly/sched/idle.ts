// Where no kernel code of a CPU is under way: at the entry from a program, and when there is nothing to
// do. Both are quiescent states of RCU. Linux: cpu_idle, and the interrupt of the timer that finds a
// program or the idle task running.

import { read_once } from "../arch/atomic";
import { no_locks_held } from "../arch/held_locks";
import { serve_ipis } from "../arch/ipi";
import { percpu_attention, this_cpu } from "../arch/percpu";
import { enter_lazy } from "../arch/tlb_state";
import { rcu_pending, rcu_quiescent } from "../lock/rcu";
import { cpu_idle_while } from "../lock/sleep";
import { kill_pending, take_kill } from "../mm/oom_kill";
import { kswapd, kswapd_pending } from "../mm/reclaim";
import { rcu_process_callbacks } from "./rcu_tasklet";

function take_posted(): void {
  no_locks_held();
  serve_ipis();
  if (rcu_pending()) rcu_process_callbacks();
  if (kill_pending()) take_kill();
}

function take_all_posted(): void {
  take_posted();
  if (kswapd_pending()) kswapd();
}

/** Takes the interrupts that are posted while a program runs here, which comes into the kernel. */
@inline
export function take_interrupts(): void {
  if (read_once<u32>(percpu_attention(this_cpu())) != 0) take_all_posted();
}

/**
 * The same between a fault and the instruction that is tried again after it. kswapd does not run there: it would
 * take the page that has just come, for ever if memory stays low, where a program of Linux has a slice of time.
 */
@inline
export function take_interrupts_of_fault(): void {
  if (read_once<u32>(percpu_attention(this_cpu())) != 0) take_posted();
}

/** This CPU goes to its host, and does nothing in the machine until leave_lazy(). */
export function enter_rest(): void {
  no_locks_held();
  enter_lazy();
  rcu_quiescent();
}

/** Sleeps until somebody kicked this CPU after cpu_kicks() returned `kicks`. */
export function cpu_idle(kicks: u32): void {
  no_locks_held();
  rcu_process_callbacks();
  if (kswapd_pending()) kswapd();
  cpu_idle_while(kicks);
}
