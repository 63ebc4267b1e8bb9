// Whether a machine stands still: no CPU is inside the kernel or a program, and none can come into
// one before the host lets it. A CPU is quiet if its program has parked, or if it is idle with
// nothing to do.

import {
  ATTENTION_DRAIN,
  ATTENTION_KSWAPD,
  PERCPU_AREAS,
  PERCPU_CLIENT_SLEEPS,
  PERCPU_HELD_LOCKS,
  PERCPU_SIZE,
  PerCpu,
  RCU_WAKE,
  TASK_ZOMBIE,
  TLB_STATE_OK,
  Task,
} from "../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../layout/view.ts";
import { CPU_NONE, CPU_PARKED, CPU_RUNNING, type Board } from "../workload/stress/board.ts";

const areaOf = (cpu: number): number => PERCPU_AREAS + cpu * PERCPU_SIZE;

/** True if the task that a CPU waits in has a child that has ended: it will go on by itself. */
function hasEndedChild(memory: MemoryViews, cpu: number): boolean {
  const task = getU32(memory, areaOf(cpu) + PerCpu.current);
  if (task === 0) return false;
  const head = task + Task.children_next;
  let node = getU32(memory, head);
  for (let i = 0; i < 10_000 && node !== head && node !== 0; i++) {
    if (getU32(memory, node - Task.sibling_next + Task.state) === TASK_ZOMBIE) return true;
    node = getU32(memory, node);
  }
  return false;
}

/** True if a CPU sleeps until a grace period of RCU has passed, in the middle of an exit: it will go on by itself. */
function awaitsGracePeriod(memory: MemoryViews, cpu: number): boolean {
  const area = areaOf(cpu);
  const asked = getU32(memory, area + PerCpu.rcu_sync_func) === RCU_WAKE;
  return asked && getU32(memory, area + PerCpu.rcu_sync_done) === 0;
}

/** True if a CPU sleeps for a lock, as lockdep knows, or in a method of a notifier: it will go on by itself. */
function isInside(memory: MemoryViews, cpu: number): boolean {
  const area = areaOf(cpu);
  return [PERCPU_HELD_LOCKS, PERCPU_CLIENT_SLEEPS].some((at) => getU32(memory, area + at) !== 0);
}

/** True if a CPU sleeps in the kernel or in its event loop and has no task to run. */
export function isIdle(memory: MemoryViews, cpu: number): boolean {
  const area = areaOf(cpu);
  const asleep = Atomics.load(memory.i32, (area + PerCpu.tlb_state) >>> 2) !== TLB_STATE_OK;
  const queued = Atomics.load(memory.i32, (area + PerCpu.nr_running) >>> 2) !== 0;
  if (!asleep || queued || isInside(memory, cpu)) return false;
  return !hasEndedChild(memory, cpu) && !awaitsGracePeriod(memory, cpu);
}

/** True if kswapd or the free objects of a CPU are wanted there, or it is at work on that: at rest it serves both. */
function isAsked(memory: MemoryViews, cpu: number): boolean {
  const area = areaOf(cpu);
  // ACQUIRE. Pairs with call_function_interrupt(): the bit goes when interrupts are off.
  const attention = Atomics.load(memory.i32, (area + PerCpu.attention) >>> 2);
  if ((attention & (ATTENTION_KSWAPD | ATTENTION_DRAIN)) !== 0) return true;
  return getU32(memory, area + PerCpu.irq_disabled) !== 0;
}

/** True if a CPU stands still. `busy`: the host has given it a job that has not come back. */
export function isQuiet(memory: MemoryViews, board: Board, cpu: number, busy: boolean): boolean {
  if (isAsked(memory, cpu)) return false;
  const state = board.cpuState(cpu);
  if (state === CPU_PARKED) return true;
  if (state === CPU_RUNNING) return false;
  // A job that has not begun yet, or is on its way back.
  if (state === CPU_NONE && busy) return false;
  return isIdle(memory, cpu);
}
