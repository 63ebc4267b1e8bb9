// mmu_gather: unmap now, flush once, free after the flush. Linux: include/asm-generic/tlb.h of
// 2.6.9.
//
// Each CPU has one gather, so the caller holds page_table_lock (and so runs on this CPU) from
// tlb_gather_mmu to tlb_finish_mmu. Frames and page tables collected here are freed only when no
// TLB can hold them. On a machine with one CPU they are freed at once ("fast mode"): nobody runs
// between the free and the flush.

import { BUG_GATHER_NESTED, bug_on } from "../arch/bug";
import { boot } from "../arch/boot_params";
import { FIX_FLUSH_BEFORE_FREE, without } from "../arch/fixes";
import { FREE_PTE_NR, PERCPU_GATHER, PerCpu, this_cpu, this_cpu_base } from "../arch/percpu";
import { flush_tlb_mm } from "./tlb_flush";
import { lru_add_drain } from "./lru";
import { MmStruct } from "./mm_types";
import { PG_swapcache, PG_table, Page, page_clear_flag } from "./page";
import { put_page, release_pages } from "./put_page";
import { free_swap_cache, swap_cache_is_used } from "./swap_state";

/** gather_nr in fast mode. */
const FAST_MODE: u32 = 0xffffffff;

/** Starts to unmap from `mm`; `fullmm` when the whole address space goes. */
export function tlb_gather_mmu(mm: MmStruct, fullmm: bool): void {
  const cpu = this_cpu();
  bug_on(cpu.gather_mm != 0, BUG_GATHER_NESTED, cpu.gather_mm);
  cpu.gather_mm = changetype<usize>(mm);
  cpu.gather_nr = boot().nr_cpus > 1 ? 0 : FAST_MODE;
  cpu.gather_freed = 0;
  cpu.gather_need_flush = 0;
  cpu.gather_fullmm = fullmm;
}

/** Those of the collected pages that only the swap cache wants besides leave it. Linux: free_pages_and_swap_cache. */
function free_swap_cached(nr: u32): void {
  // A pagevec has references, too.
  lru_add_drain();
  for (let i: u32 = 0; i < nr; i++) {
    const page = changetype<Page>(load<usize>(this_cpu_base() + PERCPU_GATHER + i * 4));
    if (page.flags & PG_swapcache) free_swap_cache(page);
  }
}

/** Drops the references that were collected. In fast mode there are none. */
function free_gathered(cpu: PerCpu): void {
  const nr = cpu.gather_nr;
  if (nr == FAST_MODE) return;
  cpu.gather_nr = 0;
  if (swap_cache_is_used()) free_swap_cached(nr);
  release_pages(this_cpu_base() + PERCPU_GATHER, nr);
}

/** Flushes the TLBs, then frees what was collected. */
export function tlb_flush_mmu(cpu: PerCpu): void {
  if (!cpu.gather_need_flush) return;
  cpu.gather_need_flush = 0;
  if (without(FIX_FLUSH_BEFORE_FREE)) free_gathered(cpu);
  flush_tlb_mm(changetype<MmStruct>(cpu.gather_mm));
  free_gathered(cpu);
}

/** A PTE was cleared: its reference to `page` is dropped after the flush. */
@inline
export function tlb_remove_page(page: Page): void {
  const cpu = this_cpu();
  const nr = cpu.gather_nr;
  cpu.gather_need_flush = 1;
  if (nr == FAST_MODE) {
    if (page.flags & PG_swapcache) free_swap_cache(page);
    put_page(page);
    return;
  }
  store<usize>(this_cpu_base() + PERCPU_GATHER + nr * 4, changetype<usize>(page));
  cpu.gather_nr = nr + 1;
  if (nr + 1 >= FREE_PTE_NR) tlb_flush_mmu(cpu);
}

/** The PTE was cleared of a page that is not counted: only the flush is owed. */
@inline
export function tlb_remove_entry(): void {
  this_cpu().gather_need_flush = 1;
}

/** A page table was unlinked: its frame is freed after the flush, since a walker may be in it. */
export function tlb_remove_table(page: Page): void {
  page_clear_flag(page, PG_table);
  tlb_remove_page(page);
}

/** Flushes, frees, and takes the cleared PTEs off mm.rss. */
export function tlb_finish_mmu(): void {
  const cpu = this_cpu();
  const mm = changetype<MmStruct>(cpu.gather_mm);
  const freed = <i32>cpu.gather_freed;
  mm.rss -= mm.rss < freed ? mm.rss : freed;
  tlb_flush_mmu(cpu);
  cpu.gather_mm = 0;
}
