// mprotect's walk, and the protection bits of each kind of mapping. Linux: mm/mprotect.c and
// protection_map of 2.6.9.
//
// Protocol: mmap_sem is held for writing. A PTE is taken away in one step, changed, and put back,
// so that the walker cannot set A or D in between and have it lost; the TLBs are flushed once for
// the range, at the end.

import {
  _PAGE_CHG_MASK,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_RW,
  _PAGE_USER,
  _PAGE_ACCESSED,
  pte_present,
  pte_read,
  ptep_get_and_clear,
  set_pte,
} from "../arch/pte";
import { flush_tlb_mm } from "./tlb_flush";
import { TRACE_PROTECT_RANGE, trace } from "../arch/trace";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { MmStruct, VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, mm_ptl } from "./mm_types";
import { range_end, range_start } from "../notifier/sites";
import { PMD_SHIFT, addr_end, next_pte_table, pte_offset } from "./pgtable";

/**
 * PTE bits of a new page under VM_* `flags`. A private mapping is never writable from the start:
 * COW decides.
 */
export function vm_page_prot(flags: u32): u64 {
  if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) == 0) return _PAGE_PROTNONE | _PAGE_ACCESSED;
  let prot = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;
  if ((flags & (VM_WRITE | VM_SHARED)) == (VM_WRITE | VM_SHARED)) prot |= _PAGE_RW;
  if ((flags & VM_EXEC) == 0) prot |= _PAGE_NX;
  return prot;
}

function change_pte_range(first: usize, count: u32, prot: u64): void {
  const end = first + count * 8;
  for (let ptep = first; ptep < end; ptep += 8) {
    if (!pte_present(pte_read(ptep))) continue;
    const pte = ptep_get_and_clear(ptep);
    set_pte(ptep, (pte & _PAGE_CHG_MASK) | prot);
  }
}

/** Gives the present PTEs of [start, end) new protection bits and flushes. */
export function change_protection(mm: MmStruct, start: u64, end: u64, prot: u64): void {
  trace(TRACE_PROTECT_RANGE, start, changetype<usize>(mm));
  range_start(mm, start, end);
  spin_lock_ptl(mm_ptl(mm));
  let address = start;
  while (true) {
    address = next_pte_table(mm, address, end);
    if (address >= end) break;
    const next = addr_end(address, end, PMD_SHIFT);
    change_pte_range(pte_offset(mm, address), <u32>((next - address) >> 12), prot);
    address = next;
  }
  flush_tlb_mm(mm);
  spin_unlock_ptl(mm_ptl(mm));
  range_end(mm, start, end);
}
