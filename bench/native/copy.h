// Fork's walk: copies the PTEs of a VMA from parent to child. Like assembly/mm/copy.ts: mmap_sem of
// the parent is held for writing, the child's page_table_lock by the caller, the parent's inside
// it, once for each table of PTEs.

#ifndef TWIN_COPY_H
#define TWIN_COPY_H

#include "rmap.h"
#include "tlb.h"

static ALWAYS_INLINE void
copy_one_pte(struct mm *mm, u64 *dst, u64 *src, u64 pte, bool cow, u64 keep, struct pte_chain **spare) {
  const u32 pfn = pte_pfn(pte);
  struct page *page = pfn_to_page(pfn);
  if (pfn >= boot.max_mapnr || page_test_flag(page, PG_reserved)) {
    set_pte(dst, pte);
    return;
  }
  if (cow) {
    ptep_set_wrprotect(src);
    pte = pte_read(src);
  }
  pte &= keep;
  get_page(page);
  mm->rss++;
  set_pte(dst, pte);
  page_dup_rmap(page, dst, spare);
}

// Copies `count` PTEs of one table. Both page_table_locks are held.
static NOINLINE void copy_pte_range(struct mm *mm, u64 *dst, u64 *src, u32 count, u32 vm_flags) {
  const bool cow = is_cow_mapping(vm_flags);
  const u64 keep = (vm_flags & VM_SHARED) != 0 ? ~(_PAGE_ACCESSED | _PAGE_DIRTY) : ~_PAGE_ACCESSED;
  struct pte_chain *spare = RMAP == RMAP_PTE_CHAIN ? pte_chain_alloc() : NULL;
  for (u64 *end = src + count; src < end; src++, dst++) {
    const u64 pte = pte_read(src);
    if (pte == 0) continue;
    if (pte_present(pte)) copy_one_pte(mm, dst, src, pte, cow, keep, &spare);
    else set_pte(dst, pte);
    if (RMAP == RMAP_PTE_CHAIN && spare == NULL) spare = pte_chain_alloc();
  }
  if (RMAP == RMAP_PTE_CHAIN) pte_chain_free(spare);
}

// Copies the PTEs of `vma`, a VMA of `src_mm`, into `dst_mm`.
static void copy_page_range(struct mm *dst_mm, struct mm *src_mm, const struct vm_area *vma) {
  const u64 end = vma->vm_end;
  u64 address = vma->vm_start;
  while (true) {
    address = next_pte_table(src_mm, address, end);
    if (address >= end) return;
    u64 *dst = pte_alloc_map(dst_mm, address);
    const u64 next = addr_end(address, end, PMD_SHIFT);
    spin_lock(&src_mm->page_table_lock);
    u64 *src = pte_offset(src_mm, address);
    copy_pte_range(dst_mm, dst, src, (u32)((next - address) >> PAGE_SHIFT), vma->vm_flags);
    spin_unlock(&src_mm->page_table_lock);
    address = next;
  }
}

#endif
