// The PTEs that map a page, as a list of their addresses: what 2.5.27 to 2.6.6 had for a reverse map. Linux:
// struct pte_chain, mm/rmap.c of 2.6.0 to 2.6.6.
//
//   page.pte ─> head ─> element ─> element        PG_direct: page.pte is the address of the only PTE
//               ··xx     xxxx       xxxx          an element: next | lowest used slot, then the slots
//
// Only the head has free slots, and they come first. One more goes to the slot before the lowest; when the
// head is full, a new one is put before it. One less: the head's lowest takes its place.
//
// Protocol: PG_maplock of the page is held by every function here that takes a page. Elements are allocated
// by those who are to add a PTE, before they take locks; each CPU keeps one that was freed. Left out: PTE
// addresses of 64 bits (HIGHPTE).

import { FIX_CHAINLOCK, without } from "../arch/fixes";
import { PAGE_MASK } from "../arch/memory_map";
import { pte_pfn, pte_present, pte_read, ptep_clear_young } from "../arch/pte";
import { this_cpu } from "../arch/percpu";
import { page_bit_lock, page_bit_unlock } from "../lock/page_bit";
import { MmStruct } from "../mm/mm_types";
import {
  PG_direct,
  Page,
  page_clear_flag,
  page_flags_addr,
  page_set_flag,
  page_to_pfn,
  virt_to_page,
} from "../mm/page";
import { kmem_cache_alloc_gfp, kmem_cache_free } from "../mm/slab";
import { CACHE_PTE_CHAIN } from "../mm/slab_types";

/** Slots of an element, and the mask of the lowest used one: 2^n - 1. */
const NRPTE: usize = CONFIG_NRPTE;

/** The slots follow. A free element is all zeros. */
@unmanaged @final
export class PteChain {
  /** Address of the next element, or 0; below it the lowest slot that is used. */
  @guarded("PG_maplock") next_and_idx: usize;
}
if (offsetof<PteChain>() != 4) ERROR("the slots of a PteChain begin at 4");

/** chain_remove: the page is not mapped by that PTE. */
export const NOT_IN_CHAIN: usize = 1;

/** Bytes of an element: a cache line. */
@inline
export function pte_chain_size(): u32 {
  return offsetof<PteChain>() + <u32>NRPTE * 4;
}

/** Slots of an element. */
@inline
export function chain_slots(): usize {
  return NRPTE;
}

/** pte_chain_lock. */
@inline
export function pte_chain_lock(page: Page): void {
  if (!without(FIX_CHAINLOCK)) page_bit_lock(page_flags_addr(page));
}

/** pte_chain_unlock. */
@inline
export function pte_chain_unlock(page: Page): void {
  if (!without(FIX_CHAINLOCK)) page_bit_unlock(page_flags_addr(page));
}

/** Address of a slot of an element. */
@inline
export function chain_slot(element: usize, index: usize): usize {
  return element + offsetof<PteChain>() + index * 4;
}

/** The lowest slot of an element that is used. */
@inline
export function chain_index(element: usize): usize {
  return changetype<PteChain>(element).next_and_idx & NRPTE;
}

/** The element behind another one, or 0. */
@inline
export function chain_next(element: usize): usize {
  return changetype<PteChain>(element).next_and_idx & ~NRPTE;
}

/** A free element, or 0 when out of memory. */
export function pte_chain_alloc(gfp_mask: u32): usize {
  const cpu = this_cpu();
  const kept = cpu.local_pte_chain;
  if (kept == 0) return kmem_cache_alloc_gfp(CACHE_PTE_CHAIN, gfp_mask);
  cpu.local_pte_chain = 0;
  return kept;
}

/** Gives an element of zeros back; 0 is none. */
export function pte_chain_free(element: usize): void {
  if (element == 0) return;
  const cpu = this_cpu();
  const kept = cpu.local_pte_chain;
  cpu.local_pte_chain = element;
  if (kept != 0) kmem_cache_free(CACHE_PTE_CHAIN, kept);
}

/** Gives back the element that this CPU keeps. */
export function pte_chain_drain(): void {
  const cpu = this_cpu();
  const kept = cpu.local_pte_chain;
  cpu.local_pte_chain = 0;
  if (kept != 0) kmem_cache_free(CACHE_PTE_CHAIN, kept);
}

/** The second PTE of a page: both go into an element. */
function chain_begin(page: Page, ptep: usize, element: usize): void {
  store<usize>(chain_slot(element, NRPTE - 1), page.pte);
  store<usize>(chain_slot(element, NRPTE - 2), ptep);
  changetype<PteChain>(element).next_and_idx = NRPTE - 2;
  page_clear_flag(page, PG_direct);
  page.pte = element;
}

