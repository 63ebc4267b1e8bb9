// Tasks, run queues and the switch of address spaces. Linux: kernel/sched.c, kernel/fork.c and
// mmu_context.h of 2.6.9, as far as memory management sees them.
//
// A task is a program of the host that runs on one CPU until it ends; while it waits for a child,
// other tasks of that CPU run. A CPU without a task keeps the page tables of the last one (lazy
// TLB) and holds a mm_count for them. Left out: preemption, priorities, migration: a task stays
// where fork put it.

import {
  atomic_and,
  atomic_dec_and_test,
  atomic_fetch_add,
  atomic_inc,
  atomic_or,
  read_once,
} from "../arch/atomic";
import { no_locks_held } from "../arch/held_locks";
import { INIT_MM, KERNEL_GLOBALS } from "../arch/memory_map";
import { PerCpu, cpu_bit, percpu_of, this_cpu } from "../arch/percpu";
import { local_flush_tlb } from "../arch/tlb";
import { TRACE_SWITCH_MM, trace } from "../arch/trace";
import { cpu_kick } from "../arch/kick";
import {
  list_add_tail,
  list_del,
  list_del_init,
  list_empty,
  list_init,
  list_next,
} from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { MmStruct, mm_count_addr, mm_cpu_vm_mask } from "../mm/mm_types";
import { pgd_free } from "../mm/pgtable";
import { mmu_notifier_mm_destroy } from "../notifier/destroy";
import { kmem_cache_alloc, kmem_cache_free } from "../mm/slab";
import { CACHE_MM, CACHE_TASK } from "../mm/slab_types";

export const TASK_READY: u32 = 0;
export const TASK_RUNNING: u32 = 1;
/** Ended; waits for its parent to ask. */
export const TASK_ZOMBIE: u32 = 2;

@unmanaged @final
export class Task {
  /** Process number. */
  pid: u32;
  /** TASK_*. */
  @atomic state: u32;
  /** Exit status, or the signal << 8. */
  exit_code: u32;
  /** CPU that runs it. */
  cpu: u32;
  /** Address space, or 0 after exit_mm. */
  mm: usize;
  /** Task that waits for its end, or 0: the host. */
  @guarded("tasklist_lock") parent: usize;
  /** Children: list head. */
  @guarded("tasklist_lock") children_next: usize;
  /** See children_next. */
  @guarded("tasklist_lock") children_prev: usize;
  /** Node of the parent's children. */
  @guarded("tasklist_lock") sibling_next: usize;
  /** See sibling_next. */
  @guarded("tasklist_lock") sibling_prev: usize;
  /** Node of a run queue. */
  @guarded("runqueue_lock") run_next: usize;
  /** See run_next. */
  @guarded("runqueue_lock") run_prev: usize;
  /** Number of the program in the host's table. */
  program: u32;
  /** Faults of this task. */
  min_flt: u32;
  /** Faults of its children that have been waited for. */
  cmin_flt: u32;
  /** Number of the host's job that it belongs to, as its parent does. */
  job: u32;
  /** Naps that its last fault has taken for want of memory. */
  oom_naps: u32;
  /** Numbers that the program was started with. */
  arg0: f64;
  /** See arg0. */
  arg1: f64;
  /** See arg0. */
  arg2: f64;
  /** See arg0. */
  arg3: f64;
}

/** Spinlock of parents and children. Behind the words of tlb_flush.ts. */
export const TASKLIST_LOCK: usize = KERNEL_GLOBALS + 0x40;
const LAST_PID: usize = KERNEL_GLOBALS + 0x44;

@inline
function children(task: Task): usize {
  return changetype<usize>(task) + offsetof<Task>("children_next");
}

@inline
function sibling(task: Task): usize {
  return changetype<usize>(task) + offsetof<Task>("sibling_next");
}

@inline
function run_node(task: Task): usize {
  return changetype<usize>(task) + offsetof<Task>("run_next");
}

@inline
function runqueue(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("runqueue_next");
}

@inline
function runqueue_lock(cpu: PerCpu): usize {
  return changetype<usize>(cpu) + offsetof<PerCpu>("runqueue_lock");
}

/**
 * A new task for `mm`, whose reference it takes over, child of `parent`; or 0 when out of memory.
 */
export function task_alloc(parent: Task, mm: usize, program: u32): Task {
  const task = changetype<Task>(kmem_cache_alloc(CACHE_TASK));
  if (changetype<usize>(task) == 0) return task;
  task.pid = atomic_fetch_add<u32>(LAST_PID, 1) + 1;
  task.state = TASK_READY;
  task.exit_code = 0;
  task.mm = mm;
  task.parent = changetype<usize>(parent);
  task.program = program;
  task.min_flt = 0;
  task.oom_naps = 0;
  task.cmin_flt = 0;
  task.job = changetype<usize>(parent) == 0 ? 0 : parent.job;
  list_init(children(task));
  if (changetype<usize>(parent) != 0) {
    spin_lock(TASKLIST_LOCK);
    list_add_tail(sibling(task), children(parent));
    spin_unlock(TASKLIST_LOCK);
  } else {
    list_init(sibling(task));
  }
  return task;
}

/** Makes `task` ready on CPU `cpu_id` and wakes that CPU. */
export function wake_up_new_task(task: Task, cpu_id: u32): void {
  const cpu = percpu_of(cpu_id);
  task.cpu = cpu_id;
  spin_lock(runqueue_lock(cpu));
  list_add_tail(run_node(task), runqueue(cpu));
  cpu.nr_running++;
  spin_unlock(runqueue_lock(cpu));
  if (cpu_id != this_cpu().id) cpu_kick(cpu);
}

