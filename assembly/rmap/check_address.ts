// Whether a VMA maps a page, by which PTE. Linux: page_check_address and vma_address, mm/rmap.c; in
// 2.6.8 and 2.6.9 a part of page_referenced_one and try_to_unmap_one.
//
// The lock of the list that the VMA was found on is held: anon_vma.lock, or i_mmap_lock. In 2.6.9
// page_table_lock comes inside it and is waited for; in 2.6.8 the order of the two is the other way round
// in other paths, so it is tried, and what is busy is passed over.

import { pte_pfn, pte_present, pte_read } from "../arch/pte";
import { RECLAIM_TRIES } from "../config";
import { i_mmap_lock_read, i_mmap_trylock_read } from "../lock/rmap_locks";
import { spin_lock_ptl, spin_trylock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { MmStruct, VmArea, mm_ptl } from "../mm/mm_types";
import { Page, page_to_pfn } from "../mm/page";
import { pte_offset } from "../mm/pgtable";

/** Up to 2.6.8 who walks holds PG_maplock, which lies inside the other locks in other paths. */
export const HAS_MAPLOCK: bool = CONFIG_KILL_PAGE_MAP_LOCK == 0;
/** page_check_address: page_table_lock was busy. */
export const PTE_BUSY: usize = 1;

/** Takes a page_table_lock, or tries to: false when it is busy. */
@inline
export function lock_or_try_ptl(lock: usize): bool {
  if (CONFIG_RECLAIM_LOCKS == RECLAIM_TRIES) return spin_trylock_ptl(lock);
  spin_lock_ptl(lock);
  return true;
}

/** Takes an i_mmap_lock for a walk, or tries to: false when it is busy. */
@inline
export function lock_or_try_i_mmap(lock: usize): bool {
  if (CONFIG_RECLAIM_LOCKS == RECLAIM_TRIES) return i_mmap_trylock_read(lock);
  i_mmap_lock_read(lock);
  return true;
}

/** Where `vma` would map the page; outside of the VMA if it does not. */
@inline
export function vma_address(page: Page, vma: VmArea): u64 {
  return vma.vm_start + ((page.index - vma.vm_pgoff) << 12);
}

/**
 * The PTE by which `vma` maps the page, with page_table_lock held; or, without it, 0 when there is
 * none, and PTE_BUSY.
 */
export function page_check_address(page: Page, vma: VmArea): usize {
  const address = vma_address(page, vma);
  if (address < vma.vm_start || address >= vma.vm_end) return 0;
  const mm = changetype<MmStruct>(vma.vm_mm);
  if (!lock_or_try_ptl(mm_ptl(mm))) return PTE_BUSY;
  const ptep = pte_offset(mm, address);
  const pte = ptep == 0 ? 0 : pte_read(ptep);
  if (pte_present(pte) && pte_pfn(pte) == page_to_pfn(page)) return ptep;
  spin_unlock_ptl(mm_ptl(mm));
  return 0;
}
