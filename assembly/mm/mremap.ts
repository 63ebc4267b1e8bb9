// mremap's walk: moves PTEs to another place of the same mm. Linux: move_page_tables and
// move_one_page, mm/mremap.c of 2.6.9.
//
// Protocol: mmap_sem is held for writing. Each PTE moves under page_table_lock, and under
// i_mmap_lock of its file outside that, so that truncation finds it either here or there. A PTE is
// cleared and flushed before it is set anew. anon_vma needs no change: anonymous pages keep their index
// because the new VMA carries vm_pgoff. Chains of PTEs have the new PTE in place of the old one. With anonmm
// a page has one address for all who map it: one that others map is copied first. Moving back needs no
// copy, since nobody shares what has been moved.

import { boot } from "../arch/boot_params";
import { FIX_MOVE_LOCK, without } from "../arch/fixes";
import { pte_pfn, pte_present, pte_read, ptep_get_and_clear, set_pte } from "../arch/pte";
import { HAS_ANONMM, HAS_PTE_CHAINS } from "../generation";
import { i_mmap_lock_write, i_mmap_unlock_write } from "../lock/rmap_locks";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { flush_tlb_page } from "./tlb_flush";
import { TRACE_MOVE_TABLES, trace } from "../arch/trace";
import { PageAnon } from "../rmap/index";
import { anonmm_move_page } from "../rmap/page_map_lock";
import { page_move_rmap } from "../rmap/pte_chains";
import { VM_FAULT_OOM, handle_mm_fault } from "./fault";
import { Inode, inode_i_mmap_lock } from "./mapping";
import { MmStruct, VmArea, mm_ptl } from "./mm_types";
import { range_end, range_start } from "../notifier/sites";
import { PG_reserved, Page, pfn_to_page } from "./page";
import { next_pte_table, pte_alloc_map, pte_offset } from "./pgtable";

/** The counted page of a PTE, or 0. */
@inline
function counted_page(pte: u64): usize {
  const pfn = pte_pfn(pte);
  if (!pte_present(pte) || pfn >= boot().max_mapnr) return 0;
  const page = pfn_to_page(pfn);
  return page.flags & PG_reserved ? 0 : changetype<usize>(page);
}

/**
 * Moves one PTE, if it is still there, to a place that has a table. False: with anonmm, where a page has
 * one address, others map it too, so this mm must have a copy first.
 */
function move_one_page(mm: MmStruct, from: u64, to: u64): bool {
  const src = pte_offset(mm, from);
  const dst = pte_offset(mm, to);
  const found = pte_read(src);
  if (found == 0) return true;
  if (HAS_ANONMM) {
    const page = changetype<Page>(counted_page(found));
    if (changetype<usize>(page) != 0 && PageAnon(page) && !anonmm_move_page(page, to)) return false;
  }
  const pte = ptep_get_and_clear(src);
  flush_tlb_page(mm, from);
  if (HAS_PTE_CHAINS && counted_page(pte) != 0) {
    page_move_rmap(changetype<Page>(counted_page(pte)), src, dst);
  }
  set_pte(dst, pte);
  return true;
}

/** A copy of its own for `mm`, as if it had written to the page. False: out of memory. */
@inline
function break_cow_early(mm: MmStruct, vma: VmArea, address: u64): bool {
  return handle_mm_fault(mm, vma, address, true) != VM_FAULT_OOM;
}

/**
 * Moves the PTEs of [from, from + length) of `vma` to `to` on. Returns how many bytes were done:
 * less than `length` when out of memory, and then the caller moves them back. That cannot fail: a
 * table is made only for a PTE that is there, and each of those has come from a table.
 */
export function move_page_tables(vma: VmArea, from: u64, to: u64, length: u64): u64 {
  const mm = changetype<MmStruct>(vma.vm_mm);
  trace(TRACE_MOVE_TABLES, from, changetype<usize>(mm));
  const locks = vma.vm_file != 0 && !without(FIX_MOVE_LOCK);
  const file_lock = locks ? inode_i_mmap_lock(changetype<Inode>(vma.vm_file)) : 0;
  let done: u64 = 0;
  while (done < length) {
    spin_lock_ptl(mm_ptl(mm));
    const next = next_pte_table(mm, from + done, from + length);
    done = next - from;
    const found = done < length && pte_read(pte_offset(mm, next)) != 0;
    // A table for the new place is made before the file's lock is taken: making one may wait.
    const failed = found && pte_alloc_map(mm, to + done) == 0;
    spin_unlock_ptl(mm_ptl(mm));
    if (failed || done == length) break;
    if (found) {
      range_start(mm, next, next + 4096);
      if (file_lock != 0) i_mmap_lock_write(file_lock);
      spin_lock_ptl(mm_ptl(mm));
      const moved = move_one_page(mm, next, to + done);
      spin_unlock_ptl(mm_ptl(mm));
      if (file_lock != 0) i_mmap_unlock_write(file_lock);
      range_end(mm, next, next + 4096);
      if (HAS_ANONMM && !moved) {
        if (!break_cow_early(mm, vma, next)) break;
        continue;
      }
    }
    done += 4096;
  }
  return done;
}
