// swapoff, as far as one address space is concerned: PTEs that name a slot map its page again. Linux: unuse_process,
// unuse_vma, page_address_in_vma and unuse_pte, mm/swapfile.c of 2.6.8 and 2.6.9. What walks slots and address spaces
// is the host's (src/mm/swapoff.ts).
//
// Two ways to find the PTE. 2.6.8 looks at every PTE of every VMA. From 2.6.9 on a page that was mapped before says
// where: the anon_vma that the last unmap has left in page->mapping names the VMAs, and index the address in each.
// That anon_vma may be gone and its memory another one's: the PTE is compared with the entry, so a wrong place
// yields nothing. A page that was read from the disk just now says nothing yet, and is looked for everywhere once.
//
// Protocol: the page is locked, and so stays in the swap cache. mmap_sem is held for reading: tried first, since
// others take the page lock inside it; when it is busy the page is unlocked meanwhile.

import { FIX_UNUSE_TRYLOCK, without } from "../arch/fixes";
import { boot } from "../arch/boot_params";
import { read_once } from "../arch/atomic";
import { pfn_pte, pte_read, set_pte } from "../arch/pte";
import { down_read, down_read_trylock, up_read } from "../lock/mmap_sem";
import { HAS_ANONMM, HAS_PTE_CHAINS } from "../generation";
import { RMAP_ANON_VMA } from "../config_rmap";
import { page_add_anon_rmap, page_mapped, rmap_spare_alloc, rmap_spare_free } from "../rmap/index";
import { is_elsewhere } from "../rmap/page_map_lock";
import { spin_lock_ptl, spin_unlock_ptl } from "../lock/spinlock_classes";
import { VM_FAULT_OOM, handle_mm_fault } from "./fault";
import { MmStruct, VmArea, mm_mmap_sem, mm_ptl } from "./mm_types";
import {
  PAGE_MAPPING_ANON,
  PG_swapcache,
  Page,
  get_page,
  page_mapping_addr,
  page_test_flag,
  page_to_pfn,
} from "./page";
import { lock_page, unlock_page } from "./page_lock";
import { PMD_SHIFT, addr_end, next_pte_table, pte_offset } from "./pgtable";
import { swap_free } from "./swap_slots";
import { swp_entry_to_pte } from "./swap_types";
import { find_vma } from "./vma_tree";
import { _PAGE_ACCESSED } from "../arch/pte";

/** How swapoff looks for PTEs. 0: as the kernel did; else one of the two. */
export const SWAPOFF_AS_KERNEL: u32 = 0;
/** Every PTE of every VMA: 2.6.8. */
export const SWAPOFF_SCAN: u32 = 1;
/** The place that the page names: 2.6.9. */
export const SWAPOFF_ANON_VMA: u32 = 2;

/** True if the place is asked from the page. */
function asks_page(): bool {
  // In 2.6.8 the last unmap clears what the page says.
  if (!CONFIG_SWAPOFF_ANON_VMA) return false;
  return boot().swapoff != SWAPOFF_SCAN;
}

/** unuse_range: no PTE names the slot. */
const NOT_FOUND: u64 = 0;
/** unuse_range: one did, and maps the page now. */
const UNUSED: u64 = 1;

/** The PTE names the slot: it maps the page from here on. Locked; the spare is used. */
function unuse_pte(
  vma: VmArea,
  address: u64,
  ptep: usize,
  entry: u32,
  page: Page,
  spare: usize,
): void {
  changetype<MmStruct>(vma.vm_mm).rss++;
  get_page(page);
  set_pte(ptep, pfn_pte(page_to_pfn(page), vma.vm_page_prot & ~_PAGE_ACCESSED));
  rmap_spare_free(page_add_anon_rmap(page, vma, address, ptep, spare));
  swap_free(entry);
}

/** anonmm: others map the page at another address, so this address space must have a copy. */
@inline
function needs_copy(page: Page, address: u64): bool {
  return HAS_ANONMM && page_mapped(page) && is_elsewhere(page, address);
}

/** Where the VMA would map the page; 0 if it does not belong there. Linux: page_address_in_vma. */
function page_address_in_vma(page: Page, vma: VmArea, mapping: usize): u64 {
  if (vma.anon_vma != mapping - PAGE_MAPPING_ANON) return 0;
  const address = vma.vm_start + ((page.index - vma.vm_pgoff) << 12);
  return address >= vma.vm_start && address < vma.vm_end ? address : 0;
}

