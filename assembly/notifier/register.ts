// A secondary MMU begins to follow an address space, and ends. Linux: mm/mmu_notifier.c and exit_mmap of 2.6.27,
// and patch 01 of the thread; get_task_mm of kernel/fork.c.
//
// Registration takes all locks (all_locks.ts): when it is done, no invalidation is under way that had not begun
// with the new notifier on the list. In v13 whoever leaves takes them too, and so can fail; in 2.6.27 walkers are
// read sections of RCU, and who unlinks waits for a grace period: the way out needs no memory.
//
// mm_users counts those for whom the mapping must stay, mm_count those for whom the struct must. Who registers
// has mm_users; in 2.6.27 a notifier that is registered holds mm_count until it is unregistered.
//
// ->release runs before anything is unmapped, for all notifiers, and only then do they leave the list: so it was
// from 2013 on. v13 and 2.6.27 unlinked each one first, and a truncation in between told nobody. Since unregister
// calls ->release too, a notifier may be released twice.

import { atomic_cmpxchg, atomic_inc, read_once, write_once } from "../arch/atomic";
import { BUG_BAD_NOTIFIER, BUG_MM_USERS, bug_on } from "../arch/bug";
import {
  FIX_GET_TASK_MM,
  FIX_REGISTER_LOCKS,
  FIX_RELEASE_FIRST,
  FIX_UNREGISTER_SYNC,
  without,
} from "../arch/fixes";
import { NOTIFIER_MERGED, NOTIFIER_NONE } from "./config";
import { EINVAL, ENOMEM } from "../lib/errno";
import { rcu_read_lock, rcu_read_unlock } from "../lock/rcu";
import { down_write, up_write } from "../lock/mmap_sem";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { MmStruct, mm_count_addr, mm_mmap_sem, mm_users_addr } from "../mm/mm_types";
import { synchronize_kernel } from "../sched/rcu_tasklet";
import { TASKLIST_LOCK, Task, mmdrop } from "../sched/task";
import { lock_all, unlock_all } from "./all_locks";
import { client_alloc, client_disown, client_free } from "./client";
import { enter_atomic, leave_atomic, refuses_dead_mm } from "./context";
import {
  MmuNotifier,
  MmuNotifierMm,
  mm_has_notifiers,
  mm_notifier_word,
  notifier_list,
  notifier_next,
} from "./types";
import { call_all_releases, call_release } from "./walk";

/** Puts a notifier at the front of the list that the word at `head` begins. */
function hlist_add(notifier: MmuNotifier, head: usize): void {
  const first = load<usize>(head);
  notifier.next = first;
  notifier.pprev = head;
  if (first != 0) changetype<MmuNotifier>(first).pprev = notifier_next(changetype<usize>(notifier));
  write_once<usize>(head, changetype<usize>(notifier));
}

/** Takes a notifier off its list. Its `next` stays: a walker may stand there. */
function hlist_del(notifier: MmuNotifier): void {
  const next = notifier.next;
  write_once<usize>(notifier.pprev, next);
  if (next != 0) changetype<MmuNotifier>(next).pprev = notifier.pprev;
  notifier.pprev = 0;
}

@inline
function list_lock(mm: MmStruct): usize {
  return read_once<usize>(mm_notifier_word(mm)) + offsetof<MmuNotifierMm>("lock");
}

/** 2.6.27: an mm gets its MmuNotifierMm, unless it has one; `fresh` is one that nobody has. All locks are held. */
function install(mm: MmStruct, fresh: usize): void {
  if (mm_has_notifiers(mm)) client_free(fresh);
  else write_once<usize>(mm_notifier_word(mm), fresh);
}

/** Links `notifier`; all locks are held, or for machines without FIX_REGISTER_LOCKS only mmap_sem. */
function link(mm: MmStruct, notifier: MmuNotifier, fresh: usize): void {
  if (CONFIG_MMU_NOTIFIER != NOTIFIER_MERGED) return hlist_add(notifier, notifier_list(mm));
  install(mm, fresh);
  atomic_inc(mm_count_addr(mm));
  notifier.registered = 1;
  spin_lock(list_lock(mm));
  hlist_add(notifier, notifier_list(mm));
  spin_unlock(list_lock(mm));
}

/** Lets `notifier` follow `mm`, which the caller is a user of. No lock is held. 0 or -ENOMEM. */
export function mmu_notifier_register(notifier: MmuNotifier, mm: MmStruct): i32 {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return -EINVAL;
  bug_on(read_once<i32>(mm_users_addr(mm)) <= 0, BUG_MM_USERS, changetype<usize>(mm), mm.mm_users);
  bug_on(notifier.pprev != 0, BUG_BAD_NOTIFIER, changetype<usize>(notifier), notifier.ops);
  notifier.mm = changetype<usize>(mm);
  const merged = CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED;
  const fresh = merged ? client_alloc(offsetof<MmuNotifierMm>()) : 0;
  if (merged && fresh == 0) return -ENOMEM;
  if (without(FIX_REGISTER_LOCKS)) {
    down_write(mm_mmap_sem(mm));
    link(mm, notifier, fresh);
    up_write(mm_mmap_sem(mm));
    return 0;
  }
  const locks = lock_all(mm);
  if (locks == 0) return -ENOMEM;
  link(mm, notifier, fresh);
  unlock_all(mm, locks);
  return 0;
}