/** Takes the next ready task of this CPU, or 0. */
export function pick_next_task(): Task {
  no_locks_held();
  const cpu = this_cpu();
  const none = changetype<Task>(0);
  if (read_once<u32>(changetype<usize>(cpu) + offsetof<PerCpu>("nr_running")) == 0) return none;
  spin_lock(runqueue_lock(cpu));
  let task = none;
  if (!list_empty(runqueue(cpu))) {
    const node = list_next(runqueue(cpu));
    list_del(node);
    cpu.nr_running--;
    task = changetype<Task>(node - offsetof<Task>("run_next"));
  }
  spin_unlock(runqueue_lock(cpu));
  return task;
}

/** Lets the walker of this CPU use the page tables of `next`. Linux: switch_mm. */
export function switch_mm(next: MmStruct): void {
  const cpu = this_cpu();
  const me = cpu_bit(cpu.id);
  const prev = changetype<MmStruct>(cpu.active_mm);
  if (changetype<usize>(prev) == changetype<usize>(next)) return;
  trace(TRACE_SWITCH_MM, next.serial, changetype<usize>(next));
  // FULL. Pairs with other_cpus(): the mask bit is set before the first walk, so whoever changes a PTE
  // later interrupts this CPU.
  atomic_and<u64>(mm_cpu_vm_mask(prev), ~me);
  cpu.active_mm = changetype<usize>(next);
  atomic_or<u64>(mm_cpu_vm_mask(next), me);
  local_flush_tlb();
}

/** Runs `task` on this CPU from here on: its address space, its counters. Linux: context_switch. */
export function switch_to(task: Task): void {
  const cpu = this_cpu();
  cpu.current = changetype<usize>(task);
  if (changetype<usize>(task) == 0 || task.mm == 0) return;
  const mm = changetype<MmStruct>(task.mm);
  const lazy = changetype<MmStruct>(cpu.active_mm);
  if (changetype<usize>(lazy) == changetype<usize>(mm)) return;
  atomic_inc(mm_count_addr(mm));
  switch_mm(mm);
  mmdrop(lazy);
}

/** Makes this CPU let go of the page tables it keeps while idle. Linux: leave_mm and mmdrop. */
export function drop_lazy_mm(): void {
  const lazy = changetype<MmStruct>(this_cpu().active_mm);
  if (changetype<usize>(lazy) == INIT_MM) return;
  atomic_inc(mm_count_addr(changetype<MmStruct>(INIT_MM)));
  switch_mm(changetype<MmStruct>(INIT_MM));
  mmdrop(lazy);
}

/** Drops a reference to the mm itself; the last one frees the top table. Linux: mmdrop. */
export function mmdrop(mm: MmStruct): void {
  if (!atomic_dec_and_test(mm_count_addr(mm))) return;
  mmu_notifier_mm_destroy(mm);
  pgd_free(mm.pgd);
  kmem_cache_free(CACHE_MM, changetype<usize>(mm));
}

/**
 * Ends a task: children go to the host, the parent's CPU is woken. The address space is gone
 * already.
 */
export function task_exit(task: Task, exit_code: u32): void {
  no_locks_held();
  spin_lock(TASKLIST_LOCK);
  while (!list_empty(children(task))) {
    const node = list_next(children(task));
    list_del_init(node);
    const child = changetype<Task>(node - offsetof<Task>("sibling_next"));
    child.parent = 0;
    if (child.state == TASK_ZOMBIE) kmem_cache_free(CACHE_TASK, changetype<usize>(child));
  }
  task.exit_code = exit_code;
  const parent = changetype<Task>(task.parent);
  const wake = changetype<usize>(parent) == 0 ? <u32>-1 : parent.cpu;
  // The parent may free the task as soon as it sees this, but not before tasklist_lock is free.
  task.state = TASK_ZOMBIE;
  if (changetype<usize>(parent) == 0) kmem_cache_free(CACHE_TASK, changetype<usize>(task));
  spin_unlock(TASKLIST_LOCK);
  if (wake != <u32>-1 && wake != this_cpu().id) cpu_kick(percpu_of(wake));
}

/** An ended child of `parent`, taken off its list, or 0. The caller frees it with task_free. */
export function wait_task_zombie(parent: Task): Task {
  let found = changetype<Task>(0);
  spin_lock(TASKLIST_LOCK);
  const head = children(parent);
  for (let node = list_next(head); node != head; node = list_next(node)) {
    const child = changetype<Task>(node - offsetof<Task>("sibling_next"));
    if (child.state == TASK_ZOMBIE) {
      list_del(node);
      parent.cmin_flt += child.min_flt + child.cmin_flt;
      found = child;
      break;
    }
  }
  spin_unlock(TASKLIST_LOCK);
  return found;
}

/** True if `parent` has a child that can be waited for. */
export function has_children(parent: Task): bool {
  spin_lock(TASKLIST_LOCK);
  const any = !list_empty(children(parent));
  spin_unlock(TASKLIST_LOCK);
  return any;
}

/** Frees a task that wait_task_zombie gave. */
export function task_free(task: Task): void {
  kmem_cache_free(CACHE_TASK, changetype<usize>(task));
}
