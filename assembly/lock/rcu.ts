// Read-copy update, the classic one. Linux: kernel/rcupdate.c of 2.6.9.
//
//   call_rcu ──> new ──> current, which waits for a grace period ──> done: callbacks to be called
//
// A grace period ends when each CPU that was at work as it began has passed a quiescent state: a moment
// when no kernel code of that CPU is under way. CPUs are not preempted, so these are the entry from a
// program, sleep and idle; and rcu_read_lock is no code, but for a count in checking builds that
// finds a reader who passes one. Batches are numbered: callbacks that come while batch n runs wait for n + 1.
//
// Who begins a grace period interrupts the CPUs that it waits for (ATTENTION_RCU); they answer where they
// are next in a quiescent state. Linux lets the timer tick look, twice: once to notice the batch, once
// to have passed since; here a CPU stands in a quiescent state when it notices. A CPU that is idle or
// asleep (lazy TLB) is left out, as those of nohz_cpu_mask.
//
// Lock: rcu_state.lock, innermost but for interrupts. Left out: the bottom-half flavour, CPUs that
// go offline, the limit of batches in a row.

import { atomic_and, atomic_or, read_once } from "../arch/atomic";
import { ATTENTION_RCU, ATTENTION_RCU_BARRIER } from "../arch/attention";
import { smp_store_release } from "../arch/barrier";
import { boot } from "../arch/boot_params";
import { BUG_RCU_READER, bug_on } from "../arch/bug";
import { send_ipi } from "../arch/kick";
import { KERNEL_GLOBALS } from "../arch/memory_map";
import {
  PerCpu,
  cpu_bit,
  percpu_attention,
  percpu_of,
  percpu_tlb_state,
  this_cpu,
} from "../arch/percpu";
import { TLB_STATE_OK } from "../arch/tlb_state";
import { spin_lock, spin_unlock } from "./spinlock";

/** A callback of rcu_barrier: one CPU less has callbacks from before. */
export const RCU_BARRIER: u32 = 3;

/** A callback, at the head of what it is to free. */
@unmanaged @final
export class RcuHead {
  /** The next callback, or 0. */
  next: usize;
  /** RCU_*: what is to be done. */
  func: u32;
}

/** rcu_ctrlblk and rcu_state: the grace period that runs. */
@unmanaged @final
export class RcuState {
  /** Spinlock of all of this. */
  @atomic lock: u32;
  /** Number of the batch that runs, or ran last. */
  @guarded("lock") cur: u32;
  /** Number of the last batch whose grace period has ended. */
  @atomic completed: u32;
  /** 1 when another batch is wanted. */
  @guarded("lock") next_pending: u32;
  /** CPUs that have yet to pass a quiescent state. */
  @atomic cpumask: u64;
  /** CPUs that want to know when a batch has completed. */
  @guarded("lock") waiting: u64;
  /** rcu_barrier_cpu_count: CPUs whose callbacks rcu_barrier waits for. */
  @atomic barrier_count: u32;
  /** rcu_barrier_sema: the CPU that is in rcu_barrier, plus 1; or 0. */
  @atomic barrier_owner: u32;
}

/** Where the RcuState of the machine stands. Behind the words of mm/mm.ts. */
export const RCU_STATE: usize = KERNEL_GLOBALS + 0xc0;

@inline
function state(): RcuState {
  return changetype<RcuState>(RCU_STATE);
}

@inline
function cpumask_addr(): usize {
  return RCU_STATE + offsetof<RcuState>("cpumask");
}

/** See RcuState.barrier_count. */
@inline
export function rcu_barrier_count(): usize {
  return RCU_STATE + offsetof<RcuState>("barrier_count");
}

/** See RcuState.barrier_owner. */
@inline
export function rcu_barrier_owner(): usize {
  return RCU_STATE + offsetof<RcuState>("barrier_owner");
}

@inline
function completed_addr(): usize {
  return RCU_STATE + offsetof<RcuState>("completed");
}

