// anon_vma: the list of VMAs in which an anonymous page may be mapped. Like
// assembly/mm/anon_vma.ts. 2.6.8 takes page_table_lock > anon_vma.lock, 2.6.9 the other way round.
// Left out: merging.

#ifndef TWIN_ANON_VMA_H
#define TWIN_ANON_VMA_H

#include "mm.h"

// Free ones are unlocked and empty: the constructor of the slab makes them so.
struct anon_vma {
  u32 lock;
  struct list_head head;
};
SAME_SIZE(struct anon_vma, SIZEOF_ANON_VMA);

static ALWAYS_INLINE struct anon_vma *anon_vma_ref(u32 ref) {
  return DEREF(struct anon_vma, ref);
}

static bool mergeable(
  const struct vm_area *vma,
  const struct vm_area *near,
  const struct vm_area *before,
  const struct vm_area *after
) {
  const u32 permissions = VM_READ | VM_WRITE | VM_EXEC;
  return near != NULL && near->anon_vma != 0 && before->vm_end == after->vm_start &&
    near->vm_file == vma->vm_file &&
    (near->vm_flags & ~permissions) == (vma->vm_flags & ~permissions) &&
    after->vm_pgoff == before->vm_pgoff + vma_pages(before);
}

// The anon_vma of a neighbour that `vma` may merge with one day, or NULL.
static struct anon_vma *find_mergeable_anon_vma(const struct vm_area *vma) {
  const struct vm_area *next = vma_ref(vma->vm_next);
  if (mergeable(vma, next, vma, next)) return anon_vma_ref(next->anon_vma);
  const struct vm_area *prev = find_vma_before(mm_ref(vma->vm_mm), vma->vm_start);
  if (mergeable(vma, prev, prev, vma)) return anon_vma_ref(prev->anon_vma);
  return NULL;
}

static bool link_if_none(struct vm_area *vma, struct anon_vma *anon_vma) {
  if (vma->anon_vma != 0) return false;
  vma->anon_vma = REF(anon_vma);
  list_add(&vma->anon_vma_node, &anon_vma->head);
  return true;
}

// The locks in the order of this kernel; a fresh anon_vma is linked without its lock.
static bool link_locked(struct vm_area *vma, struct anon_vma *anon_vma, bool adopted) {
  u32 *ptl = &mm_ref(vma->vm_mm)->page_table_lock;
  if (RMAP == RMAP_PAGE_MAP_LOCK) spin_lock(ptl);
  if (adopted) spin_lock(&anon_vma->lock);
  if (RMAP == RMAP_ATOMIC_MAPCOUNT) spin_lock(ptl);
  const bool linked = link_if_none(vma, anon_vma);
  if (RMAP == RMAP_ATOMIC_MAPCOUNT) spin_unlock(ptl);
  if (adopted) spin_unlock(&anon_vma->lock);
  if (RMAP == RMAP_PAGE_MAP_LOCK) spin_unlock(ptl);
  return linked;
}

static NOINLINE void anon_vma_prepare_slow(struct vm_area *vma) {
  struct anon_vma *anon_vma = find_mergeable_anon_vma(vma);
  const bool adopted = anon_vma != NULL;
  if (!adopted) anon_vma = kmem_cache_alloc(CACHE_ANON_VMA);
  if (!link_locked(vma, anon_vma, adopted) && !adopted) kmem_cache_free(CACHE_ANON_VMA, anon_vma);
}

// Gives `vma` an anon_vma before its first anonymous page.
static ALWAYS_INLINE void anon_vma_prepare(struct vm_area *vma) {
  if (vma->anon_vma == 0) anon_vma_prepare_slow(vma);
}

// Puts a copy of a VMA on the list of its anon_vma.
static ALWAYS_INLINE void anon_vma_link(struct vm_area *vma) {
  if (vma->anon_vma == 0) return;
  struct anon_vma *anon_vma = anon_vma_ref(vma->anon_vma);
  spin_lock(&anon_vma->lock);
  list_add(&vma->anon_vma_node, &anon_vma->head);
  spin_unlock(&anon_vma->lock);
}

// Takes a VMA whose PTEs are gone off its list; the last one frees the anon_vma.
static ALWAYS_INLINE void anon_vma_unlink(struct vm_area *vma) {
  if (vma->anon_vma == 0) return;
  struct anon_vma *anon_vma = anon_vma_ref(vma->anon_vma);
  spin_lock(&anon_vma->lock);
  list_del(&vma->anon_vma_node);
  const bool empty = list_empty(&anon_vma->head);
  spin_unlock(&anon_vma->lock);
  if (empty) kmem_cache_free(CACHE_ANON_VMA, anon_vma);
}

#endif
