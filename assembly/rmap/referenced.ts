// Whether anybody has used a page: from the page to all PTEs that map it, whose accessed bits are
// taken away. Linux: page_referenced and page_lock_anon_vma, mm/rmap.c of 2.6.8 and 2.6.9.
//
// Reclaim comes with a reference to the page and nothing else. What keeps the anon_vma alive on the way?
// 2.6.8: PG_maplock. While it is held and _mapcount is not 0, the last page_remove_rmap waits, and
// what frees the anon_vma comes after that. 2.6.9 has no such lock, and the page lock is none either: zap
// does not take it. There:
//
//   rcu_read_lock ── mapping, once ── mapped? ── lock in the anon_vma ── rcu_read_unlock
//
// The anon_vma may be free when it is locked, or another one at the same place. But it is one: its memory
// goes back after a grace period only, and comes back unlocked and empty (mm/slab.ts). Every PTE
// that is found is compared with the page, so the list of a wrong anon_vma yields nothing.
//
// In mmn-v13 with patch 09 the lock in the anon_vma is a semaphore, for which nobody may wait inside that section:
//
//   rcu_read_lock ── mapping, once ── mapped? ── reference, if there are others ── rcu_read_unlock ── semaphore
//
// A page of a file is another matter: its inode is kept by the page lock, which truncation takes; who does
// not hold it tries it. Left out: the look at mm->rss without page_table_lock, swap tokens, nonlinear
// VMAs, storage keys of s390.

import { read_once } from "../arch/atomic";
import {
  FIX_ANON_VMA_COUNT,
  FIX_MAPPING_RECHECK,
  FIX_RCU,
  FIX_RCU_FIRST,
  FIX_RCU_LOCKED,
  FIX_REFERENCED_LOCK,
  FIX_REFERENCED_UNLOCK,
  without,
} from "../arch/fixes";
import { ptep_clear_young } from "../arch/pte";
import { HAS_ANONMM, HAS_PTE_CHAINS } from "../generation";
import { rcu_quiescent, rcu_read_lock, rcu_read_unlock } from "../lock/rcu";
import { anon_vma_lock_read, anon_vma_unlock_read, i_mmap_unlock_read } from "../lock/rmap_locks";
import { spin_unlock_ptl } from "../lock/spinlock_classes";
import { get_anon_vma_not_zero, put_anon_vma } from "../mm/anon_vma_count";
import { Inode, inode_i_mmap_lock } from "../mm/mapping";
import { MmStruct, VmArea, mm_ptl } from "../mm/mm_types";
import {
  PAGE_MAPPING_ANON,
  PG_referenced,
  Page,
  page_mapping_addr,
  page_test_and_clear_flag,
} from "../mm/page";
import { trylock_page, unlock_page } from "../mm/page_lock";
import { flush_tlb_page } from "../mm/tlb_flush";
import { ANON_VMA_SLEEPS } from "../notifier/config";
import { young_locked, young_unlocked } from "../notifier/sites";
import {
  HAS_MAPLOCK,
  PTE_BUSY,
  lock_or_try_i_mmap,
  page_check_address,
  vma_address,
} from "./check_address";
import { PageAnon, page_mapcount } from "./index";
import { page_referenced_anonmm } from "./anonmm_walk";
import { page_anon_owner } from "./page_anon";
import { page_map_lock, page_map_unlock } from "./page_map_lock";
import { page_referenced_chain } from "./pte_chains";
import {
  RMAP_FOUND,
  RMAP_HIT,
  RMAP_NONE,
  rmap_hits,
  rmap_walk_anon,
  rmap_walk_file,
} from "./rmap_walk";

/** Asks each VMA: FOUND, and a HIT if its PTE was young, which it no longer is. */
@unmanaged @final
class ReferencedVisitor {
  /** page_referenced_one; passes over a VMA whose page_table_lock was busy. */
  visit(page: Page, vma: VmArea): u64 {
    const ptep = page_check_address(page, vma);
    if (ptep == 0 || ptep == PTE_BUSY) return RMAP_NONE;
    const mm = changetype<MmStruct>(vma.vm_mm);
    const cleared = ptep_clear_young(ptep);
    // Else a CPU that has the translation would not look at the PTE again: the page would seem unused.
    if (cleared) flush_tlb_page(mm, vma_address(page, vma));
    const primary = young_locked(mm, vma_address(page, vma), cleared);
    spin_unlock_ptl(mm_ptl(mm));
    const young = young_unlocked(mm, vma_address(page, vma), primary, PageAnon(page));
    return young ? RMAP_FOUND + RMAP_HIT : RMAP_FOUND;
  }
}

/** Young PTEs of the VMAs on the list of `anon_vma`, whose lock is held. */
function referenced_by_list(page: Page, anon_vma: usize): u32 {
  return rmap_hits(rmap_walk_anon<ReferencedVisitor>(page, anon_vma));
}

/** For machines without a read section of RCU here: a kernel that can be preempted may be, now. */
function may_be_preempted(): void {
  rcu_quiescent();
}

/** The anon_vma that a value of page->mapping names, if the page is mapped; else 0. */
@inline
function anon_vma_of(page: Page, mapping: usize): usize {
  const is_anon = (mapping & PAGE_MAPPING_ANON) != 0;
  return is_anon && page_mapcount(page) > 0 ? mapping - PAGE_MAPPING_ANON : 0;
}

/** For machines without FIX_RCU or FIX_RCU_FIRST: what was read may be free by the time it is locked. */
function lock_anon_vma_unprotected(page: Page): usize {
  const anon_vma = anon_vma_of(page, read_once<usize>(page_mapping_addr(page)));
  if (anon_vma == 0) return 0;
  may_be_preempted();
  if (without(FIX_RCU)) {
    anon_vma_lock_read(anon_vma);
    return anon_vma;
  }
  rcu_read_lock();
  anon_vma_lock_read(anon_vma);
  rcu_read_unlock();
  return anon_vma;
}