/** From here to rcu_read_unlock() no grace period ends that had not begun before. Nests. */
@inline
export function rcu_read_lock(): void {
  if (CONFIG_CHECK) this_cpu().rcu_nesting++;
}

/** See rcu_read_lock. */
@inline
export function rcu_read_unlock(): void {
  if (CONFIG_CHECK) this_cpu().rcu_nesting--;
}

if (
  offsetof<PerCpu>("rcu_new_last") != offsetof<PerCpu>("rcu_new_first") + 4 ||
  offsetof<PerCpu>("rcu_done_last") != offsetof<PerCpu>("rcu_done_first") + 4
)
  ERROR("a list of callbacks is two words in a row: first, last");

/** Batches begin below 0, so that every run meets the wrap of their numbers. */
const FIRST_BATCH: u32 = <u32>-300;

/** No batch runs. Called at boot. */
export function rcu_init(): void {
  state().cur = FIRST_BATCH;
  state().completed = FIRST_BATCH;
}

/** Appends a list of callbacks, from `first` to `last`, to the one whose ends are at `list`. */
function append(list: usize, first: usize, last: usize): void {
  if (load<usize>(list) == 0) store<usize>(list, first);
  else changetype<RcuHead>(load<usize>(list, 4)).next = first;
  store<usize>(list, last, 4);
}

@inline
function new_list(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("rcu_new_first");
}

@inline
function done_list(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("rcu_done_first");
}

/** Does `func` with `head` on this CPU when a grace period has passed. May be called with locks held. */
export function call_rcu(head: RcuHead, func: u32): void {
  const cpu = this_cpu();
  head.next = 0;
  head.func = func;
  const at = changetype<usize>(head);
  append(new_list(cpu), at, at);
  // Seen by this CPU itself, at its next quiescent state.
  send_ipi(cpu, ATTENTION_RCU);
}

/** Begins a batch if one is wanted and none runs. rcu_state.lock is held. */
function rcu_start_batch(rcu: RcuState): void {
  if (rcu.next_pending == 0 || rcu.completed != rcu.cur) return;
  rcu.next_pending = 0;
  rcu.cur++;
  let mask: u64 = 0;
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    // FULL, by the lock above. Pairs with leave_lazy(): who is at rest now will read, when it comes back,
    // what has been unlinked.
    if (read_once<u32>(percpu_tlb_state(percpu_of(id))) == TLB_STATE_OK) mask |= cpu_bit(id);
  }
  // RELEASE. Pairs with cpu_quiet(): who sees its bit was asked by this batch.
  smp_store_release<u64>(cpumask_addr(), mask);
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    if ((mask & cpu_bit(id)) == 0) continue;
    send_ipi(percpu_of(id), ATTENTION_RCU);
    // It may have gone to rest meanwhile, without having seen the interrupt.
    if (read_once<u32>(percpu_tlb_state(percpu_of(id))) != TLB_STATE_OK) {
      atomic_and<u64>(cpumask_addr(), ~cpu_bit(id));
    }
  }
  if (read_once<u64>(cpumask_addr()) == 0) rcu_complete(rcu);
}

/** The grace period has ended. rcu_state.lock is held. */
function rcu_complete(rcu: RcuState): void {
  // RELEASE. Pairs with advance(): what CPUs read before their quiescent states is behind them.
  smp_store_release<u32>(completed_addr(), rcu.cur);
  const waiting = rcu.waiting;
  rcu.waiting = 0;
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    if (waiting & cpu_bit(id)) send_ipi(percpu_of(id), ATTENTION_RCU);
  }
  rcu_start_batch(rcu);
}

/** This CPU has passed a quiescent state. Linux: cpu_quiet. */
function cpu_quiet(cpu: PerCpu): void {
  // ACQUIRE. Pairs with rcu_start_batch(): the quiescent state comes after the batch has begun.
  if ((read_once<u64>(cpumask_addr()) & cpu_bit(cpu.id)) == 0) return;
  const rcu = state();
  spin_lock(RCU_STATE);
  const mine = (read_once<u64>(cpumask_addr()) & cpu_bit(cpu.id)) != 0;
  if (mine) {
    atomic_and<u64>(cpumask_addr(), ~cpu_bit(cpu.id));
    if (read_once<u64>(cpumask_addr()) == 0) rcu_complete(rcu);
  }
  spin_unlock(RCU_STATE);
}

