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
import { ENOMEM } from "../lib/errno";
import { spin_lock_ptl_nested, spin_unlock_ptl } from "../lock/spinlock_classes";
import { fork_range_end, fork_range_start } from "../notifier/sites";
import { page_dup_rmap } from "../rmap/index";
import { MmStruct, VM_SHARED, VmArea, is_cow_mapping, mm_ptl } from "./mm_types";
import { PG_reserved, get_page, pfn_to_page } from "./page";
import { PMD_SHIFT, addr_end, next_pte_table, pte_alloc_map, pte_offset } from "./pgtable";
import { swap_duplicate } from "./swap_slots";
import { pte_to_swp_entry } from "./swap_types";

/** Copies one PTE from `src` to `dst`; `pte` is what `src` holds. */
@inline
function copy_one_pte(mm: MmStruct, dst: usize, src: usize, pte: u64, cow: bool, keep: u64): void {
  const pfn = pte_pfn(pte);
  if (pfn >= boot().max_mapnr) return set_pte(dst, pte);
  const page = pfn_to_page(pfn);
  if (page.flags & PG_reserved) return set_pte(dst, pte);
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
  page_dup_rmap(page);
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

/** Copies the PTEs of one table, up to `count` of them. Both page_table_locks are held. */
export function copy_pte_range(
  mm: MmStruct,
  dst_pte: usize,
  src_pte: usize,
  count: u32,
  vm_flags: u32,
): void {
  const cow = is_cow_mapping(vm_flags);
  const keep = vm_flags & VM_SHARED ? ~(_PAGE_ACCESSED | _PAGE_DIRTY) : ~_PAGE_ACCESSED;
  let dst = dst_pte;
  const end = src_pte + count * 8;
  for (let src = src_pte; src < end; src += 8, dst += 8) {
    const pte = pte_read(src);
    if (pte == 0) continue;
    if (pte_present(pte)) copy_one_pte(mm, dst, src, pte, cow, keep);
    else copy_swap_pte(dst, pte);
  }
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
    copy_pte_range(dst_mm, dst, src, <u32>((next - address) >> 12), vma.vm_flags);
    spin_unlock_ptl(mm_ptl(src_mm));
    address = next;
  }
  fork_range_end(dst_mm, src_mm, vma, error);
  phase_leave(phase);
  return error;
}
