// Fork's walk: copies the PTEs of a VMA from parent to child. Linux: copy_page_range, mm/memory.c
// of 2.6.8 and 2.6.9.
//
// Protocol: mmap_sem of the parent is held for writing, the child's page_table_lock by the caller;
// the parent's is taken inside it, once for each page of PTEs. For each PTE, in this order:
// write-protect the parent if the mapping is private, clean if shared, old, reference, rss, child's
// PTE, rmap. The parent's TLB is flushed once, by dup_mmap, after all VMAs: until then other
// threads of the parent may write through stale entries. A PTE that names a slot of swap: the slot is
// counted, then the PTE is copied. Left out: huge pages.

import { boot } from "../arch/boot_params";
import { FIX_FORK_SWAP, FIX_WRITE_PROTECT, without } from "../arch/fixes";
import { PHASE_PTE_COPY, phase_enter, phase_leave } from "../arch/phase";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_RW,
  pte_pfn,
  pte_present,
  pte_read,
  ptep_set_wrprotect,
  set_pte,
} from "../arch/pte";
import { TRACE_COPY_RANGE, trace } from "../arch/trace";
import { HAS_PTE_CHAINS } from "../generation";
import { ENOMEM } from "../lib/errno";
import { fork_range_end, fork_range_start } from "../notifier/sites";
import { NO_SPARE, page_dup_rmap, rmap_spare_free } from "../rmap/index";
import { pte_chain_alloc, ptep_to_mm } from "../rmap/pte_chain";
import { spin_lock_ptl, spin_lock_ptl_nested, spin_unlock_ptl } from "../lock/spinlock_classes";
import { MmStruct, VM_SHARED, VmArea, is_cow_mapping, mm_ptl } from "./mm_types";
import { PG_reserved, get_page, pfn_to_page } from "./page";
import { GFP_ATOMIC, GFP_KERNEL } from "./page_alloc";
import { PMD_SHIFT, addr_end, next_pte_table, pte_alloc_map, pte_offset } from "./pgtable";
import { swap_duplicate } from "./swap_slots";
import { pte_to_swp_entry } from "./swap_types";

/** Copies one PTE from `src` to `dst`; `pte` is what `src` holds. Returns what is left of `spare`. */
@inline
function copy_one_pte(
  mm: MmStruct,
  dst: usize,
  src: usize,
  pte: u64,
  cow: bool,
  keep: u64,
  spare: usize,
): usize {
  const pfn = pte_pfn(pte);
  if (pfn >= boot().max_mapnr) {
    set_pte(dst, pte);
    return spare;
  }
  const page = pfn_to_page(pfn);
  if (page.flags & PG_reserved) {
    set_pte(dst, pte);
    return spare;
  }
  let value = pte;
  if (cow) {
    if (without(FIX_WRITE_PROTECT)) {
      value &= ~_PAGE_RW;
    } else {
      ptep_set_wrprotect(src);
      value = pte_read(src);
    }
  }
  value &= keep;
  get_page(page);
  mm.rss++;
  set_pte(dst, value);
  return page_dup_rmap(page, dst, spare);
}

/** The child's PTE names the same slot, which has one user more. */
function copy_swap_pte(dst: usize, pte: u64): void {
  if (without(FIX_FORK_SWAP)) {
    set_pte(dst, pte);
    return;
  }
  swap_duplicate(pte_to_swp_entry(pte));
  set_pte(dst, pte);
}

/**
 * Another spare, with both page_table_locks held. Where there is none at once, the locks are dropped: the
 * parent's, which is that of `src`, and the child's.
 */
function next_spare(mm: MmStruct, src: usize): usize {
  const spare = pte_chain_alloc(GFP_ATOMIC);
  if (spare != 0) return spare;
  const src_mm = ptep_to_mm(src);
  spin_unlock_ptl(mm_ptl(src_mm));
  spin_unlock_ptl(mm_ptl(mm));
  const late = pte_chain_alloc(GFP_KERNEL);
  spin_lock_ptl(mm_ptl(mm));
  spin_lock_ptl_nested(mm_ptl(src_mm));
  return late;
}

/**
 * Copies the PTEs of one table, up to `count` of them. Both page_table_locks are held. False: out of memory
 * for the reverse map, which only chains of PTEs need.
 */
export function copy_pte_range(
  mm: MmStruct,
  dst_pte: usize,
  src_pte: usize,
  count: u32,
  vm_flags: u32,
): bool {
  const cow = is_cow_mapping(vm_flags);
  const keep = vm_flags & VM_SHARED ? ~(_PAGE_ACCESSED | _PAGE_DIRTY) : ~_PAGE_ACCESSED;
  let dst = dst_pte;
  const end = src_pte + count * 8;
  let spare = HAS_PTE_CHAINS ? next_spare(mm, src_pte) : NO_SPARE;
  if (HAS_PTE_CHAINS && spare == 0) return false;
  for (let src = src_pte; src < end; src += 8, dst += 8) {
    const pte = pte_read(src);
    if (pte == 0) continue;
    if (pte_present(pte)) spare = copy_one_pte(mm, dst, src, pte, cow, keep, spare);
    else copy_swap_pte(dst, pte);
    if (!HAS_PTE_CHAINS || spare != 0) continue;
    spare = next_spare(mm, src);
    if (spare == 0) return false;
  }
  rmap_spare_free(spare);
  return true;
}

/** Copies the PTEs of `vma`, a VMA of `src_mm`, into `dst_mm`. 0 or -ENOMEM. */
export function copy_page_range(dst_mm: MmStruct, src_mm: MmStruct, vma: VmArea): i32 {
  const end = vma.vm_end;
  let address = vma.vm_start;
  trace(TRACE_COPY_RANGE, address, changetype<usize>(dst_mm));
  const phase = phase_enter(PHASE_PTE_COPY);
  let error = 0;
  fork_range_start(dst_mm, src_mm, vma);
  while (true) {
    address = next_pte_table(src_mm, address, end);
    if (address >= end) break;
    const dst = pte_alloc_map(dst_mm, address);
    if (dst == 0) {
      error = -ENOMEM;
      break;
    }
    const next = addr_end(address, end, PMD_SHIFT);
    spin_lock_ptl_nested(mm_ptl(src_mm));
    const src = pte_offset(src_mm, address);
    const copied = copy_pte_range(dst_mm, dst, src, <u32>((next - address) >> 12), vma.vm_flags);
    spin_unlock_ptl(mm_ptl(src_mm));
    if (HAS_PTE_CHAINS && !copied) {
      error = -ENOMEM;
      break;
    }
    address = next;
  }
  fork_range_end(dst_mm, src_mm, vma, error);
  phase_leave(phase);
  return error;
}
