// Unmapping: the gather that frees after the flush, the walk that clears PTEs, the freeing of page
// tables. Like assembly/mm/tlb_gather.ts and zap.ts. page_table_lock is held from tlb_gather_mmu to
// tlb_finish_mmu.

#ifndef TWIN_ZAP_H
#define TWIN_ZAP_H

#include "rmap.h"
#include "tlb.h"

// gather_nr of a machine with one CPU: frames are freed at once.
#define FAST_MODE 0xffffffffu

static void tlb_gather_mmu(struct mm *mm, bool fullmm) {
  struct percpu *cpu = this_cpu();
  bug_on(cpu->gather_mm != 0, "nested gather", mm, cpu->gather_mm);
  cpu->gather_mm = REF(mm);
  cpu->gather_nr = boot.nr_cpus > 1 ? 0 : FAST_MODE;
  cpu->gather_freed = 0;
  cpu->gather_need_flush = 0;
  cpu->gather_fullmm = fullmm;
}

// Flushes the TLBs, then frees what was collected.
static NOINLINE void tlb_flush_mmu(struct percpu *cpu) {
  if (!cpu->gather_need_flush) return;
  cpu->gather_need_flush = 0;
  flush_tlb_mm(mm_ref(cpu->gather_mm));
  if (cpu->gather_nr == FAST_MODE) return;
  const u32 nr = cpu->gather_nr;
  cpu->gather_nr = 0;
  for (u32 i = 0; i < nr; i++) put_page(DEREF(struct page, cpu->gather[i]));
}

// A PTE was cleared: its reference to `page` is dropped after the flush.
static ALWAYS_INLINE void tlb_remove_page(struct page *page) {
  struct percpu *cpu = this_cpu();
  cpu->gather_need_flush = 1;
  if (cpu->gather_nr == FAST_MODE) {
    put_page(page);
    return;
  }
  cpu->gather[cpu->gather_nr] = REF(page);
  if (++cpu->gather_nr >= FREE_PTE_NR) tlb_flush_mmu(cpu);
}

// Flushes, frees, and takes the cleared PTEs off mm->rss.
static void tlb_finish_mmu(void) {
  struct percpu *cpu = this_cpu();
  struct mm *mm = mm_ref(cpu->gather_mm);
  const i32 freed = (i32)cpu->gather_freed;
  mm->rss -= mm->rss < freed ? mm->rss : freed;
  tlb_flush_mmu(cpu);
  cpu->gather_mm = 0;
}

// Clears `count` PTEs from `ptep` on.
static NOINLINE void zap_pte_range(u64 *ptep, u32 count) {
  for (u64 *end = ptep + count; ptep < end; ptep++) {
    if (pte_read(ptep) == 0) continue;
    const u64 pte = ptep_get_and_clear(ptep);
    bug_on(!pte_present(pte), "a PTE that maps nothing", ptep, (u32)pte);
    const u32 pfn = pte_pfn(pte);
    struct page *page = pfn_to_page(pfn);
    if (pfn >= boot.max_mapnr || page_test_flag(page, PG_reserved)) {
      this_cpu()->gather_need_flush = 1;
      continue;
    }
    if ((pte & _PAGE_DIRTY) != 0 && !page_test_flag(page, PG_dirty)) page_set_flag(page, PG_dirty);
    if ((pte & _PAGE_ACCESSED) != 0 && !PageAnon(page)) mark_page_accessed(page);
    this_cpu()->gather_freed++;
    page_remove_rmap(page, ptep);
    tlb_remove_page(page);
  }
}

// Clears the PTEs of [address, end).
static void unmap_page_range(struct mm *mm, u64 address, u64 end) {
  while (true) {
    address = next_pte_table(mm, address, end);
    if (address >= end) return;
    const u64 next = addr_end(address, end, PMD_SHIFT);
    zap_pte_range(pte_offset(mm, address), (u32)((next - address) >> PAGE_SHIFT));
    address = next;
  }
}

static void free_table_below(struct mm *mm, u64 *entry) {
  struct page *page = virt_to_page(table_below(entry));
  set_pte(entry, 0);
  mm->nr_tables--;
  page_clear_flag(page, PG_table);
  tlb_remove_page(page);
}

// True if the entry of a level that holds `address` lies in [floor, ceiling) as a whole.
static ALWAYS_INLINE bool entry_within(u64 address, u64 floor, u64 ceiling, u32 shift) {
  const u64 start = (address >> shift) << shift;
  return start >= floor && start + ((u64)1 << shift) <= ceiling;
}

static void
free_pmd_range(struct mm *mm, u64 *pmd_table, u64 address, u64 end, u64 floor, u64 ceiling) {
  while (address < end) {
    u64 *entry = table_entry(pmd_table, address, PMD_SHIFT);
    const bool within = entry_within(address, floor, ceiling, PMD_SHIFT);
    if (within && table_below(entry) != NULL) free_table_below(mm, entry);
    address = addr_end(address, end, PMD_SHIFT);
  }
}

static void
free_pud_range(struct mm *mm, u64 *pud_table, u64 address, u64 end, u64 floor, u64 ceiling) {
  while (address < end) {
    u64 *entry = table_entry(pud_table, address, PUD_SHIFT);
    const u64 next = addr_end(address, end, PUD_SHIFT);
    u64 *pmd_table = table_below(entry);
    if (pmd_table != NULL) {
      free_pmd_range(mm, pmd_table, address, next, floor, ceiling);
      if (entry_within(address, floor, ceiling, PUD_SHIFT)) free_table_below(mm, entry);
    }
    address = next;
  }
}

// Frees the tables of [address, end) that no VMA can need: the neighbours end at `floor` and begin
// at `ceiling`.
static void free_pgtables(struct mm *mm, u64 address, u64 end, u64 floor, u64 ceiling) {
  while (address < end) {
    u64 *entry = table_entry(DEREF(u64, mm->pgd), address, PGD_SHIFT);
    const u64 next = addr_end(address, end, PGD_SHIFT);
    u64 *pud_table = table_below(entry);
    if (pud_table != NULL) {
      free_pud_range(mm, pud_table, address, next, floor, ceiling);
      if (entry_within(address, floor, ceiling, PGD_SHIFT)) free_table_below(mm, entry);
    }
    address = next;
  }
}

// Clears the PTEs of [start, end) and frees the tables between `floor` and `ceiling`: munmap.
static void unmap_region(struct mm *mm, u64 start, u64 end, u64 floor, u64 ceiling) {
  spin_lock(&mm->page_table_lock);
  tlb_gather_mmu(mm, false);
  unmap_page_range(mm, start, end);
  free_pgtables(mm, start, end, floor, ceiling);
  tlb_finish_mmu();
  spin_unlock(&mm->page_table_lock);
}

#endif
