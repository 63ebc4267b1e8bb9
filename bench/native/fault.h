// Page faults: from handle_mm_fault to the new PTE. Like assembly/mm/fault.ts and page_lock.ts.
// mmap_sem is held for reading; page_table_lock is dropped to allocate and copy, and then the PTE
// is compared.
// Left out: signals (an access that no VMA allows ends the twin), stacks that grow.

#ifndef TWIN_FAULT_H
#define TWIN_FAULT_H

#include "mapping.h"
#include "rmap.h"
#include "tlb.h"

#define PAGE_WAIT_QUEUES 256u

struct wait_queue {
  u32 lock;
  struct list_head head;
};
static struct wait_queue page_wait_table[PAGE_WAIT_QUEUES];

static ALWAYS_INLINE bool trylock_page(struct page *page) {
  return !atomic_test_and_set(&page->flags, PG_locked);
}

static ALWAYS_INLINE void unlock_page(struct page *page) {
  bug_on(!page_test_flag(page, PG_locked), "unlock of an unlocked page", page, page->flags);
  page_clear_flag(page, PG_locked);
  smp_mb();
  struct wait_queue *queue = &page_wait_table[(page_to_pfn(page) * 0x9e370001u) >> 24];
  if (unlikely(read_once(&queue->head.next) != REF(&queue->head))) lock_slow(queue);
}

// Writable and dirty, if the VMA may be written.
static ALWAYS_INLINE u64 mkwrite_dirty(const struct vm_area *vma, u64 pte) {
  const u64 dirty = pte | _PAGE_DIRTY | _PAGE_ACCESSED;
  return (vma->vm_flags & VM_WRITE) != 0 ? dirty | _PAGE_RW : dirty;
}

// First touch of an anonymous page: the zero page for a read, a page of its own for a write.
// Locked; unlocks.
static void
do_anonymous_page(struct mm *mm, struct vm_area *vma, u64 *ptep, u64 address, bool write) {
  if (!write) {
    set_pte(ptep, pfn_pte(boot.zero_pfn, vma->vm_page_prot & ~_PAGE_RW));
    spin_unlock(&mm->page_table_lock);
    return;
  }
  spin_unlock(&mm->page_table_lock);
  anon_vma_prepare(vma);
  struct page *page = alloc_page(GFP_HIGHUSER | GFP_ZERO);
  struct pte_chain *spare = rmap_spare();

  spin_lock(&mm->page_table_lock);
  if (pte_read(ptep) != 0) {
    spin_unlock(&mm->page_table_lock);
    put_page(page);
    rmap_spare_free(spare);
    return;
  }
  mm->rss++;
  lru_cache_add_active(page);
  mark_page_accessed(page);
  page_add_anon_rmap(page, vma, address, ptep, &spare);
  set_pte(ptep, mkwrite_dirty(vma, pfn_pte(page_to_pfn(page), vma->vm_page_prot)));
  spin_unlock(&mm->page_table_lock);
  rmap_spare_free(spare);
}

// The reuse rule of the time: nobody else holds a reference. The page lock is held.
static ALWAYS_INLINE bool can_share_page(const struct page *page) {
  return page_count(page) == 1 && !page_test_flag(page, PG_reserved);
}

// A page of its own with the content of `old`. No lock is held.
static struct page *cow_user_page(struct vm_area *vma, const struct page *old) {
  anon_vma_prepare(vma);
  const bool zero = page_to_pfn(old) == boot.zero_pfn;
  struct page *page = alloc_page(zero ? GFP_HIGHUSER | GFP_ZERO : GFP_HIGHUSER);
  if (!zero) memcpy(page_address(page), page_address(old), PAGE_SIZE);
  return page;
}

