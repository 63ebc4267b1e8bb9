// What becomes of RCU callbacks whose grace period has passed, and who waits for one. Linux:
// rcu_process_callbacks, rcu_do_batch and synchronize_kernel, kernel/rcupdate.c of 2.6.9;
// rcu_barrier, of 2.6.12.
//
// Callbacks run on the CPU that has queued them, where it is in a quiescent state and holds no spinlock:
// at the entry from a program, and when it is idle. A callback is known by its number: what it does
// stands here, since the explorer has to see every call.

import { atomic_cmpxchg, atomic_fetch_add, read_once, write_once } from "../arch/atomic";
import { ATTENTION_RCU, ATTENTION_RCU_BARRIER } from "../arch/attention";
import { smp_store_release } from "../arch/barrier";
import { boot } from "../arch/boot_params";
import { BUG_BAD_CALLBACK, panic } from "../arch/bug";
import { cpu_kick, send_ipi } from "../arch/kick";
import { PerCpu, percpu_of, percpu_tlb_state, percpu_wake_word, this_cpu } from "../arch/percpu";
import { TLB_STATE_OK } from "../arch/tlb_state";
import {
  RCU_BARRIER,
  RcuHead,
  call_rcu,
  rcu_barrier_count,
  rcu_barrier_owner,
  rcu_has_callbacks,
  rcu_has_done,
  rcu_quiescent,
  rcu_take_done,
} from "../lock/rcu";
import { cpu_sleep_while } from "../lock/sleep";
import { kmem_rcu_free } from "../mm/slab_rcu";
import { RCU_FREE_SLAB } from "../mm/slab_types";

/** A callback of synchronize_kernel: its CPU goes on. */
export const RCU_WAKE: u32 = 2;

/** Callbacks that are called in one go. */
const MAX_BATCH: u32 = 10;

/** The callbacks that this CPU had before have been called. The last CPU wakes who waits. */
function rcu_barrier_callback(): void {
  // Before the count: when that is 0, who waits may be gone.
  const owner = read_once<u32>(rcu_barrier_owner()) - 1;
  // RELEASE. Pairs with rcu_barrier(): what the callbacks did has been done.
  if (atomic_fetch_add<u32>(rcu_barrier_count(), -1) == 1) cpu_kick(percpu_of(owner));
}

function invoke(head: RcuHead): void {
  if (head.func == RCU_FREE_SLAB) kmem_rcu_free(head);
  else if (head.func == RCU_WAKE) this_cpu().rcu_sync_done = 1;
  else if (head.func == RCU_BARRIER) rcu_barrier_callback();
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
  while (rcu_has_callbacks(cpu)) {
    const kicks = read_once<u32>(percpu_wake_word(cpu));
    rcu_process_callbacks();
    if (rcu_has_callbacks(cpu)) sleep_until_kicked(cpu, kicks);
  }
}

/** Asks each CPU that has callbacks, or may get some, for the one of rcu_barrier; counts them. */
function ask_all_cpus(): void {
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    const cpu = percpu_of(id);
    // ACQUIRE. Pairs with enter_lazy(): who is at rest has put its callbacks where they are seen, and gets none.
    const rests = cpu != this_cpu() && read_once<u32>(percpu_tlb_state(cpu)) != TLB_STATE_OK;
    if (rests && !rcu_has_callbacks(cpu)) continue;
    atomic_fetch_add<u32>(rcu_barrier_count(), 1);
    send_ipi(cpu, ATTENTION_RCU | ATTENTION_RCU_BARRIER);
  }
}

/**
 * Returns when all callbacks that were queued on any CPU before have been called, which is more than that a grace
 * period has passed: they may still wait for their turn. May sleep: no spinlock is held, nor anything that a CPU
 * sleeps for that has callbacks, for it calls them only when it comes from a program or is idle.
 */
export function rcu_barrier(): void {
  const cpu = this_cpu();
  while (true) {
    const kicks = read_once<u32>(percpu_wake_word(cpu));
    if (atomic_cmpxchg<u32>(rcu_barrier_owner(), 0, cpu.id + 1) == 0) break;
    rcu_process_callbacks();
    sleep_until_kicked(cpu, kicks);
  }
  // One for this function, so that nobody is the last before all have been asked.
  write_once<u32>(rcu_barrier_count(), 1);
  ask_all_cpus();
  atomic_fetch_add<u32>(rcu_barrier_count(), -1);
  while (true) {
    const kicks = read_once<u32>(percpu_wake_word(cpu));
    rcu_process_callbacks();
    // ACQUIRE. Pairs with rcu_barrier_callback(): what the callbacks did has been done.
    if (read_once<u32>(rcu_barrier_count()) == 0) break;
    sleep_until_kicked(cpu, kicks);
  }
  // RELEASE. Pairs with rcu_barrier(), which takes it next.
  smp_store_release<u32>(rcu_barrier_owner(), 0);
  for (let id: u32 = 0; id < boot().nr_cpus; id++) cpu_kick(percpu_of(id));
}
