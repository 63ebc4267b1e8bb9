// From an anonymous page to the PTEs that map it: page_referenced and try_to_unmap. Like assembly/rmap/referenced.ts,
// unmap.ts, rmap_walk.ts and check_address.ts, for RMAP 1 (2.6.8) and RMAP 2 (2.6.9).
//
// 2.6.8 walks under PG_maplock and tries page_table_lock; 2.6.9 locks the anon_vma in a read section of RCU, which is no
// code, and waits for page_table_lock. Of swap there is what the walk needs: a count for each slot under a lock.
// Left out: pages of files, MMU notifiers, waiting.

#ifndef TWIN_RMAP_WALK_H
#define TWIN_RMAP_WALK_H

#include "process.h"

#define PG_swapcache (1u << 16)
#define MAX_SWAP_SLOTS 8192u
#define SWAP_MAP_MAX 0x7fffu

static struct {
  u32 lock;
  u32 max;
  u16 map[MAX_SWAP_SLOTS];
} swap_area = { 0, MAX_SWAP_SLOTS, { 0 } };
static u32 ptemissed, pteunmap;

static ALWAYS_INLINE u64 swp_entry_to_pte(u32 entry) {
  return (u64)entry << PAGE_SHIFT;
}

static void swap_duplicate(u32 entry) {
  spin_lock(&swap_area.lock);
  bug_on(entry == 0 || entry >= swap_area.max, "no such slot", entry, 0);
  const u16 count = read_once(&swap_area.map[entry]);
  bug_on(count == 0 || count >= SWAP_MAP_MAX, "wrong count of a slot", entry, count);
  write_once(&swap_area.map[entry], (u16)(count + 1));
  spin_unlock(&swap_area.lock);
}

