// Whether a method of a notifier may sleep. Linux: might_sleep() and the preempt count, as far as it concerns
// what a method is called under.
//
// A site that calls methods under something that must not sleep says so, by the configuration: a spinlock of the
// reverse map, page_table_lock, an open mmu_gather, a read section of RCU. The count lies in the area of the
// CPU. A client that sleeps all the same stops the machine: "scheduling while atomic".

import { BUG_SCHEDULING_WHILE_ATOMIC, bug_on } from "../arch/bug";
import { PERCPU_NOTIFIER, this_cpu_base } from "../arch/percpu";
import { no_spinlocks_held } from "../lock/lockdep";
import {
  ANON_VMA_SLEEPS,
  I_MMAP_SLEEPS,
  NOTIFIER_MERGED,
  NOTIFIER_NONE,
  MMN_GET_TASK_MM,
  MMN_OUTSIDE_PTL,
  MMN_UNMAP_VMAS_GATHER,
} from "./config";

/** True if patch `bit` of the thread is in this kernel. */
@inline
export function has_patch(bit: i32): bool {
  return (CONFIG_MMN_PATCHES & bit) != 0;
}

/** get_task_mm refuses an mm without users: patch 03; 2.6.27 asks for PF_BORROWED_MM instead. */
@inline
export function refuses_dead_mm(): bool {
  return walks_under_rcu() || has_patch(MMN_GET_TASK_MM);
}

/** Walkers are read sections of RCU, in which nobody sleeps. */
@inline
export function walks_under_rcu(): bool {
  return CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED;
}

/** Methods of single pages are called under page_table_lock: before patch 04. */
@inline
export function methods_under_ptl(): bool {
  return !has_patch(MMN_OUTSIDE_PTL);
}

/** unmap_vmas calls methods inside the mmu_gather of its caller: before patch 06. */
@inline
export function ranges_in_gather(): bool {
  return !has_patch(MMN_UNMAP_VMAS_GATHER);
}

/** Who walks along the list of an anon_vma, or else of a file, holds a spinlock: before patch 09, or 08. */
@inline
export function walks_spin(anon: bool): bool {
  return anon ? !ANON_VMA_SLEEPS : !I_MMAP_SLEEPS;
}

/** From here to leave_atomic() no method may sleep, if `atomic`. */
@inline
export function enter_atomic(atomic: bool): void {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE || !atomic) return;
  const depth = this_cpu_base() + PERCPU_NOTIFIER;
  store<u32>(depth, load<u32>(depth) + 1);
}

/** Ends enter_atomic(). */
@inline
export function leave_atomic(atomic: bool): void {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE || !atomic) return;
  const depth = this_cpu_base() + PERCPU_NOTIFIER;
  store<u32>(depth, load<u32>(depth) - 1);
}

/** Stops the machine if the caller must not sleep here. */
export function might_sleep(): void {
  const depth = load<u32>(this_cpu_base() + PERCPU_NOTIFIER);
  bug_on(depth != 0, BUG_SCHEDULING_WHILE_ATOMIC, 0, depth);
  // What the sites above say is compared with what is held.
  if (CONFIG_CHECK) no_spinlocks_held();
}