/** Callbacks move on. Linux: __rcu_process_callbacks. */
function advance(cpu: PerCpu): void {
  // ACQUIRE. Pairs with rcu_complete(): nobody looks any more at what the callbacks free.
  if (cpu.rcu_cur_first != 0 && <i32>(read_once<u32>(completed_addr()) - cpu.rcu_batch) >= 0) {
    append(done_list(cpu), cpu.rcu_cur_first, cpu.rcu_cur_last);
    cpu.rcu_cur_first = 0;
  }
  if (cpu.rcu_new_first == 0 && cpu.rcu_cur_first == 0) return;
  const rcu = state();
  spin_lock(RCU_STATE);
  if (cpu.rcu_cur_first == 0) {
    cpu.rcu_cur_first = cpu.rcu_new_first;
    cpu.rcu_cur_last = cpu.rcu_new_last;
    cpu.rcu_new_first = 0;
    cpu.rcu_batch = rcu.cur + 1;
    rcu.next_pending = 1;
    rcu.waiting |= cpu_bit(cpu.id);
    rcu_start_batch(rcu);
  } else if (<i32>(rcu.completed - cpu.rcu_batch) >= 0) {
    // It completed just now: come again.
    send_ipi(cpu, ATTENTION_RCU);
  } else {
    rcu.waiting |= cpu_bit(cpu.id);
  }
  spin_unlock(RCU_STATE);
}

/** The callback of rcu_barrier goes behind all that this CPU has. Linux: rcu_barrier_func. */
function rcu_barrier_func(cpu: PerCpu): void {
  if ((read_once<u32>(percpu_attention(cpu)) & ATTENTION_RCU_BARRIER) == 0) return;
  atomic_and<u32>(percpu_attention(cpu), ~ATTENTION_RCU_BARRIER);
  const head = changetype<usize>(cpu) + offsetof<PerCpu>("rcu_barrier_next");
  call_rcu(changetype<RcuHead>(head), RCU_BARRIER);
}

/** True when somebody wants this CPU to say that it is in a quiescent state, or it has callbacks to move. */
@inline
export function rcu_pending(): bool {
  return (read_once<u32>(percpu_attention(this_cpu())) & ATTENTION_RCU) != 0;
}

/**
 * This CPU is in a quiescent state: it sleeps, or runs a program. No spinlock is held. Linux:
 * rcu_check_callbacks and the tasklet, without the callbacks themselves (rcu_take_done).
 */
export function rcu_quiescent(): void {
  const cpu = this_cpu();
  while (rcu_pending()) {
    if (CONFIG_CHECK) bug_on(cpu.rcu_nesting != 0, BUG_RCU_READER, cpu.id, cpu.rcu_nesting);
    atomic_and<u32>(percpu_attention(cpu), ~ATTENTION_RCU);
    cpu_quiet(cpu);
    rcu_barrier_func(cpu);
    advance(cpu);
  }
  // Who only sleeps does not call them: for the next entry from a program, without a kick.
  if (cpu.rcu_done_first != 0) atomic_or<u32>(percpu_attention(cpu), ATTENTION_RCU);
}

/** A callback whose grace period has passed, taken off this CPU's list; or 0. */
export function rcu_take_done(): RcuHead {
  const cpu = this_cpu();
  const head = changetype<RcuHead>(cpu.rcu_done_first);
  if (cpu.rcu_done_first != 0) cpu.rcu_done_first = head.next;
  return head;
}

/** True while callbacks of this CPU are due. */
export function rcu_has_done(): bool {
  return this_cpu().rcu_done_first != 0;
}

/** True while `cpu` has callbacks that have not been called. Another CPU asks while it is at rest. */
export function rcu_has_callbacks(cpu: PerCpu): bool {
  return (cpu.rcu_new_first | cpu.rcu_cur_first | cpu.rcu_done_first) != 0;
}