static ALWAYS_INLINE bool page_test_and_clear_flag(struct page *page, u32 mask) {
  return (__atomic_fetch_and(&page->flags, ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static ALWAYS_INLINE bool lock_or_try_ptl(u32 *lock) {
  if (RMAP == RMAP_PAGE_MAP_LOCK) return atomic_cmpxchg32(lock, 0, 1);
  spin_lock(lock);
  return true;
}

static ALWAYS_INLINE u64 vma_address(const struct page *page, const struct vm_area *vma) {
  return vma->vm_start + ((page->index - vma->vm_pgoff) << PAGE_SHIFT);
}

// PTE_BUSY: page_table_lock was busy.
#define PTE_BUSY ((u64 *)1)

// The PTE by which `vma` maps the page, with page_table_lock held; or NULL.
static ALWAYS_INLINE u64 *page_check_address(const struct page *page, const struct vm_area *vma) {
  const u64 address = vma_address(page, vma);
  if (address < vma->vm_start || address >= vma->vm_end) return NULL;
  struct mm *mm = mm_ref(vma->vm_mm);
  if (!lock_or_try_ptl(&mm->page_table_lock)) return PTE_BUSY;
  u64 *ptep = pte_offset(mm, address);
  const u64 pte = ptep == NULL ? 0 : pte_read(ptep);
  if (pte_present(pte) && pte_pfn(pte) == page_to_pfn(page)) return ptep;
  spin_unlock(&mm->page_table_lock);
  return NULL;
}

static ALWAYS_INLINE bool ptep_clear_young(u64 *ptep) {
  if ((pte_read(ptep) & _PAGE_ACCESSED) == 0) return false;
  return (__atomic_fetch_and(ptep, ~_PAGE_ACCESSED, __ATOMIC_SEQ_CST) & _PAGE_ACCESSED) != 0;
}

// The VMA of a node of an anon_vma's list.
static ALWAYS_INLINE struct vm_area *anon_node_vma(u32 node) {
  return CONTAINER(struct vm_area, anon_vma_node, DEREF(struct list_head, node));
}

// Young PTEs of the VMAs on the list, whose lock is held.
static u32 referenced_by_list(const struct page *page, const struct anon_vma *anon_vma) {
  i32 left = page_mapcount(page);
  u32 referenced = 0;
  for (u32 node = anon_vma->head.next; node != REF(&anon_vma->head) && left > 0;) {
    const struct vm_area *vma = anon_node_vma(node);
    node = vma->anon_vma_node.next;
    u64 *ptep = page_check_address(page, vma);
    if (ptep == NULL || ptep == PTE_BUSY) continue;
    struct mm *mm = mm_ref(vma->vm_mm);
    if (ptep_clear_young(ptep)) {
      flush_tlb_page(mm, vma_address(page, vma));
      referenced++;
    }
    spin_unlock(&mm->page_table_lock);
    left--;
  }
  return referenced;
}

// Somebody other than PTEs, the swap cache and reclaim has a reference.
static ALWAYS_INLINE bool is_held(const struct page *page) {
  return page_test_flag(page, PG_swapcache) && page_count(page) != page_mapcount(page) + 2;
}

// One PTE less. 2.6.8: PG_maplock is held.
static ALWAYS_INLINE void remove_rmap(struct page *page, u64 *ptep) {
#if RMAP == RMAP_PAGE_MAP_LOCK
  (void)ptep;
  page->_mapcount--;
#else
  page_remove_rmap(page, ptep);
#endif
}

// Takes the PTE of each VMA away. True if the page is to be left alone.
static bool unmap_list(struct page *page, const struct anon_vma *anon_vma) {
  for (u32 node = anon_vma->head.next; node != REF(&anon_vma->head);) {
    const struct vm_area *vma = anon_node_vma(node);
    node = vma->anon_vma_node.next;
    u64 *ptep = page_check_address(page, vma);
    if (ptep == PTE_BUSY) ptemissed++;
    if (ptep == NULL || ptep == PTE_BUSY) continue;
    struct mm *mm = mm_ref(vma->vm_mm);
    const u64 address = vma_address(page, vma);
    if (ptep_clear_young(ptep) || is_held(page)) {
      spin_unlock(&mm->page_table_lock);
      return true;
    }
    const u64 pte = ptep_get_and_clear(ptep);
    flush_tlb_page(mm, address);
    if ((pte & _PAGE_DIRTY) != 0) page_set_flag(page, PG_dirty);
    bug_on(!page_test_flag(page, PG_swapcache), "a page without a slot", page, page->flags);
    swap_duplicate(page->private_);
    set_pte(ptep, swp_entry_to_pte(page->private_));
    mm->rss--;
    pteunmap++;
    remove_rmap(page, ptep);
    bug_on(put_page_testzero(page), "the last reference of a page that is walked", page, 0);
    const bool last = page_mapcount(page) <= 0;
    spin_unlock(&mm->page_table_lock);
    if (last) return false;
  }
  return false;
}

#if RMAP == RMAP_ATOMIC_MAPCOUNT
// Locks the anon_vma of a page that nobody keeps mapped; NULL if it is not mapped.
static struct anon_vma *page_lock_anon_vma(struct page *page) {
  const u32 mapping = read_once(&page->mapping);
  if ((mapping & PAGE_MAPPING_ANON) == 0 || page_mapcount(page) <= 0) return NULL;
  struct anon_vma *anon_vma = anon_vma_ref(mapping - PAGE_MAPPING_ANON);
  spin_lock(&anon_vma->lock);
  return anon_vma;
}
#endif

// How many have used the page since somebody asked last.
static NOINLINE u32 page_referenced(struct page *page) {
  u32 referenced = page_test_and_clear_flag(page, PG_referenced) ? 1 : 0;
#if RMAP == RMAP_ATOMIC_MAPCOUNT
  if (page_mapcount(page) <= 0 || read_once(&page->mapping) == 0) return referenced;
  struct anon_vma *anon_vma = page_lock_anon_vma(page);
  if (anon_vma == NULL) return referenced;
  referenced += referenced_by_list(page, anon_vma);
  spin_unlock(&anon_vma->lock);
#elif RMAP == RMAP_PAGE_MAP_LOCK
  page_map_lock(page);
  if (page->_mapcount != 0 && page->mapping != 0) {
    struct anon_vma *anon_vma = anon_vma_ref(page->mapping);
    spin_lock(&anon_vma->lock);
    referenced += referenced_by_list(page, anon_vma);
    spin_unlock(&anon_vma->lock);
  }
  page_map_unlock(page);
#endif
  return referenced;
}

// Takes a page of the swap cache away from all who map it: true if nobody maps it any more.
static NOINLINE bool try_to_unmap(struct page *page) {
#if RMAP == RMAP_ATOMIC_MAPCOUNT
  struct anon_vma *anon_vma = page_lock_anon_vma(page);
  if (anon_vma == NULL) return false;
  const bool failed = unmap_list(page, anon_vma);
  spin_unlock(&anon_vma->lock);
#elif RMAP == RMAP_PAGE_MAP_LOCK
  bool failed = false;
  page_map_lock(page);
  if (page->_mapcount != 0) {
    struct anon_vma *anon_vma = anon_vma_ref(page->mapping);
    spin_lock(&anon_vma->lock);
    failed = unmap_list(page, anon_vma);
    spin_unlock(&anon_vma->lock);
    if (page->_mapcount == 0) {
      page->mapping = 0;
      page_clear_flag(page, PG_anon);
      this_cpu()->nr_mapped--;
    }
  }
  page_map_unlock(page);
#else
  const bool failed = true;
#endif
  return !failed && page_mapcount(page) <= 0;
}

#endif
