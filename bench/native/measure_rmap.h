// What `referenced` and `unmap` measure: pages that M address spaces map, so many pages that there are some 4096 PTEs.

#ifndef TWIN_MEASURE_RMAP_H
#define TWIN_MEASURE_RMAP_H

#include "measure.h"
#include "rmap_walk.h"

#define MAX_MAPPERS 1000u
#define WALK_PTES 4096u

// The address spaces, the first of which is the process, and the pages that all of them map.
struct sharers {
  u32 nr;
  u32 pages;
  struct mm *mms[MAX_MAPPERS];
  struct page *page[WALK_PTES];
};
static struct sharers sharers;

static ALWAYS_INLINE u64 shared_address(u32 index) {
  return BIG_START + ((u64)index << PAGE_SHIFT);
}

// Maps page `index` in all address spaces again, as it was: not young.
static void remap(u32 index) {
  struct page *page = sharers.page[index];
  const u64 address = shared_address(index);
  struct pte_chain *spare = NULL;
  for (u32 i = 0; i < sharers.nr; i++) {
    struct mm *mm = sharers.mms[i];
    const struct vm_area *vma = find_vma(mm, address);
    u64 *ptep = pte_offset(mm, address);
    bug_on(*ptep != swp_entry_to_pte(page->private_), "a PTE names another slot", ptep, index);
    swap_area.map[page->private_]--;
    get_page(page);
    mm->rss++;
    set_pte(ptep, pfn_pte(page_to_pfn(page), vma->vm_page_prot & ~_PAGE_ACCESSED));
    page_add_anon_rmap(page, vma, address, ptep, &spare);
  }
  bug_on(swap_area.map[page->private_] != 1, "a slot has users", page, swap_area.map[page->private_]);
}

static void sharers_create(u32 mappers) {
  sharers.nr = mappers;
  sharers.pages = (WALK_PTES + mappers - 1) / mappers;
  sharers.mms[0] = task_mm(process_create(one_region_layout(sharers.pages)));
  for (u32 i = 1; i < mappers; i++) sharers.mms[i] = dup_mm(sharers.mms[0]);
  for (u32 i = 0; i < sharers.pages; i++) {
    struct page *page = pfn_to_page(pte_pfn(*pte_offset(sharers.mms[0], shared_address(i))));
    sharers.page[i] = page;
    page->private_ = i + 1;
    swap_area.map[i + 1] = 1;
    // Of the swap cache and of who walks.
    get_page(page);
    get_page(page);
    page_set_flag(page, PG_swapcache);
    page_referenced(page);
  }
}

static void sharers_end(void) {
  for (u32 i = 0; i < sharers.pages; i++) {
    struct page *page = sharers.page[i];
    page_clear_flag(page, PG_swapcache | PG_dirty);
    page->private_ = 0;
    swap_area.map[i + 1] = 0;
    put_page(page);
    put_page(page);
  }
  check_mm(sharers.mms[0], (i32)sharers.nr);
  for (u32 i = 1; i < sharers.nr; i++) exit_mm(sharers.mms[i]);
  check_mm(sharers.mms[0], 1);
  do_exit();
}

// ns a PTE of page_referenced, or of try_to_unmap; then all is mapped again, untimed.
static void measure_walk(u32 mappers, u32 nr_rounds, bool unmap) {
  sharers_create(mappers);
  const u32 ptes = sharers.pages * mappers;
  u32 done = 0;
  for (u32 round = 0; round <= nr_rounds; round++) {
    const u64 start = now_ns();
    for (u32 i = 0; i < sharers.pages; i++) {
      done += unmap ? try_to_unmap(sharers.page[i]) : page_referenced(sharers.page[i]) == 0;
    }
    note_round(round, now_ns() - start, ptes);
    if (unmap) for (u32 i = 0; i < sharers.pages; i++) remap(i);
  }
  bug_on(done != (nr_rounds + 1) * sharers.pages, "a walk has missed something", 0, done);
  sharers_end();
}

#endif
