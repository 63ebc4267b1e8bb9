// The "hardware" walker: turns a virtual address of the running program into the address of the
// byte. TLB first, then the four levels, then a page fault. The walker takes no lock and sets A and
// D with a compare-and-exchange of the PTE it has read, as x86 does: if the PTE changed meanwhile
// it walks again. A TLB entry with D set never looks at the PTE. Left out: large pages, the NX
// check (nothing is executed), the split of accesses at a page boundary is the caller's.

import { atomic_cmpxchg } from "./atomic";
import { boot } from "./boot_params";
import { no_locks_held } from "./held_locks";
import { this_cpu } from "./percpu";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_PRESENT,
  _PAGE_RW,
  pte_pfn,
  pte_read,
} from "./pte";
import { tlb_fill, tlb_lookup, tlb_pte } from "./tlb";
import { MmStruct } from "../mm/mm_types";
import { is_killed } from "../mm/oom_kill";
import { SIGKILL, SIGSEGV, do_page_fault, raise_signal } from "../mm/page_fault";
import { TASK_SIZE, pte_offset } from "../mm/pgtable";
import { take_interrupts, take_interrupts_of_fault } from "../sched/idle";

/** translate: the access raised a signal, noted in the per-CPU area. */
export const TRANSLATE_FAULT: usize = 0xffffffff;
/** translate: the frame has no content (highmem). */
export const TRANSLATE_NO_CONTENT: usize = 0;

/** Address of the byte that a PTE and an offset name, or TRANSLATE_NO_CONTENT. */
@inline
function frame_byte(pte: u64, address: u64): usize {
  const pfn = pte_pfn(pte);
  if (pfn >= boot().lowmem_pfns) return TRANSLATE_NO_CONTENT;
  return ((<usize>pfn) << 12) | (<usize>address & 4095);
}

/** Walks, sets A (and D), fills the TLB. The PTE, or 0 when a fault must be taken. */
function walk(address: u64, write: bool): u64 {
  const cpu = this_cpu();
  const mm = changetype<MmStruct>(cpu.active_mm);
  const needed = write ? _PAGE_PRESENT | _PAGE_RW : _PAGE_PRESENT;
  const marks = write ? _PAGE_ACCESSED | _PAGE_DIRTY : _PAGE_ACCESSED;
  cpu.tlb_misses++;
  while (true) {
    const ptep = pte_offset(mm, address);
    if (ptep == 0) return 0;
    const pte = pte_read(ptep);
    if ((pte & needed) != needed) return 0;
    const marked = pte | marks;
    if (marked != pte && atomic_cmpxchg<u64>(ptep, pte, marked) != pte) continue;
    tlb_fill(address, marked);
    return marked;
  }
}

function translate_slow(address: u64, write: bool): usize {
  if (address >= TASK_SIZE) {
    raise_signal(SIGSEGV, address, write);
    return TRANSLATE_FAULT;
  }
  while (true) {
    take_interrupts_of_fault();
    if (is_killed(changetype<MmStruct>(this_cpu().active_mm))) {
      raise_signal(SIGKILL, address, write);
      return TRANSLATE_FAULT;
    }
    const pte = walk(address, write);
    if (pte != 0) return frame_byte(pte, address);
    if (!do_page_fault(address, write)) return TRANSLATE_FAULT;
  }
}

/**
 * translate for a page that is in the TLB, taking no interrupt; TRANSLATE_FAULT when it is not
 * there.
 */
@inline
export function translate_cached(address: u64, write: bool): usize {
  const entry = tlb_lookup(address);
  if (entry == 0) return TRANSLATE_FAULT;
  const pte = tlb_pte(entry);
  if (write && (pte & (_PAGE_RW | _PAGE_DIRTY)) != (_PAGE_RW | _PAGE_DIRTY)) return TRANSLATE_FAULT;
  return frame_byte(pte, address);
}

/**
 * Address of the byte at virtual `address`, after whatever faults that takes; or one of
 * TRANSLATE_*.
 */
@inline
export function translate(address: u64, write: bool): usize {
  begin_access();
  return translate_more(address, write);
}

/** What comes before the first address of an instruction: a program runs, so no lock is held; interrupts are taken. */
@inline
export function begin_access(): void {
  no_locks_held();
  take_interrupts();
}

/** translate behind begin_access(): kswapd does not run between the addresses of one instruction. */
@inline
export function translate_more(address: u64, write: bool): usize {
  const at = translate_cached(address, write);
  return at == TRANSLATE_FAULT ? translate_slow(address, write) : at;
}
