// From an anonymous page to its PTEs, by lineage: page_referenced_anon of the anonmm kernel. Linux: mm/rmap.c
// of 22 May 2004.
//
// The page says in which mm it was faulted and where; it is at the same address in every mm of the lineage
// that maps it. So: that mm first, and then the others in a circle, the head among them. If that mm is gone,
// the page moves to the first living one in which it is found, so that dead members can be freed.
//
// Protocol: the caller holds PG_maplock, so the page's member is there: the page counts in it. The head's lock
// keeps the mms. page_table_lock is tried. Left out: the look at mm->rss without that lock.

import { FIX_ANONMM_MIGRATE, without } from "../arch/fixes";
import { pte_pfn, pte_present, pte_read, ptep_clear_young } from "../arch/pte";
import { list_next } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { spin_trylock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { MmStruct, mm_ptl } from "../mm/mm_types";
import { Page, page_to_pfn } from "../mm/page";
import { pte_offset } from "../mm/pgtable";
import { flush_tlb_page } from "../mm/tlb_flush";
import { AnonMm, anonmm_get, anonmm_node, anonmm_put, node_anonmm } from "./anonmm";
import { PTE_BUSY } from "./check_address";
import { page_mapcount } from "./index";
import { page_anon_owner, set_page_anon } from "./page_anon";
import { page_map_lock, page_map_unlock } from "./page_map_lock";
import { RMAP_NONE, rmap_stopped } from "./rmap_walk";

/** The PTE by which `mm` maps the page, with page_table_lock held; or, without it, 0 or PTE_BUSY. */
export function anonmm_check_address(page: Page, mm: MmStruct): usize {
  if (!spin_trylock_ptl(mm_ptl(mm))) return PTE_BUSY;
  const ptep = pte_offset(mm, page.index << 12);
  const pte = ptep == 0 ? 0 : pte_read(ptep);
  if (pte_present(pte) && pte_pfn(pte) == page_to_pfn(page)) return ptep;
  spin_unlock_ptl(mm_ptl(mm));
  return 0;
}

/** The next of a lineage, in a circle. */
@inline
function anonmm_next(anonmm: AnonMm): AnonMm {
  return node_anonmm(list_next(anonmm_node(changetype<usize>(anonmm))));
}

/** The page counts in `member` from now on, where it has been counted, and no longer in `own`. PG_maplock is held. */
function migrate(page: Page, own: AnonMm, member: AnonMm): void {
  set_page_anon(page, changetype<usize>(member), page.index);
  anonmm_put(changetype<usize>(own));
}

/** For machines without FIX_ANONMM_MIGRATE: the page may be unmapped, and its mapping cleared, meanwhile. */
function migrate_late(page: Page, own: AnonMm, member: AnonMm): void {
  page_map_unlock(page);
  migrate(page, own, member);
  page_map_lock(page);
}

/** Young PTEs of an anonymous page that is mapped; they no longer are. PG_maplock is held. */
export function page_referenced_anonmm(page: Page): u32 {
  const own = changetype<AnonMm>(page_anon_owner(page));
  let referenced: u32 = 0;
  let mapcount = page_mapcount(page);
  let member = changetype<AnonMm>(0);
  spin_lock(own.head);
  const is_extinct = own.mm == 0;
  let anonmm = own;
  do {
    const mm = changetype<MmStruct>(anonmm.mm);
    const ptep = changetype<usize>(mm) == 0 ? 0 : anonmm_check_address(page, mm);
    if (ptep != 0 && ptep != PTE_BUSY) {
      if (ptep_clear_young(ptep)) {
        referenced++;
        flush_tlb_page(mm, page.index << 12);
      }
      spin_unlock_ptl(mm_ptl(mm));
      mapcount--;
      if (changetype<usize>(member) == 0) {
        member = anonmm;
        // Here, where the lock of the lineage keeps it.
        if (is_extinct) anonmm_get(changetype<usize>(member));
      }
    }
    anonmm = anonmm_next(anonmm);
  } while (changetype<usize>(anonmm) != changetype<usize>(own) && mapcount > 0);
  spin_unlock(own.head);
  if (!is_extinct || changetype<usize>(member) == 0) return referenced;
  if (without(FIX_ANONMM_MIGRATE)) migrate_late(page, own, member);
  else migrate(page, own, member);
  return referenced;
}

/** Visits the address spaces that may map an anonymous page, its own first. PG_maplock is held. See rmap_walk.ts. */
export function anonmm_walk<V>(page: Page): u64 {
  const visitor = changetype<V>(0);
  const own = changetype<AnonMm>(page_anon_owner(page));
  let result = RMAP_NONE;
  spin_lock(own.head);
  let anonmm = own;
  do {
    const mm = changetype<MmStruct>(anonmm.mm);
    if (changetype<usize>(mm) != 0) result += visitor.visit_mm(page, mm);
    anonmm = anonmm_next(anonmm);
  } while (changetype<usize>(anonmm) != changetype<usize>(own) && !rmap_stopped(result));
  spin_unlock(own.head);
  return result;
}

/** PTEs that are counted and that no mm of the lineage has; 0 when a lock was busy. PG_maplock is held. */
export function anonmm_missing(page: Page): i32 {
  const own = changetype<AnonMm>(page_anon_owner(page));
  let missing = page_mapcount(page);
  spin_lock(own.head);
  let anonmm = own;
  do {
    const mm = changetype<MmStruct>(anonmm.mm);
    const ptep = changetype<usize>(mm) == 0 ? 0 : anonmm_check_address(page, mm);
    if (ptep == PTE_BUSY) {
      missing = 0;
      break;
    }
    if (ptep != 0) {
      spin_unlock_ptl(mm_ptl(mm));
      missing--;
    }
    anonmm = anonmm_next(anonmm);
  } while (changetype<usize>(anonmm) != changetype<usize>(own));
  spin_unlock(own.head);
  return missing;
}
