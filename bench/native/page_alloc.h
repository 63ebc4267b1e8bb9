// The buddy allocator, its per-CPU hot lists, and the pagevecs in front of the LRU lists. Like
// assembly/mm/page_alloc.ts, put_page.ts and lru.ts.
// Left out: blocks of more than one frame for callers, frames without content.

#ifndef TWIN_PAGE_ALLOC_H
#define TWIN_PAGE_ALLOC_H

#include "page.h"

#define GFP_HIGHMEM 0x02u
#define GFP_ZERO 0x8000u
#define GFP_KERNEL 0xd0u
#define GFP_HIGHUSER (GFP_KERNEL | GFP_HIGHMEM)

#define BAD_AT_FREE (PG_locked | PG_lru | PG_active | PG_slab | PG_reserved | PG_maplock | PG_buddy)

static ALWAYS_INLINE struct page *lru_to_page(struct list_head *node) {
  return CONTAINER(struct page, lru, node);
}

static ALWAYS_INLINE bool is_buddy(const struct page *page, u32 order) {
  return (page->flags & PG_buddy) != 0 && page->private_ == order;
}

static ALWAYS_INLINE void add_free_block(struct zone *zone, struct page *page, u32 order) {
  page->flags |= PG_buddy;
  page->private_ = order;
  list_add(&page->lru, &zone->free_area[order].list);
  zone->free_area[order].nr_free++;
}

static ALWAYS_INLINE void remove_free_block(struct zone *zone, struct page *page, u32 order) {
  list_del(&page->lru);
  page->flags &= ~PG_buddy;
  zone->free_area[order].nr_free--;
}

// Gives a block to its zone and merges it with its free buddies; zone->lock is held.
static void free_one_block(struct zone *zone, struct page *first, u32 order) {
  u32 pfn = page_to_pfn(first);
  zone->free_pages += 1u << order;
  while (order < MAX_ORDER - 1) {
    const u32 buddy_pfn = pfn ^ (1u << order);
    if (buddy_pfn < zone->zone_start_pfn || buddy_pfn + (1u << order) > zone->zone_end_pfn) break;
    struct page *buddy = pfn_to_page(buddy_pfn);
    if (!is_buddy(buddy, order)) break;
    remove_free_block(zone, buddy, order);
    pfn &= buddy_pfn;
    order++;
  }
  add_free_block(zone, pfn_to_page(pfn), order);
}

// Takes a frame out of the zone, or NULL; zone->lock is held.
static struct page *rmqueue(struct zone *zone) {
  for (u32 order = 0; order < MAX_ORDER; order++) {
    if (list_empty(&zone->free_area[order].list)) continue;
    struct page *page = lru_to_page(list_next(&zone->free_area[order].list));
    remove_free_block(zone, page, order);
    zone->free_pages--;
    while (order > 0) {
      order--;
      add_free_block(zone, page + (1u << order), order);
    }
    return page;
  }
  return NULL;
}

static NOINLINE void rmqueue_bulk(struct zone *zone, struct per_cpu_pages *pcp) {
  spin_lock_irq(&zone->lock);
  for (u32 i = 0; i < pcp->batch; i++) {
    struct page *page = rmqueue(zone);
    if (page == NULL) break;
    list_add_tail(&page->lru, &pcp->list);
    pcp->count++;
  }
  spin_unlock_irq(&zone->lock);
}

static NOINLINE void free_pages_bulk(struct zone *zone, struct per_cpu_pages *pcp, u32 count) {
  spin_lock_irq(&zone->lock);
  for (u32 i = 0; i < count && pcp->count > 0; i++) {
    struct list_head *node = list_prev(&pcp->list);
    list_del(node);
    pcp->count--;
    free_one_block(zone, lru_to_page(node), 0);
  }
  spin_unlock_irq(&zone->lock);
}

static ALWAYS_INLINE struct page *buffered_rmqueue(u32 zone_index) {
  struct per_cpu_pages *pcp = &this_cpu()->pagesets[zone_index];
  if (pcp->count == 0) {
    rmqueue_bulk(&zones[zone_index], pcp);
    if (pcp->count == 0) return NULL;
  }
  struct list_head *node = list_next(&pcp->list);
  list_del(node);
  pcp->count--;
  return lru_to_page(node);
}

// Fills a frame with zeros. The size is hidden from the compiler, which would inline rep stos:
// libc's memset is faster.
static ALWAYS_INLINE void clear_frame(void *frame) {
  size_t size_bytes = PAGE_SIZE;
  __asm__("" : "+r"(size_bytes));
  memset(frame, 0, size_bytes);
}

