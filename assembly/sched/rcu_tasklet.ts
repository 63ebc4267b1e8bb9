// What becomes of RCU callbacks whose grace period has passed, and who waits for one. Linux:
// rcu_process_callbacks, rcu_do_batch and synchronize_kernel, kernel/rcupdate.c of 2.6.9.
//
// Callbacks run on the CPU that has queued them, where it is in a quiescent state and holds no spinlock:
// at the entry from a program, and when it is idle. A callback is known by its number: what it does
// stands here, since the explorer has to see every call.

import { read_once } from "../arch/atomic";
import { ATTENTION_RCU } from "../arch/attention";
import { BUG_BAD_CALLBACK, panic } from "../arch/bug";
import { send_ipi } from "../arch/kick";
import { PerCpu, percpu_wake_word, this_cpu } from "../arch/percpu";
import {
  RcuHead,
  call_rcu,
  rcu_has_callbacks,
  rcu_has_done,
  rcu_quiescent,
  rcu_take_done,
} from "../lock/rcu";
import { cpu_sleep_while } from "../lock/sleep";
import { kmem_rcu_free } from "../mm/slab";
import { RCU_FREE_SLAB } from "../mm/slab_types";

/** A callback of synchronize_kernel: its CPU goes on. */
export const RCU_WAKE: u32 = 2;

/** Callbacks that are called in one go. */
const MAX_BATCH: u32 = 10;

function invoke(head: RcuHead): void {
  if (head.func == RCU_FREE_SLAB) kmem_rcu_free(head);
  else if (head.func == RCU_WAKE) this_cpu().rcu_sync_done = 1;
  else panic(BUG_BAD_CALLBACK, changetype<usize>(head), head.func);
}

/** This CPU is in a quiescent state and in no hurry: says so, and calls callbacks that are due. */
export function rcu_process_callbacks(): void {
  rcu_quiescent();
  for (let i: u32 = 0; i < MAX_BATCH; i++) {
    const head = rcu_take_done();
    if (changetype<usize>(head) == 0) return;
    invoke(head);
  }
  if (rcu_has_done()) send_ipi(this_cpu(), ATTENTION_RCU);
}

/** Sleeps until something has happened to this CPU since it had been kicked `kicks` times. */
function sleep_until_kicked(cpu: PerCpu, kicks: u32): void {
  cpu_sleep_while(percpu_wake_word(cpu), kicks);
}

/** Returns when all CPUs have passed a quiescent state. May sleep: no spinlock is held. */
export function synchronize_kernel(): void {
  const cpu = this_cpu();
  cpu.rcu_sync_done = 0;
  const head = changetype<usize>(cpu) + offsetof<PerCpu>("rcu_sync_next");
  call_rcu(changetype<RcuHead>(head), RCU_WAKE);
  while (true) {
    const kicks = read_once<u32>(percpu_wake_word(cpu));
    rcu_process_callbacks();
    if (cpu.rcu_sync_done != 0) return;
    sleep_until_kicked(cpu, kicks);
  }
}

/** Returns when all callbacks of this CPU have been called. May sleep. */
export function rcu_drain(): void {
  const cpu = this_cpu();
  while (rcu_has_callbacks()) {
    const kicks = read_once<u32>(percpu_wake_word(cpu));
    rcu_process_callbacks();
    if (rcu_has_callbacks()) sleep_until_kicked(cpu, kicks);
  }
}
