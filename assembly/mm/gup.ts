// The page behind an address of any address space, after whatever faults that takes, with a reference. Linux:
// get_user_pages of one page, and follow_page, mm/memory.c of 2.6.9.
//
// mmap_sem of the mm is held for reading. A page is given for writing only when its PTE is writable and marked
// dirty: a copy has been made where one is due. Left out: FOLL_FORCE, stacks that grow.

import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_RW,
  pte_pfn,
  pte_present,
  pte_read,
  ptep_set_bits,
} from "../arch/pte";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { VM_FAULT_MINOR, handle_mm_fault } from "./fault";
import { MmStruct, VM_EXEC, VM_READ, VM_WRITE, VmArea, mm_ptl } from "./mm_types";
import { PG_reserved, Page, get_page, pfn_to_page } from "./page";
import { pte_offset } from "./pgtable";
import { find_vma } from "./vma_tree";

/** The page that a PTE maps, with a reference unless it is reserved; 0 if the PTE does not allow the access. */
function follow(mm: MmStruct, address: u64, write: bool): Page {
  let page = changetype<Page>(0);
  spin_lock_ptl(mm_ptl(mm));
  const ptep = pte_offset(mm, address);
  const pte = ptep == 0 ? 0 : pte_read(ptep);
  if (pte_present(pte) && (!write || (pte & _PAGE_RW) != 0)) {
    page = pfn_to_page(pte_pfn(pte));
    ptep_set_bits(ptep, write ? _PAGE_ACCESSED | _PAGE_DIRTY : _PAGE_ACCESSED);
    if ((page.flags & PG_reserved) == 0) get_page(page);
  }
  spin_unlock_ptl(mm_ptl(mm));
  return page;
}

/** The page at `address`, to be read, or written too; 0: no VMA allows that, or no memory is left. */
export function get_user_page(mm: MmStruct, address: u64, write: bool): Page {
  const none = changetype<Page>(0);
  const vma: VmArea = find_vma(mm, address);
  if (changetype<usize>(vma) == 0 || address < vma.vm_start) return none;
  if ((vma.vm_flags & (write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXEC)) == 0) return none;
  while (true) {
    const page = follow(mm, address, write);
    if (changetype<usize>(page) != 0) return page;
    if (handle_mm_fault(mm, vma, address, write) != VM_FAULT_MINOR) return none;
  }
}