// One frame with one reference; the twin is given enough memory, so it ends when there is none.
static struct page *alloc_page(u32 gfp_mask) {
  struct page *page = NULL;
  if ((gfp_mask & GFP_HIGHMEM) != 0 && zones[ZONE_HIGHMEM].present_pages != 0) {
    page = buffered_rmqueue(ZONE_HIGHMEM);
  }
  if (page == NULL) page = buffered_rmqueue(ZONE_NORMAL);
  bug_on(page == NULL, "out of memory: ask for fewer pages", 0, 0);
  bug_on(
    page->_count != -1 || page->_mapcount != UNMAPPED || page->mapping != 0,
    "bad page state",
    page,
    page->flags
  );
  page->flags = 0;
  page->_count = 0;
  page->private_ = 0;
  if (gfp_mask & GFP_ZERO) clear_frame(page_address(page));
  return page;
}

// Frees a frame whose last reference is gone, to the hot list of this CPU.
static void free_hot_page(struct page *page) {
  // 2.6.9 does not clear an anonymous mapping at the last unmap, so it happens here.
  if (RMAP == RMAP_ATOMIC_MAPCOUNT && (page->mapping & PAGE_MAPPING_ANON) != 0) page->mapping = 0;
  bug_on(page->_mapcount != UNMAPPED, "a page is freed that is mapped", page, (u32)page->_mapcount);
  bug_on(
    page->mapping != 0 || page->_count != -1 || (page->flags & BAD_AT_FREE) != 0,
    "bad page state at free",
    page,
    page->flags
  );
  page->flags = 0;
  struct per_cpu_pages *pcp = &this_cpu()->pagesets[page->zone];
  list_add(&page->lru, &pcp->list);
  if (++pcp->count >= pcp->high) free_pages_bulk(&zones[page->zone], pcp, pcp->batch);
}

// Frees a frame of which the caller holds the only reference.
static ALWAYS_INLINE void free_page(struct page *page) {
  page->_count = -1;
  free_hot_page(page);
}

// Takes a page that nobody references any more off its LRU list.
static void lru_del_on_free(struct page *page) {
  if (!page_test_flag(page, PG_lru)) return;
  struct zone *zone = &zones[page->zone];
  spin_lock(&zone->lru_lock);
  list_del(&page->lru);
  if (page->flags & PG_active) zone->nr_active--;
  else zone->nr_inactive--;
  page_clear_flag(page, PG_lru | PG_active);
  spin_unlock(&zone->lru_lock);
}

// The last reference is gone.
static NOINLINE void free_unreferenced(struct page *page) {
  lru_del_on_free(page);
  free_hot_page(page);
}

// Drops a reference; the last one takes the page off the LRU and frees it.
static ALWAYS_INLINE void put_page(struct page *page) {
  if ((page->flags & PG_reserved) != 0 || !put_page_testzero(page)) return;
  free_unreferenced(page);
}

static void drain_local_pages(void) {
  struct per_cpu_pages *pcp = &this_cpu()->pagesets[ZONE_NORMAL];
  if (pcp->count != 0) free_pages_bulk(&zones[ZONE_NORMAL], pcp, pcp->count);
}

static ALWAYS_INLINE void add_to_lru_list(struct zone *zone, struct page *page, bool active) {
  page_set_flag(page, active ? PG_lru | PG_active : PG_lru);
  if (active) {
    list_add(&page->lru, &zone->active_list);
    zone->nr_active++;
  } else {
    list_add(&page->lru, &zone->inactive_list);
    zone->nr_inactive++;
  }
}

// Moves the pages of this CPU's pagevec to the lists. Low bit of an entry: to the active list.
static NOINLINE void lru_add_drain(void) {
  struct percpu *cpu = this_cpu();
  const u32 nr = cpu->pagevec_nr;
  cpu->pagevec_nr = 0;
  for (u32 i = 0; i < nr;) {
    struct zone *zone = &zones[DEREF(struct page, cpu->pagevec[i] & ~1u)->zone];
    spin_lock(&zone->lru_lock);
    for (; i < nr; i++) {
      struct page *page = DEREF(struct page, cpu->pagevec[i] & ~1u);
      if (&zones[page->zone] != zone) break;
      add_to_lru_list(zone, page, (cpu->pagevec[i] & 1) != 0);
    }
    spin_unlock(&zone->lru_lock);
  }
  for (u32 i = 0; i < nr; i++) put_page(DEREF(struct page, cpu->pagevec[i] & ~1u));
}

static ALWAYS_INLINE void pagevec_add(struct page *page, u32 active) {
  struct percpu *cpu = this_cpu();
  get_page(page);
  cpu->pagevec[cpu->pagevec_nr] = REF(page) | active;
  if (++cpu->pagevec_nr == PAGEVEC_SIZE) lru_add_drain();
}

static ALWAYS_INLINE void lru_cache_add_active(struct page *page) {
  pagevec_add(page, 1);
}

static ALWAYS_INLINE void lru_cache_add(struct page *page) {
  pagevec_add(page, 0);
}

static ALWAYS_INLINE void mark_page_accessed(struct page *page) {
  if (!page_test_flag(page, PG_referenced)) page_set_flag(page, PG_referenced);
}

#endif
