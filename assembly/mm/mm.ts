// Birth and death of address spaces and VMAs, as far as they need the kernel: allocation, the list
// of all mms, the reference counts. Linux: kernel/fork.c of 2.6.9.

import {
  atomic_cmpxchg,
  atomic_dec_and_test,
  atomic_fetch_add,
  atomic_inc,
  read_once,
} from "../arch/atomic";
import { BUG_MM_USERS, bug_on } from "../arch/bug";
import { INIT_MM, KERNEL_GLOBALS } from "../arch/memory_map";
import { memcpy, memset } from "../arch/memory";
import { PHASE_PAGE_TABLES, phase_enter, phase_leave } from "../arch/phase";
import { HAS_ANONMM } from "../generation";
import { list_add_tail, list_del, list_init } from "../lib/list";
import { init_rwsem } from "../lock/mmap_sem";
import { dup_rmap, exec_rmap, exit_rmap } from "../rmap/anonmm";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { MmStruct, VmArea, mm_ptl, mm_mmap_sem, mm_users_addr } from "./mm_types";
import { pgd_alloc, pgd_free } from "./pgtable";
import { kmem_cache_alloc, kmem_cache_free } from "./slab";
import { CACHE_MM, CACHE_VM_AREA } from "./slab_types";
import { tlb_finish_mmu, tlb_gather_mmu } from "./tlb_gather";
import { TASK_SIZE } from "./pgtable";
import { free_pgtables, free_pgtables_gathered, unmap_page_range } from "./zap";
import { MMN_FREE_PGTABLES_GATHER } from "../notifier/config";
import { mmu_notifier_release } from "../notifier/register";
import { unmap_range_end, unmap_range_start } from "../notifier/sites";

/** Spinlock of the list of all address spaces; the list head and a serial number follow. */
export const MMLIST_LOCK: usize = KERNEL_GLOBALS + 0x80;
export const MMLIST: usize = KERNEL_GLOBALS + 0x84;
const MM_SERIAL: usize = KERNEL_GLOBALS + 0x8c;

/** mmn-v13 with patch 05: page tables go in a gather of their own, when that of the pages is closed. */
const TABLES_HAVE_GATHER: bool = (CONFIG_MMN_PATCHES & MMN_FREE_PGTABLES_GATHER) != 0;

/** The node of an mm on the list of all. */
@inline
export function mmlist_node(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("mmlist_next");
}

/** The mm that a node of the list belongs to. */
@inline
export function mmlist_mm(node: usize): MmStruct {
  return changetype<MmStruct>(node - offsetof<MmStruct>("mmlist_next"));
}

/** Makes the empty list of address spaces, at boot. */
export function mmlist_init(): void {
  list_init(MMLIST);
}

/** Fills an mm that has a top table: no VMA, one user. */
export function mm_init(mm: MmStruct, pgd: usize): void {
  memset(changetype<usize>(mm), 0, offsetof<MmStruct>());
  mm.pgd = pgd;
  mm.mm_users = 1;
  mm.mm_count = 1;
  mm.serial = atomic_fetch_add<u32>(MM_SERIAL, 1);
  init_rwsem(mm_mmap_sem(mm));
  list_init(mmlist_node(mm));
}

/** A new empty address space with one user, on the list of all; or 0 when out of memory. */
export function mm_alloc(): MmStruct {
  return mm_alloc_in(changetype<MmStruct>(0));
}

/** mm_alloc for a child of `parent`: with anonmm, both are of one lineage. */
export function mm_alloc_child(parent: MmStruct): MmStruct {
  return mm_alloc_in(HAS_ANONMM ? parent : changetype<MmStruct>(0));
}

/** exec_rmap, or dup_rmap if there is a parent. */
@inline
function join_lineage(mm: MmStruct, parent: MmStruct): bool {
  return changetype<usize>(parent) == 0 ? exec_rmap(mm) : dup_rmap(mm, parent);
}

function mm_alloc_in(parent: MmStruct): MmStruct {
  const none = changetype<MmStruct>(0);
  const mm = changetype<MmStruct>(kmem_cache_alloc(CACHE_MM));
  if (changetype<usize>(mm) == 0) return none;
  const phase = phase_enter(PHASE_PAGE_TABLES);
  const pgd = pgd_alloc();
  phase_leave(phase);
  if (pgd == 0) {
    kmem_cache_free(CACHE_MM, changetype<usize>(mm));
    return none;
  }
  mm_init(mm, pgd);
  if (HAS_ANONMM && !join_lineage(mm, parent)) {
    pgd_free(pgd);
    kmem_cache_free(CACHE_MM, changetype<usize>(mm));
    return none;
  }
  spin_lock(MMLIST_LOCK);
  list_add_tail(mmlist_node(mm), MMLIST);
  spin_unlock(MMLIST_LOCK);
  return mm;
}

/** One user more: a task that shares the address space. */
export function mm_get_user(mm: MmStruct): void {
  bug_on(mm.mm_users <= 0, BUG_MM_USERS, changetype<usize>(mm), mm.mm_users);
  atomic_inc(mm_users_addr(mm));
}

