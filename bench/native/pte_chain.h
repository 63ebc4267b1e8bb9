// Chains of PTEs, 2.6.6. Like assembly/rmap/pte_chain.ts and pte_chains.ts, for elements of 15.
//
// page_table_lock of the PTE's mm is held by every caller of page_add_rmap and page_remove_rmap.

#ifndef TWIN_PTE_CHAIN_H
#define TWIN_PTE_CHAIN_H

#include "anon_vma.h"

#define NRPTE 15u

struct pte_chain {
  // The next element; below it the lowest slot that is used.
  u32 next_and_idx;
  u32 ptes[NRPTE];
};
SAME_SIZE(struct pte_chain, PTE_CHAIN_BYTES);

static ALWAYS_INLINE void pte_chain_lock(struct page *page) {
  bit_spin_lock(PG_maplock, &page->flags);
}

static ALWAYS_INLINE void pte_chain_unlock(struct page *page) {
  bit_spin_unlock(PG_maplock, &page->flags);
}

static ALWAYS_INLINE u32 chain_index(const struct pte_chain *element) {
  return element->next_and_idx & NRPTE;
}

static ALWAYS_INLINE u32 chain_next(const struct pte_chain *element) {
  return element->next_and_idx & ~NRPTE;
}

static struct pte_chain *pte_chain_alloc(void) {
  struct percpu *cpu = this_cpu();
  const u32 kept = cpu->local_pte_chain;
  if (kept == 0) return kmem_cache_alloc(CACHE_PTE_CHAIN);
  cpu->local_pte_chain = 0;
  return DEREF(struct pte_chain, kept);
}

static void pte_chain_free(struct pte_chain *element) {
  if (element == NULL) return;
  struct percpu *cpu = this_cpu();
  const u32 kept = cpu->local_pte_chain;
  cpu->local_pte_chain = REF(element);
  if (kept != 0) kmem_cache_free(CACHE_PTE_CHAIN, DEREF(struct pte_chain, kept));
}

// Gives back what this CPU keeps.
static void pte_chain_drain(void) {
  const u32 kept = this_cpu()->local_pte_chain;
  this_cpu()->local_pte_chain = 0;
  if (kept != 0) kmem_cache_free(CACHE_PTE_CHAIN, DEREF(struct pte_chain, kept));
}

// The PTE of a page that has none, or one more. `spare`, or NULL when it was used.
static struct pte_chain *chain_add(struct page *page, u32 ptep, struct pte_chain *spare) {
  if (page->pte == 0) {
    page->pte = ptep;
    page_set_flag(page, PG_direct);
    return spare;
  }
  if ((page->flags & PG_direct) != 0) {
    spare->ptes[NRPTE - 1] = page->pte;
    spare->ptes[NRPTE - 2] = ptep;
    spare->next_and_idx = NRPTE - 2;
    page_clear_flag(page, PG_direct);
    page->pte = REF(spare);
    return NULL;
  }
  struct pte_chain *head = DEREF(struct pte_chain, page->pte);
  if (head->ptes[0] != 0) {
    spare->ptes[NRPTE - 1] = ptep;
    spare->next_and_idx = REF(head) | (NRPTE - 1);
    page->pte = REF(spare);
    return NULL;
  }
  head->next_and_idx--;
  head->ptes[chain_index(head)] = ptep;
  return spare;
}

// The head's lowest slot is free. The head, if it was the last one, and it is free too.
static struct pte_chain *head_shrink(struct page *page, struct pte_chain *head) {
  const u32 index = chain_index(head);
  head->ptes[index] = 0;
  if (index < NRPTE - 1) {
    head->next_and_idx++;
    return NULL;
  }
  page->pte = chain_next(head);
  head->next_and_idx = 0;
  return head;
}

// Takes a PTE out: an element that is free now, or NULL.
static struct pte_chain *chain_remove(struct page *page, u32 ptep) {
  if ((page->flags & PG_direct) != 0) {
    bug_on(page->pte != ptep, "a PTE is not in the chain", page, ptep);
    page->pte = 0;
    page_clear_flag(page, PG_direct);
    return NULL;
  }
  struct pte_chain *head = DEREF(struct pte_chain, page->pte);
  for (u32 at = page->pte; at != 0; at = chain_next(DEREF(struct pte_chain, at))) {
    struct pte_chain *element = DEREF(struct pte_chain, at);
    for (u32 index = chain_index(element); index < NRPTE; index++) {
      if (element->ptes[index] != ptep) continue;
      element->ptes[index] = head->ptes[chain_index(head)];
      return head_shrink(page, head);
    }
  }
  bug_on(true, "a PTE is not in the chain", page, ptep);
  return NULL;
}

// Records a PTE of a page. `spare` if it was not needed, else NULL.
static struct pte_chain *page_add_rmap(struct page *page, u64 *ptep, struct pte_chain *spare) {
  if (page->flags & PG_reserved) return spare;
  pte_chain_lock(page);
  if (page->pte == 0) {
    if (page->mapping == 0) page_set_flag(page, PG_anon);
    this_cpu()->nr_mapped++;
  }
  struct pte_chain *left = chain_add(page, REF(ptep), spare);
  pte_chain_unlock(page);
  return left;
}

// Forgets a PTE of a page.
static void chained_remove_rmap(struct page *page, u64 *ptep) {
  pte_chain_lock(page);
  struct pte_chain *freed = chain_remove(page, REF(ptep));
  if (page->pte == 0) {
    if ((page->flags & PG_anon) != 0) page_clear_flag(page, PG_anon);
    this_cpu()->nr_mapped--;
  }
  pte_chain_unlock(page);
  pte_chain_free(freed);
}

static i32 chain_length(const struct page *page) {
  if ((page->flags & PG_direct) != 0) return 1;
  u32 length = 0;
  for (u32 at = page->pte; at != 0; at = chain_next(DEREF(struct pte_chain, at))) {
    length += NRPTE - chain_index(DEREF(struct pte_chain, at));
  }
  return (i32)length;
}

// What a caller brings for page_add_*_rmap, in the kernel that needs it.
static ALWAYS_INLINE struct pte_chain *rmap_spare(void) {
  return RMAP == RMAP_PTE_CHAIN ? pte_chain_alloc() : NULL;
}

static ALWAYS_INLINE void rmap_spare_free(struct pte_chain *spare) {
  if (RMAP == RMAP_PTE_CHAIN) pte_chain_free(spare);
}

#endif
