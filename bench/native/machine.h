// Boot, and the proof that a command has left the machine as it found it: no frame, object or
// mapping is missing. Like assembly/mm/boot.ts, and the checks at quiescence of `racier stress`.

#ifndef TWIN_MACHINE_H
#define TWIN_MACHINE_H

#include "process.h"

// Free frames when nothing runs.
static u32 frames_at_boot;

static void zones_init(void) {
  for (u32 index = 0; index < MAX_NR_ZONES; index++) {
    struct zone *zone = &zones[index];
    list_init(&zone->active_list);
    list_init(&zone->inactive_list);
    for (u32 order = 0; order < MAX_ORDER; order++) list_init(&zone->free_area[order].list);
  }
  struct zone *normal = &zones[ZONE_NORMAL];
  normal->zone_end_pfn = NR_FRAMES;
  normal->present_pages = NR_FRAMES;
  for (u32 pfn = 0; pfn < NR_FRAMES; pfn++) {
    mem_map[pfn]._count = -1;
    mem_map[pfn]._mapcount = UNMAPPED;
  }
  for (u32 pfn = 0; pfn < NR_FRAMES; pfn += 1u << (MAX_ORDER - 1)) {
    free_one_block(normal, pfn_to_page(pfn), MAX_ORDER - 1);
  }
}

static void percpu_init(struct percpu *cpu) {
  cpu->tlb_generation = 1;
  cpu->active_mm = REF(&init_mm);
  list_init(&cpu->runqueue);
  for (u32 index = 0; index < MAX_NR_ZONES; index++) {
    struct per_cpu_pages *pcp = &cpu->pagesets[index];
    const u32 batch = zones[index].present_pages / 1024;
    pcp->batch = batch < 1 ? 1 : batch > 16 ? 16 : batch;
    pcp->high = 6 * pcp->batch;
    list_init(&pcp->list);
  }
}

// Everything that waits on this CPU goes back to where it is counted.
static void settle(void) {
  switch_active_mm(&init_mm);
  lru_add_drain();
  if (RMAP == RMAP_PTE_CHAIN) pte_chain_drain();
  kmem_cache_reap_all();
  drain_local_pages();
}

static void machine_boot(void) {
  bug_on((uintptr_t)(frames + sizeof frames) >> 32 != 0, "linked too high: use -no-pie", 0, 0);
  zones_init();
  percpu_init(this_cpu());
  kmem_cache_create(CACHE_VM_AREA, SIZEOF_VM_AREA, CTOR_NONE);
  kmem_cache_create(CACHE_MM, sizeof(struct mm), CTOR_NONE);
  kmem_cache_create(CACHE_ANON_VMA, sizeof(struct anon_vma), CTOR_ANON_VMA);
  kmem_cache_create(CACHE_INODE, sizeof(struct inode), CTOR_NONE);
  kmem_cache_create(CACHE_TASK, sizeof(struct task), CTOR_NONE);
  kmem_cache_create(CACHE_PTE_CHAIN, PTE_CHAIN_BYTES, CTOR_ZERO);
  for (u32 i = 0; i < PAGE_WAIT_QUEUES; i++) list_init(&page_wait_table[i].head);
  list_init(&mmlist);
  struct page *zero = alloc_page(GFP_KERNEL | GFP_ZERO);
  zero->flags = PG_reserved;
  boot.zero_pfn = page_to_pfn(zero);
  mm_init(&init_mm, page_address(alloc_page(GFP_KERNEL | GFP_ZERO)));
  init_mm.mm_count = 1 + 1;
  settle();
  frames_at_boot = zones[ZONE_NORMAL].free_pages;
}

// Nothing runs: stops the twin if anything is left of what ran.
static void check_machine(void) {
  settle();
  const struct zone *zone = &zones[ZONE_NORMAL];
  bug_on(
    zone->free_pages != frames_at_boot, "frames are lost", zone, frames_at_boot - zone->free_pages
  );
  bug_on(
    zone->nr_active != 0 || zone->nr_inactive != 0,
    "pages are left on the LRU lists",
    zone,
    zone->nr_active
  );
  bug_on(this_cpu()->nr_mapped != 0, "nr_mapped is not 0", this_cpu(), (u32)this_cpu()->nr_mapped);
  bug_on(!list_empty(&mmlist), "an address space is left", mmlist.next, 0);
  bug_on(this_cpu()->irq_disabled != 0, "interrupts are off", this_cpu(), this_cpu()->irq_disabled);
  for (u32 id = 0; id < NR_CACHES; id++) {
    bug_on(caches[id].nr_slabs != 0, "slab objects are left", id, caches[id].nr_slabs);
  }
}

// Every counted page of `mm` is mapped by `mappers` address spaces, each with one reference; rss is
// their number.
static void check_mm(struct mm *mm, i32 mappers) {
  i32 present = 0;
  lru_add_drain();
  for (const struct vm_area *vma = vma_ref(mm->mmap); vma != NULL; vma = vma_ref(vma->vm_next)) {
    const u64 end = vma->vm_end;
    u64 address = next_pte_table(mm, vma->vm_start, end);
    for (; address < end; address = next_pte_table(mm, address + PAGE_SIZE, end)) {
      const u64 *ptep = pte_offset(mm, address);
      if (*ptep == 0) continue;
      const struct page *page = pfn_to_page(pte_pfn(*ptep));
      if (page->flags & PG_reserved) continue;
      present++;
      if (!PageAnon(page)) continue;
      bug_on(page_mapcount(page) != mappers, "wrong mapcount", page, (u32)page_mapcount(page));
      bug_on(page_count(page) != mappers, "wrong reference count", page, (u32)page_count(page));
    }
  }
  bug_on(mm->rss != present, "rss is not the number of present pages", mm, (u32)mm->rss);
}

#endif