/** The second patch without the third: it pretends that what was read is still there when it is locked. */
function pretend_lock_anon_vma(page: Page): usize {
  const anon_vma = anon_vma_of(page, read_once<usize>(page_mapping_addr(page)));
  if (anon_vma != 0) anon_vma_lock_read(anon_vma);
  return anon_vma;
}

/** Patch 09: the anon_vma is found in a read section, kept by a reference, and waited for behind it. */
function page_lock_counted_anon_vma(page: Page): usize {
  rcu_read_lock();
  let anon_vma = anon_vma_of(page, read_once<usize>(page_mapping_addr(page)));
  const counts = !without(FIX_ANON_VMA_COUNT);
  if (counts && anon_vma != 0 && !get_anon_vma_not_zero(anon_vma)) anon_vma = 0;
  rcu_read_unlock();
  if (!counts) may_be_preempted();
  if (anon_vma != 0) anon_vma_lock_read(anon_vma);
  return anon_vma;
}

/** Locks the anon_vma of a page that nobody keeps mapped; 0 if the page is not mapped as anonymous. */
export function page_lock_anon_vma(page: Page): usize {
  if (ANON_VMA_SLEEPS) return page_lock_counted_anon_vma(page);
  if (!CONFIG_TYPESAFE_SLAB) return pretend_lock_anon_vma(page);
  if (without(FIX_RCU | FIX_RCU_FIRST)) return lock_anon_vma_unprotected(page);
  rcu_read_lock();
  const anon_vma = anon_vma_of(page, read_once<usize>(page_mapping_addr(page)));
  if (anon_vma != 0) anon_vma_lock_read(anon_vma);
  // A spinlock is a read section of its own: CPUs that hold one are not preempted.
  rcu_read_unlock();
  if (without(FIX_RCU_LOCKED)) may_be_preempted();
  return anon_vma;
}

/** Ends page_lock_anon_vma(). */
export function page_unlock_anon_vma(anon_vma: usize): void {
  anon_vma_unlock_read(anon_vma);
  if (ANON_VMA_SLEEPS && !without(FIX_ANON_VMA_COUNT)) put_anon_vma(anon_vma);
}

/** 2.6.9. */
function page_referenced_anon(page: Page): u32 {
  const anon_vma = page_lock_anon_vma(page);
  if (anon_vma == 0) return 0;
  const referenced = referenced_by_list(page, anon_vma);
  page_unlock_anon_vma(anon_vma);
  return referenced;
}

/** Young PTEs of a page of `inode`, which cannot go away. 2.6.8: none if i_mmap_lock is busy. */
function page_referenced_file(page: Page, inode: Inode): u32 {
  if (!lock_or_try_i_mmap(inode_i_mmap_lock(inode))) return 0;
  const referenced = rmap_hits(rmap_walk_file<ReferencedVisitor>(page, inode));
  i_mmap_unlock_read(inode_i_mmap_lock(inode));
  return referenced;
}

/** 2.6.9: the page lock keeps the inode; a page that somebody else has locked counts as used. */
function page_referenced_unlocked_file(page: Page, seen: usize): u32 {
  if (without(FIX_REFERENCED_LOCK)) return page_referenced_file(page, changetype<Inode>(seen));
  if (!trylock_page(page)) return 1;
  // Once more: truncation may have been faster.
  const now = read_once<usize>(page_mapping_addr(page));
  const mapping = without(FIX_MAPPING_RECHECK) ? seen : now;
  // The first form of the patch forgot to unlock a page that was cut off.
  if (mapping == 0 && without(FIX_REFERENCED_UNLOCK)) return 0;
  const referenced = mapping == 0 ? 0 : page_referenced_file(page, changetype<Inode>(mapping));
  unlock_page(page);
  return referenced;
}

/** 2.6.8: all of it under PG_maplock. */
function page_referenced_maplocked(page: Page): u32 {
  page_map_lock(page);
  let referenced: u32 = 0;
  if (page_mapcount(page) != 0 && page.mapping != 0) {
    if (HAS_ANONMM && PageAnon(page)) {
      referenced = page_referenced_anonmm(page);
    } else if (PageAnon(page)) {
      const anon_vma = page_anon_owner(page);
      anon_vma_lock_read(anon_vma);
      referenced = referenced_by_list(page, anon_vma);
      anon_vma_unlock_read(anon_vma);
    } else {
      referenced = page_referenced_file(page, changetype<Inode>(page.mapping));
    }
  }
  page_map_unlock(page);
  return referenced;
}

/**
 * How many have used the page since somebody asked last: the PTEs that were young, and 1 if it was marked.
 * The caller has a reference to the page and no spinlock. `is_locked`: it has locked the page.
 */
export function page_referenced(page: Page, is_locked: bool): u32 {
  const referenced: u32 = page_test_and_clear_flag(page, PG_referenced) ? 1 : 0;
  if (HAS_PTE_CHAINS) return referenced + page_referenced_chain(page);
  if (HAS_MAPLOCK) return referenced + page_referenced_maplocked(page);
  const mapping = read_once<usize>(page_mapping_addr(page));
  if (page_mapcount(page) <= 0 || mapping == 0) return referenced;
  if (mapping & PAGE_MAPPING_ANON) return referenced + page_referenced_anon(page);
  if (is_locked) return referenced + page_referenced_file(page, changetype<Inode>(mapping));
  return referenced + page_referenced_unlocked_file(page, mapping);
}
