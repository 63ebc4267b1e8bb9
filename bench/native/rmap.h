// The reverse maps that the benchmarks compare: who maps a page. Like assembly/rmap/. One of them
// is compiled: RMAP 1 is 2.6.8, a plain mapcount under a bit lock of the page, and anonmm, which
// counts alike; RMAP 2 is 2.6.9, an atomic mapcount from -1; RMAP 3 is 2.6.6, chains of PTEs.
//
// A chain may need an element more, the spare: NULL where it was used; the others leave it alone.
// page_table_lock of the PTE's mm is held by every caller; reserved pages are not counted.

#ifndef TWIN_RMAP_H
#define TWIN_RMAP_H

#include "pte_chain.h"

#if RMAP == RMAP_PTE_CHAIN

static void page_add_anon_rmap(
  struct page *page, const struct vm_area *vma, u64 address, u64 *ptep, struct pte_chain **spare
) {
  (void)vma;
  (void)address;
  *spare = page_add_rmap(page, ptep, *spare);
}

static void page_add_file_rmap(struct page *page, u64 *ptep, struct pte_chain **spare) {
  *spare = page_add_rmap(page, ptep, *spare);
}

static ALWAYS_INLINE void page_dup_rmap(struct page *page, u64 *ptep, struct pte_chain **spare) {
  *spare = page_add_rmap(page, ptep, *spare);
}

static ALWAYS_INLINE void page_remove_rmap(struct page *page, u64 *ptep) {
  chained_remove_rmap(page, ptep);
}

static ALWAYS_INLINE i32 page_mapcount(const struct page *page) {
  return chain_length(page);
}

static ALWAYS_INLINE bool PageAnon(const struct page *page) {
  return (page->flags & PG_anon) != 0;
}

#elif RMAP == RMAP_PAGE_MAP_LOCK

static ALWAYS_INLINE void page_map_lock(struct page *page) {
  bit_spin_lock(PG_maplock, &page->flags);
}

static ALWAYS_INLINE void page_map_unlock(struct page *page) {
  bit_spin_unlock(PG_maplock, &page->flags);
}

// Counts a PTE that maps an anonymous page; the first one says where to find the others.
static void page_add_anon_rmap(
  struct page *page, const struct vm_area *vma, u64 address, u64 *ptep, struct pte_chain **spare
) {
  (void)ptep;
  (void)spare;
  const u64 index = linear_page_index(vma, address);
  page_map_lock(page);
  if (page->_mapcount == 0) {
    bug_on(
      (page->flags & PG_anon) != 0 || page->mapping != 0,
      "rmap mismatch of a new page",
      page,
      page->flags
    );
    page_set_flag(page, PG_anon);
    page->index = index;
    page->mapping = vma->anon_vma;
    this_cpu()->nr_mapped++;
  } else {
    const bool same =
      (page->flags & PG_anon) != 0 && page->index == index && page->mapping == vma->anon_vma;
    bug_on(!same, "rmap mismatch", page, page->flags);
  }
  page->_mapcount++;
  page_map_unlock(page);
}

// Counts a PTE that maps a page of the page cache.
static void page_add_file_rmap(struct page *page, u64 *ptep, struct pte_chain **spare) {
  (void)ptep;
  (void)spare;
  if (page->flags & PG_reserved) return;
  page_map_lock(page);
  if (page->_mapcount == 0) this_cpu()->nr_mapped++;
  page->_mapcount++;
  page_map_unlock(page);
}

// Fork: one PTE more of a page that the parent maps.
static ALWAYS_INLINE void page_dup_rmap(struct page *page, u64 *ptep, struct pte_chain **spare) {
  (void)ptep;
  (void)spare;
  page_map_lock(page);
  page->_mapcount++;
  page_map_unlock(page);
}

// Counts one PTE less; the last one clears the anonymous mapping.
static ALWAYS_INLINE void page_remove_rmap(struct page *page, u64 *ptep) {
  (void)ptep;
  page_map_lock(page);
  bug_on(page->_mapcount <= 0, "mapcount underflow", page, (u32)page->_mapcount);
  page->_mapcount--;
  if (page->_mapcount == 0) {
    if (page->flags & PG_anon) {
      page->mapping = 0;
      page_clear_flag(page, PG_anon);
    }
    this_cpu()->nr_mapped--;
  }
  page_map_unlock(page);
}

static ALWAYS_INLINE i32 page_mapcount(const struct page *page) {
  return page->_mapcount;
}

static ALWAYS_INLINE bool PageAnon(const struct page *page) {
  return (page->flags & PG_anon) != 0;
}

#else

static void page_add_anon_rmap(
  struct page *page, const struct vm_area *vma, u64 address, u64 *ptep, struct pte_chain **spare
) {
  (void)ptep;
  (void)spare;
  const u32 mapping = vma->anon_vma + PAGE_MAPPING_ANON;
  const u64 index = linear_page_index(vma, address);
  if (atomic_inc_and_test(&page->_mapcount)) {
    page->index = index;
    write_once(&page->mapping, mapping);
    this_cpu()->nr_mapped++;
  }
}

static void page_add_file_rmap(struct page *page, u64 *ptep, struct pte_chain **spare) {
  (void)ptep;
  (void)spare;
  if (page->flags & PG_reserved) return;
  if (atomic_inc_and_test(&page->_mapcount)) this_cpu()->nr_mapped++;
}

static ALWAYS_INLINE void page_dup_rmap(struct page *page, u64 *ptep, struct pte_chain **spare) {
  (void)ptep;
  (void)spare;
  atomic_inc(&page->_mapcount);
}

static ALWAYS_INLINE void page_remove_rmap(struct page *page, u64 *ptep) {
  (void)ptep;
  if (atomic_dec_negative(&page->_mapcount)) {
    const i32 count = read_once(&page->_mapcount);
    bug_on(count < -1, "mapcount underflow", page, (u32)count);
    this_cpu()->nr_mapped--;
  }
}

static ALWAYS_INLINE i32 page_mapcount(const struct page *page) {
  return read_once(&page->_mapcount) + 1;
}

// Stays true after the last unmap until the page is freed.
static ALWAYS_INLINE bool PageAnon(const struct page *page) {
  return (read_once(&page->mapping) & PAGE_MAPPING_ANON) != 0;
}

#endif

#endif
