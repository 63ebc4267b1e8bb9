// struct page, its flags and its reference count, and the zones. Like assembly/mm/page.ts and
// zone.ts.

#ifndef TWIN_PAGE_H
#define TWIN_PAGE_H

#include "lock.h"

#define RMAP_PAGE_MAP_LOCK 1
#define RMAP_ATOMIC_MAPCOUNT 2
#define RMAP_PTE_CHAIN 3
#if RMAP != RMAP_PAGE_MAP_LOCK && RMAP != RMAP_ATOMIC_MAPCOUNT && RMAP != RMAP_PTE_CHAIN
#error "RMAP names no reverse map: 1 (2.6.8 and anonmm), 2 (2.6.9) or 3 (2.6.6)"
#endif

#define PG_locked (1u << 0)
#define PG_referenced (1u << 2)
#define PG_uptodate (1u << 3)
#define PG_dirty (1u << 4)
#define PG_lru (1u << 5)
#define PG_active (1u << 6)
#define PG_slab (1u << 7)
#define PG_reserved (1u << 11)
#define PG_buddy (1u << 12)
#define PG_table (1u << 13)
#define PG_maplock (1u << 15)
#define PG_anon (1u << 20)
#define PG_direct (1u << 22)

// 2.6.9: low bit of `mapping`.
#define PAGE_MAPPING_ANON 1u

// What _mapcount holds for an unmapped page.
#define UNMAPPED (RMAP == RMAP_ATOMIC_MAPCOUNT ? -1 : 0)

// One for each frame, one cache line.
struct page {
  u32 flags;
  i32 _count;
  i32 _mapcount;
  u32 private_;
  u32 mapping;
  struct list_head lru;
  u32 zone;
  u64 index;
  u32 pte;
  u32 _pad0;
  u64 _pad[2];
};
SAME_SIZE(struct page, SIZEOF_PAGE);

static struct page mem_map[NR_FRAMES] __attribute__((aligned(64)));

static ALWAYS_INLINE struct page *pfn_to_page(u32 pfn) {
  return &mem_map[pfn];
}

static ALWAYS_INLINE u32 page_to_pfn(const struct page *page) {
  return (u32)(page - mem_map);
}

static ALWAYS_INLINE void *pfn_address(u32 pfn) {
  return &frames[(size_t)pfn << PAGE_SHIFT];
}

static ALWAYS_INLINE void *page_address(const struct page *page) {
  return pfn_address(page_to_pfn(page));
}

static ALWAYS_INLINE struct page *virt_to_page(const void *address) {
  return pfn_to_page((u32)(((const u8 *)address - frames) >> PAGE_SHIFT));
}

static ALWAYS_INLINE bool page_test_flag(const struct page *page, u32 mask) {
  return (read_once(&page->flags) & mask) != 0;
}

static ALWAYS_INLINE void page_set_flag(struct page *page, u32 mask) {
  atomic_or(&page->flags, mask);
}

static ALWAYS_INLINE void page_clear_flag(struct page *page, u32 mask) {
  atomic_and(&page->flags, ~mask);
}

static ALWAYS_INLINE i32 page_count(const struct page *page) {
  return read_once(&page->_count) + 1;
}

static ALWAYS_INLINE void get_page(struct page *page) {
  atomic_inc(&page->_count);
}

static ALWAYS_INLINE bool put_page_testzero(struct page *page) {
  return atomic_dec_negative(&page->_count);
}

#define ZONE_NORMAL 0
#define ZONE_HIGHMEM 1
#define MAX_ORDER 11

struct free_area {
  struct list_head list;
  u32 nr_free;
};

struct zone {
  u32 lock;
  u32 free_pages;
  u32 zone_start_pfn;
  u32 zone_end_pfn;
  u32 present_pages;
  u32 lru_lock;
  u32 nr_active;
  u32 nr_inactive;
  struct list_head active_list;
  struct list_head inactive_list;
  struct free_area free_area[MAX_ORDER];
};

static struct zone zones[MAX_NR_ZONES] __attribute__((aligned(64)));

#endif
