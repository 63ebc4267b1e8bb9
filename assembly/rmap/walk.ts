// The way back: from a page to the PTEs that map it. Linux: page_referenced_anon, page_referenced_file
// and page_referenced_one, mm/rmap.c of 2.6.8 and 2.6.9, as far as they find PTEs: nothing is done to
// those that are found, they are counted. Left out: the look at mm->rss without page_table_lock, which
// saves that lock where nothing is mapped.
//
// Protocol. The page is one that the running program maps, and its mmap_sem is held for reading: so
// anon_vma or file cannot go away, since a VMA of ours is linked there. (Reclaim comes from the page
// alone: see referenced.ts.) The list's lock is held all the time, the
// page_table_lock of each mm while its PTE is looked at: in 2.6.9 the walk waits for it; in 2.6.8,
// where the order of the two is the other way round, it is tried, as is i_mmap_lock, inside PG_maplock.
//
// A PTE that was counted when the walk began is found: its VMA was linked before it was set. One that
// is taken away meanwhile is missed, so the result means something while nobody unmaps the page.

import { pte_pfn, pte_present, pte_read } from "../arch/pte";
import { this_cpu } from "../arch/percpu";
import { HAS_ANONMM, HAS_PTE_CHAINS } from "../generation";
import { down_read, up_read } from "../lock/mmap_sem";
import {
  anon_vma_lock_read,
  anon_vma_unlock_read,
  i_mmap_unlock_read,
} from "../lock/rmap_locks";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { Inode, inode_i_mmap_lock } from "../mm/mapping";
import { MmStruct, VmArea, mm_mmap_sem, mm_ptl } from "../mm/mm_types";
import { PG_reserved, Page, get_page, pfn_to_page } from "../mm/page";
import { pte_offset } from "../mm/pgtable";
import { put_page } from "../mm/put_page";
import { find_vma } from "../mm/vma_tree";
import { Task } from "../sched/task";
import { anonmm_missing } from "./anonmm_walk";
import { HAS_MAPLOCK, PTE_BUSY, lock_or_try_i_mmap, page_check_address } from "./check_address";
import { PageAnon, page_mapcount } from "./index";
import { page_map_lock, page_map_unlock } from "./page_map_lock";
import { missing_in_chain } from "./pte_chains";
import {
  RMAP_FOUND,
  RMAP_NONE,
  RMAP_STOP,
  rmap_found,
  rmap_stopped,
  rmap_walk_anon,
  rmap_walk_file,
} from "./rmap_walk";

/** Counts the VMAs that map the page; ends when a lock is busy, so that the walk says nothing. */
@unmanaged @final
class CountVisitor {
  visit(page: Page, vma: VmArea): u64 {
    const ptep = page_check_address(page, vma);
    if (ptep == 0) return RMAP_NONE;
    if (ptep == PTE_BUSY) return RMAP_STOP;
    spin_unlock_ptl(mm_ptl(changetype<MmStruct>(vma.vm_mm)));
    return RMAP_FOUND;
  }
}

/** Of the `counted` PTEs, those that a walk has not found; 0 when a lock was busy. */
@inline
function missing_after(counted: i32, result: u64): i32 {
  return rmap_stopped(result) ? 0 : counted - rmap_found(result);
}

/** PTEs that were counted and are in no VMA of the list of `anon_vma`; 0 when a lock was busy. */
function missing_anon(page: Page, anon_vma: usize): i32 {
  anon_vma_lock_read(anon_vma);
  const counted = page_mapcount(page);
  const result = rmap_walk_anon<CountVisitor>(page, anon_vma);
  anon_vma_unlock_read(anon_vma);
  return missing_after(counted, result);
}

/** PTEs that were counted and are in no VMA of the tree of `inode`; 0 when a lock was busy. */
function missing_file(page: Page, inode: Inode): i32 {
  if (!lock_or_try_i_mmap(inode_i_mmap_lock(inode))) return 0;
  const counted = page_mapcount(page);
  const result = rmap_walk_file<CountVisitor>(page, inode);
  i_mmap_unlock_read(inode_i_mmap_lock(inode));
  return missing_after(counted, result);
}

/** missing_anon or missing_file, with the bit lock of the page where the kernel has one. */
function missing_of(page: Page, vma: VmArea): i32 {
  if (HAS_PTE_CHAINS) return missing_in_chain(page);
  if (HAS_MAPLOCK) page_map_lock(page);
  const missing = PageAnon(page)
    ? HAS_ANONMM
      ? anonmm_missing(page)
      : missing_anon(page, vma.anon_vma)
    : missing_file(page, changetype<Inode>(vma.vm_file));
  if (HAS_MAPLOCK) page_map_unlock(page);
  return missing > 0 ? missing : 0;
}

/**
 * The page that the running program maps at `address`, with a reference; or 0, as for the zero page. Linux:
 * follow_page.
 */
export function follow_page(address: u64): Page {
  const mm = changetype<MmStruct>(changetype<Task>(this_cpu().current).mm);
  let page = changetype<Page>(0);
  spin_lock_ptl(mm_ptl(mm));
  const ptep = pte_offset(mm, address);
  const pte = ptep == 0 ? 0 : pte_read(ptep);
  if (pte_present(pte)) {
    page = pfn_to_page(pte_pfn(pte));
    if (page.flags & PG_reserved) page = changetype<Page>(0);
    else get_page(page);
  }
  spin_unlock_ptl(mm_ptl(mm));
  return page;
}

/**
 * Of the PTEs that map the page at `address` of the running program, as many as a walk of the reverse
 * map does not find. The page is not the zero page, and nobody unmaps it meanwhile.
 */
export function rmap_missing(address: u64): i32 {
  const mm = changetype<MmStruct>(changetype<Task>(this_cpu().current).mm);
  down_read(mm_mmap_sem(mm));
  const page = follow_page(address);
  let missing: i32 = 0;
  if (changetype<usize>(page) != 0) {
    missing = missing_of(page, find_vma(mm, address));
    put_page(page);
  }
  up_read(mm_mmap_sem(mm));
  return missing;
}