/** mmn-v13. The caller is a user of the mm. 0 or -ENOMEM, and then nothing has changed. */
function unregister_v13(notifier: MmuNotifier, mm: MmStruct): i32 {
  bug_on(read_once<i32>(mm_users_addr(mm)) <= 0, BUG_MM_USERS, changetype<usize>(mm), mm.mm_users);
  const locks = lock_all(mm);
  if (locks == 0) return -ENOMEM;
  if (notifier.pprev != 0) hlist_del(notifier);
  unlock_all(mm, locks);
  return 0;
}

/** ->release of a notifier that was unlinked; RCU is held from before the lock of the list was dropped. */
function release_unlinked(notifier: MmuNotifier): void {
  enter_atomic(true);
  call_release(changetype<usize>(notifier));
  leave_atomic(true);
  rcu_read_unlock();
}

/** 2.6.27. The caller holds mm_count, by its registration. */
function unregister_merged(notifier: MmuNotifier, mm: MmStruct): void {
  spin_lock(list_lock(mm));
  if (notifier.pprev != 0) {
    hlist_del(notifier);
    rcu_read_lock();
    spin_unlock(list_lock(mm));
    release_unlinked(notifier);
  } else {
    spin_unlock(list_lock(mm));
  }
  // Exit may be inside ->release of this notifier, and others inside its methods.
  if (!without(FIX_UNREGISTER_SYNC)) synchronize_kernel();
  notifier.registered = 0;
  mmdrop(mm);
}

/** Ends what mmu_notifier_register() began: no method runs any more when it returns. No lock is held. 0 or -ENOMEM. */
export function mmu_notifier_unregister(notifier: MmuNotifier): i32 {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return -EINVAL;
  const mm = changetype<MmStruct>(notifier.mm);
  let error: i32 = 0;
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) unregister_merged(notifier, mm);
  // What exit has released is off the list already, and its mm may be gone.
  else if (notifier.pprev != 0) error = unregister_v13(notifier, mm);
  if (error == 0) client_disown(changetype<usize>(notifier));
  return error;
}

/** Unlinks the first notifier of `mm`, or returns 0; in 2.6.27 a read section of RCU begins with it. */
function pop_first(mm: MmStruct): MmuNotifier {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) spin_lock(list_lock(mm));
  const first = changetype<MmuNotifier>(read_once<usize>(notifier_list(mm)));
  if (changetype<usize>(first) != 0) {
    hlist_del(first);
    if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) rcu_read_lock();
  }
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) spin_unlock(list_lock(mm));
  return first;
}

/** All notifiers leave the list; `calls`: and each is released when it has left. */
function unlink_all(mm: MmStruct, calls: bool): void {
  while (true) {
    const notifier = pop_first(mm);
    if (changetype<usize>(notifier) == 0) return;
    if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) {
      if (calls) release_unlinked(notifier);
      else rcu_read_unlock();
    } else if (calls) {
      call_release(changetype<usize>(notifier));
    }
  }
}

/** Nobody uses `mm` any more: its notifiers are told, before anything is unmapped. True if there were some. */
export function mmu_notifier_release(mm: MmStruct): bool {
  if (!mm_has_notifiers(mm)) return false;
  const first = !without(FIX_RELEASE_FIRST);
  if (first) call_all_releases(mm);
  unlink_all(mm, !first);
  // Who unregisters at this moment may be inside ->release, and nothing may be freed before it has returned.
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) synchronize_kernel();
  return true;
}

/** One user more, unless the last has gone: atomic_inc_not_zero of mm_users. The struct stays: mm_count is held. */
export function mmget_not_zero(mm: MmStruct): bool {
  const users = mm_users_addr(mm);
  while (true) {
    const count = read_once<i32>(users);
    if (count == 0) return false;
    if (atomic_cmpxchg<i32>(users, count, count + 1) == count) return true;
  }
}

/**
 * The address space of a task, with one user more; or 0 when it has none, or, with patch 03, its last user has gone: a
 * kernel thread may have borrowed it (use_mm), which keeps the struct only. Linux: get_task_mm.
 */
export function get_task_mm(task: Task): usize {
  spin_lock(TASKLIST_LOCK);
  let mm = task.mm;
  if (mm != 0) {
    const refuses = refuses_dead_mm() && !without(FIX_GET_TASK_MM);
    if (!refuses) atomic_inc(mm_users_addr(changetype<MmStruct>(mm)));
    else if (!mmget_not_zero(changetype<MmStruct>(mm))) mm = 0;
  }
  spin_unlock(TASKLIST_LOCK);
  return mm;
}

/** A kernel thread uses the address space of somebody else: it holds mm_count, not mm_users. Linux: use_mm. */
export function use_mm(task: Task, mm: MmStruct): void {
  atomic_inc(mm_count_addr(mm));
  spin_lock(TASKLIST_LOCK);
  task.mm = changetype<usize>(mm);
  spin_unlock(TASKLIST_LOCK);
}

/** Keeps the struct of an mm, not what it maps. Ends with mmdrop(). */
export function mmgrab(mm: MmStruct): void {
  atomic_inc(mm_count_addr(mm));
}

/** Ends use_mm(). */
export function unuse_mm(task: Task): void {
  spin_lock(TASKLIST_LOCK);
  const mm = changetype<MmStruct>(task.mm);
  task.mm = 0;
  spin_unlock(TASKLIST_LOCK);
  mmdrop(mm);
}