// Puts `page` where `old` was: takes the old PTE away and flushes, then writes the new one. Locked; the
// PTE was compared.
static ALWAYS_INLINE void wp_switch(
  struct mm *mm,
  struct vm_area *vma,
  u64 *ptep,
  u64 address,
  struct page *old,
  struct page *page,
  struct pte_chain **spare
) {
  if (page_test_flag(old, PG_reserved)) mm->rss++;
  else page_remove_rmap(old, ptep);
  ptep_get_and_clear(ptep);
  flush_tlb_page(mm, address);
  set_pte(ptep, mkwrite_dirty(vma, pfn_pte(page_to_pfn(page), vma->vm_page_prot)));
  lru_cache_add_active(page);
  page_add_anon_rmap(page, vma, address, ptep, spare);
}

// Write to a write-protected page. Locked; unlocks.
static void do_wp_page(struct mm *mm, struct vm_area *vma, u64 *ptep, u64 address, u64 pte) {
  struct page *old = pfn_to_page(pte_pfn(pte));
  if (trylock_page(old)) {
    const bool reuse = can_share_page(old);
    unlock_page(old);
    if (reuse) {
      ptep_set_bits(ptep, mkwrite_dirty(vma, 0));
      flush_tlb_page(mm, address);
      spin_unlock(&mm->page_table_lock);
      return;
    }
  }
  const bool counted = !page_test_flag(old, PG_reserved);
  if (counted) get_page(old);
  spin_unlock(&mm->page_table_lock);

  struct page *page = cow_user_page(vma, old);
  struct pte_chain *spare = rmap_spare();
  spin_lock(&mm->page_table_lock);
  const bool same = pte_read(ptep) == pte;
  if (same) wp_switch(mm, vma, ptep, address, old, page, &spare);
  spin_unlock(&mm->page_table_lock);
  rmap_spare_free(spare);
  // The PTE's own reference to the old page, or the new page that nobody needs; then ours.
  if (!same) put_page(page);
  else if (counted) put_page(old);
  if (counted) put_page(old);
}

// First touch of a page of a file mapping. Locked; unlocks.
static void do_no_page(struct mm *mm, struct vm_area *vma, u64 *ptep, u64 address, bool write) {
  if (vma->vm_file == 0) return do_anonymous_page(mm, vma, ptep, address, write);
  spin_unlock(&mm->page_table_lock);
  const bool early_cow = write && (vma->vm_flags & VM_SHARED) == 0;
  struct page *page = read_cache_page(inode_ref(vma->vm_file), linear_page_index(vma, address));
  mark_page_accessed(page);
  if (early_cow) {
    struct page *copy = cow_user_page(vma, page);
    put_page(page);
    page = copy;
  }
  struct pte_chain *spare = rmap_spare();
  spin_lock(&mm->page_table_lock);
  mm->rss++;
  const u64 pte = pfn_pte(page_to_pfn(page), vma->vm_page_prot);
  set_pte(ptep, write ? mkwrite_dirty(vma, pte) : pte);
  if (early_cow) {
    lru_cache_add_active(page);
    page_add_anon_rmap(page, vma, address, ptep, &spare);
  } else {
    page_add_file_rmap(page, ptep, &spare);
  }
  spin_unlock(&mm->page_table_lock);
  rmap_spare_free(spare);
}

// Resolves a fault at `address` of `vma`, which allows the access. mmap_sem is held for reading.
static void handle_mm_fault(struct mm *mm, struct vm_area *vma, u64 address, bool write) {
  spin_lock(&mm->page_table_lock);
  u64 *ptep = pte_offset(mm, address);
  if (ptep == NULL) ptep = pte_alloc_map(mm, address);
  const u64 pte = pte_read(ptep);
  if (!pte_present(pte)) return do_no_page(mm, vma, ptep, address, write);
  if (write && (pte & _PAGE_RW) == 0) return do_wp_page(mm, vma, ptep, address, pte);
  ptep_set_bits(ptep, write ? _PAGE_ACCESSED | _PAGE_DIRTY : _PAGE_ACCESSED);
  flush_tlb_page(mm, address);
  spin_unlock(&mm->page_table_lock);
}

#endif