/** True if the PTE names the slot. */
@inline
function names(ptep: usize, wanted: u64): bool {
  return pte_read(ptep) == wanted;
}

/**
 * Looks for a PTE that names the slot in [start, end) of a VMA: NOT_FOUND, UNUSED, or, with anonmm, the address that
 * needs a copy of its own. Locked; the spare is used if UNUSED.
 */
function unuse_range(
  vma: VmArea,
  start: u64,
  end: u64,
  entry: u32,
  page: Page,
  spare: usize,
): u64 {
  const mm = changetype<MmStruct>(vma.vm_mm);
  const wanted = swp_entry_to_pte(entry);
  let address = start;
  while (true) {
    address = next_pte_table(mm, address, end);
    if (address >= end) return NOT_FOUND;
    const next = addr_end(address, end, PMD_SHIFT);
    let ptep = pte_offset(mm, address);
    for (; address < next; address += 4096, ptep += 8) {
      if (!names(ptep, wanted)) continue;
      if (needs_copy(page, address)) return address;
      unuse_pte(vma, address, ptep, entry, page, spare);
      return UNUSED;
    }
  }
}

function unuse_vma(vma: VmArea, entry: u32, page: Page, spare: usize): u64 {
  const mapping = read_once<usize>(page_mapping_addr(page));
  if (!asks_page() || mapping == 0) {
    return unuse_range(vma, vma.vm_start, vma.vm_end, entry, page, spare);
  }
  const address = page_address_in_vma(page, vma, mapping);
  if (address == 0) return NOT_FOUND;
  return unuse_range(vma, address, address + 4096, entry, page, spare);
}

/** unuse_range over all VMAs. mmap_sem is held. */
function unuse_mm(mm: MmStruct, entry: u32, page: Page, spare: usize): u64 {
  let found = NOT_FOUND;
  let vma = changetype<VmArea>(mm.mmap);
  spin_lock_ptl(mm_ptl(mm));
  while (changetype<usize>(vma) != 0 && found == NOT_FOUND) {
    // Where there are anon_vmas, only who has one has anonymous pages.
    const may_have = CONFIG_RMAP != RMAP_ANON_VMA || vma.anon_vma != 0;
    if (may_have) found = unuse_vma(vma, entry, page, spare);
    vma = changetype<VmArea>(vma.vm_next);
  }
  spin_unlock_ptl(mm_ptl(mm));
  return found;
}

/** anonmm: as if the program had written there. The page is locked, and unlocked meanwhile. True if it was done. */
function unuse_by_copy(mm: MmStruct, address: u64, page: Page): bool {
  unlock_page(page);
  const done = handle_mm_fault(mm, find_vma(mm, address), address, true) != VM_FAULT_OOM;
  lock_page(page);
  return done;
}

/** mmap_sem for reading, with the page lock; the page may have been unlocked meanwhile. */
function down_read_locked(mm: MmStruct, page: Page): void {
  if (without(FIX_UNUSE_TRYLOCK)) {
    down_read(mm_mmap_sem(mm));
    return;
  }
  if (down_read_trylock(mm_mmap_sem(mm))) return;
  unlock_page(page);
  down_read(mm_mmap_sem(mm));
  lock_page(page);
}

/**
 * Looks for a PTE of `mm` that names the slot, and maps the locked page there: a page is found once in a mm, at
 * most. The caller has a reference to the page and is a user of the mm. True if it was found.
 */
export function unuse_process(mm: MmStruct, entry: u32, page: Page): bool {
  const spare = rmap_spare_alloc();
  if (HAS_PTE_CHAINS && spare == 0) return false;
  down_read_locked(mm, page);
  let found = NOT_FOUND;
  // While the page was unlocked it may have left the swap cache.
  if (page_test_flag(page, PG_swapcache) && page.private_ == entry) {
    found = unuse_mm(mm, entry, page, spare);
    if (HAS_ANONMM && found > UNUSED && !unuse_by_copy(mm, found, page)) found = NOT_FOUND;
  }
  up_read(mm_mmap_sem(mm));
  if (HAS_PTE_CHAINS && found == NOT_FOUND) rmap_spare_free(spare);
  return found != NOT_FOUND;
}