/** The PTE of a page that has none, or one more. Returns `spare`, or 0 when it was used. */
export function chain_add(page: Page, ptep: usize, spare: usize): usize {
  const head = page.pte;
  if (head == 0) {
    page.pte = ptep;
    page_set_flag(page, PG_direct);
    return spare;
  }
  if (page.flags & PG_direct) {
    chain_begin(page, ptep, spare);
    return 0;
  }
  if (load<usize>(chain_slot(head, 0)) != 0) {
    store<usize>(chain_slot(spare, NRPTE - 1), ptep);
    changetype<PteChain>(spare).next_and_idx = head | (NRPTE - 1);
    page.pte = spare;
    return 0;
  }
  changetype<PteChain>(head).next_and_idx--;
  store<usize>(chain_slot(head, chain_index(head)), ptep);
  return spare;
}

/** The head's lowest slot is free. Returns the head if it was the last one, and it is free too. */
export function head_shrink(page: Page, head: usize): usize {
  const index = chain_index(head);
  store<usize>(chain_slot(head, index), 0);
  if (index < NRPTE - 1) {
    changetype<PteChain>(head).next_and_idx++;
    return 0;
  }
  page.pte = chain_next(head);
  changetype<PteChain>(head).next_and_idx = 0;
  return head;
}

/** Takes a PTE out: the address of an element that is free now, or 0, or NOT_IN_CHAIN. */
export function chain_remove(page: Page, ptep: usize): usize {
  const head = page.pte;
  if (page.flags & PG_direct) {
    if (head != ptep) return NOT_IN_CHAIN;
    page.pte = 0;
    page_clear_flag(page, PG_direct);
    return 0;
  }
  for (let element = head; element != 0; element = chain_next(element)) {
    for (let index = chain_index(element); index < NRPTE; index++) {
      if (load<usize>(chain_slot(element, index)) != ptep) continue;
      store<usize>(chain_slot(element, index), load<usize>(chain_slot(head, chain_index(head))));
      return head_shrink(page, head);
    }
  }
  return NOT_IN_CHAIN;
}

/** PTEs in a chain. */
export function chain_length(page: Page): i32 {
  if (page.flags & PG_direct) return 1;
  let length: usize = 0;
  for (let element = page.pte; element != 0; element = chain_next(element)) {
    length += NRPTE - chain_index(element);
  }
  return <i32>length;
}

@inline
function is_stranger(page: Page, ptep: usize): bool {
  const pte = pte_read(ptep);
  return !pte_present(pte) || pte_pfn(pte) != page_to_pfn(page);
}

/** PTEs in a chain that do not map the page. */
export function chain_strangers(page: Page): i32 {
  if (page.flags & PG_direct) return is_stranger(page, page.pte) ? 1 : 0;
  let strangers = 0;
  for (let element = page.pte; element != 0; element = chain_next(element)) {
    for (let index = chain_index(element); index < NRPTE; index++) {
      if (is_stranger(page, load<usize>(chain_slot(element, index)))) strangers++;
    }
  }
  return strangers;
}

/** A chain of one PTE becomes direct again. Returns the element, which is free, or 0. */
function chain_collapse(page: Page): usize {
  const head = page.pte;
  if (chain_index(head) != NRPTE - 1 || chain_next(head) != 0) return 0;
  const last = chain_slot(head, NRPTE - 1);
  page.pte = load<usize>(last);
  page_set_flag(page, PG_direct);
  store<usize>(last, 0);
  changetype<PteChain>(head).next_and_idx = 0;
  return head;
}

/**
 * Takes the accessed bits of all PTEs away; returns how many there were. Without page_table_lock: a PTE
 * that is in the chain is not reused before it has been taken out. No TLB is flushed.
 */
export function chain_referenced(page: Page): u32 {
  if (page.pte == 0) return 0;
  if (page.flags & PG_direct) return ptep_clear_young(page.pte) ? 1 : 0;
  let referenced: u32 = 0;
  for (let element = page.pte; element != 0; element = chain_next(element)) {
    for (let index = chain_index(element); index < NRPTE; index++) {
      if (ptep_clear_young(load<usize>(chain_slot(element, index)))) referenced++;
    }
  }
  pte_chain_free(chain_collapse(page));
  return referenced;
}

/** The page of PTEs at `table` is that of `mm` for `address`. Linux: pgtable_add_rmap. */
export function pgtable_add_rmap(table: usize, mm: MmStruct, address: u64): void {
  const page = virt_to_page(table);
  page.mapping = changetype<usize>(mm);
  page.index = (address >> 21) << 21;
}

/** A page table is about to be freed. Linux: pgtable_remove_rmap. */
export function pgtable_remove_rmap(table: usize): void {
  virt_to_page(table).mapping = 0;
}

/** The mm that a PTE belongs to. */
export function ptep_to_mm(ptep: usize): MmStruct {
  return changetype<MmStruct>(virt_to_page(ptep).mapping);
}

/** The address that a PTE maps. */
export function ptep_to_address(ptep: usize): u64 {
  return virt_to_page(ptep).index + ((<u64>(ptep & PAGE_MASK)) << 9);
}