/** One user more, unless the last has gone. mmlist_lock is held. Linux: in try_to_unuse. */
export function mm_get_user_unless_gone(mm: MmStruct): bool {
  while (true) {
    const users = read_once<i32>(mm_users_addr(mm));
    if (users <= 0) return false;
    if (atomic_cmpxchg<i32>(mm_users_addr(mm), users, users + 1) == users) return true;
  }
}

/**
 * One user less; true when it was the last, and then the caller unmaps everything and calls
 * mm_release. mmput.
 */
export function mm_put_user(mm: MmStruct): bool {
  if (!atomic_dec_and_test(mm_users_addr(mm))) return false;
  spin_lock(MMLIST_LOCK);
  list_del(mmlist_node(mm));
  spin_unlock(MMLIST_LOCK);
  return true;
}

/**
 * Unmaps everything and frees the page tables, but for the top one: the locked part of exit_mmap. True if
 * secondary MMUs followed the address space: they have been told.
 */
export function exit_mmap_tables(mm: MmStruct): bool {
  const followed = mmu_notifier_release(mm);
  spin_lock_ptl(mm_ptl(mm));
  tlb_gather_mmu(mm, true);
  for (let vma = changetype<VmArea>(mm.mmap); changetype<usize>(vma) != 0;) {
    unmap_page_range(mm, vma.vm_start, vma.vm_end);
    vma = changetype<VmArea>(vma.vm_next);
  }
  if (!TABLES_HAVE_GATHER) free_all_tables(mm);
  tlb_finish_mmu();
  spin_unlock_ptl(mm_ptl(mm));
  if (TABLES_HAVE_GATHER) free_all_tables(mm);
  if (HAS_ANONMM) exit_rmap(mm);
  return followed;
}

/**
 * Frees the tables of each run of VMAs that share a table of PMDs, so that empty space costs
 * nothing. Nothing is left below a run when its turn comes, so the floor is always 0: the last run
 * in the reach of a table frees it.
 */
function free_all_tables(mm: MmStruct): void {
  const pgd_size: u64 = (<u64>1) << 39;
  let vma = changetype<VmArea>(mm.mmap);
  while (changetype<usize>(vma) != 0) {
    let last = vma;
    const start = vma.vm_start;
    let next = changetype<VmArea>(last.vm_next);
    while (changetype<usize>(next) != 0 && next.vm_start >> 30 <= (last.vm_end - 1) >> 30) {
      last = next;
      next = changetype<VmArea>(last.vm_next);
    }
    const ceiling = changetype<usize>(next) == 0 ? TASK_SIZE + pgd_size : next.vm_start;
    if (TABLES_HAVE_GATHER) free_pgtables_gathered(mm, start, last.vm_end, 0, ceiling);
    else free_pgtables(mm, start, last.vm_end, 0, ceiling);
    vma = next;
  }
}

/**
 * Clears the PTEs of [start, end) and frees the tables between `floor` and `ceiling`: unmap_region
 * of do_munmap.
 */
export function unmap_region(mm: MmStruct, start: u64, end: u64, floor: u64, ceiling: u64): void {
  unmap_range_start(mm, start, end);
  spin_lock_ptl(mm_ptl(mm));
  tlb_gather_mmu(mm, false);
  unmap_page_range(mm, start, end);
  if (!TABLES_HAVE_GATHER) free_pgtables(mm, start, end, floor, ceiling);
  tlb_finish_mmu();
  spin_unlock_ptl(mm_ptl(mm));
  unmap_range_end(mm, start, end);
  if (TABLES_HAVE_GATHER) free_pgtables_gathered(mm, start, end, floor, ceiling);
}

/** A VMA with nothing in it, or 0 when out of memory. */
export function vma_alloc(): usize {
  const vma = kmem_cache_alloc(CACHE_VM_AREA);
  if (vma != 0) memset(vma, 0, offsetof<VmArea>());
  return vma;
}

/** A copy of a VMA that is on no list and in no tree; or 0 when out of memory. */
export function vma_dup(vma: VmArea): usize {
  const copy = kmem_cache_alloc(CACHE_VM_AREA);
  if (copy == 0) return 0;
  // Behind these come the nodes of the file's tree and of the anon_vma's list. Other processes may be
  // changing them, under locks that are not held here; the copy gets its own when it is linked.
  memcpy(copy, changetype<usize>(vma), offsetof<VmArea>("shared_parent_color"));
  changetype<VmArea>(copy).anon_vma = vma.anon_vma;
  return copy;
}

/** Frees a VMA that is on no list and in no tree. */
export function vma_free(vma: usize): void {
  kmem_cache_free(CACHE_VM_AREA, vma);
}

/** The kernel's own mm: what an idle CPU without a lazy one uses. */
export function init_mm(): MmStruct {
  return changetype<MmStruct>(INIT_MM);
}
