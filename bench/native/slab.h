// The slab allocator: caches of objects of one kind, with an array of free objects for the CPU.
// Like assembly/mm/slab.ts. A slab is one frame: struct slab, a 16-bit link for each object, the
// objects.

#ifndef TWIN_SLAB_H
#define TWIN_SLAB_H

#include "page_alloc.h"

#define CACHE_VM_AREA 0
#define CACHE_MM 1
#define CACHE_ANON_VMA 2
#define CACHE_INODE 3
#define CACHE_TASK 4
#define CACHE_PTE_CHAIN 5

// An element of a chain of PTEs, 15 of them.
#define PTE_CHAIN_BYTES 64

#define CTOR_NONE 0
// Objects come and go back filled with zeros.
#define CTOR_ZERO 1
// Objects come and go back as an unlocked anon_vma with an empty list.
#define CTOR_ANON_VMA 2

#define BUFCTL_END 0xffffu
#define OBJECT_ALIGN 64u
#define SLAB_BATCH (ARRAY_CACHE_SLOTS / 2)

struct kmem_cache {
  u32 lock;
  u32 object_size;
  u32 num;
  u32 ctor;
  struct list_head partial;
  struct list_head full;
  struct list_head free;
  u32 nr_slabs;
  u32 free_objects;
  u32 free_limit;
  u32 grown;
  u32 reaped;
};
static struct kmem_cache caches[NR_CACHES] __attribute__((aligned(64)));

struct slab {
  struct list_head list;
  u32 inuse;
  u32 free;
  u32 cache_id;
};
SAME_SIZE(struct slab, SIZEOF_SLAB);

static ALWAYS_INLINE u16 *bufctl(struct slab *slab) {
  return (u16 *)(slab + 1);
}

static ALWAYS_INLINE u32 first_object(const struct kmem_cache *cache, struct slab *slab) {
  return (REF(bufctl(slab) + cache->num) + OBJECT_ALIGN - 1) & ~(OBJECT_ALIGN - 1);
}

static ALWAYS_INLINE struct slab *list_slab(struct list_head *node) {
  return CONTAINER(struct slab, list, node);
}

static void kmem_cache_create(u32 cache_id, u32 size_bytes, u32 ctor) {
  struct kmem_cache *cache = &caches[cache_id];
  const u32 size = (size_bytes + OBJECT_ALIGN - 1) & ~(OBJECT_ALIGN - 1);
  cache->object_size = size;
  cache->num = (PAGE_SIZE - (u32)sizeof(struct slab) - OBJECT_ALIGN) / (size + 2);
  cache->ctor = ctor;
  cache->free_limit = SLAB_BATCH + cache->num;
  list_init(&cache->partial);
  list_init(&cache->full);
  list_init(&cache->free);
}

static void cache_grow(u32 cache_id) {
  struct kmem_cache *cache = &caches[cache_id];
  struct page *page = alloc_page(GFP_KERNEL);
  page_set_flag(page, PG_slab);
  struct slab *slab = page_address(page);
  page->private_ = REF(slab);
  slab->inuse = 0;
  slab->free = 0;
  slab->cache_id = cache_id;
  for (u32 i = 0; i < cache->num; i++) {
    const u32 object = first_object(cache, slab) + i * cache->object_size;
    bufctl(slab)[i] = (u16)(i + 1 < cache->num ? i + 1 : BUFCTL_END);
    memset(DEREF(void, object), 0, cache->object_size);
    if (cache->ctor == CTOR_ANON_VMA) list_init(DEREF(struct list_head, object + 4));
  }
  spin_lock_irq(&cache->lock);
  list_add(&slab->list, &cache->free);
  cache->nr_slabs++;
  cache->grown++;
  cache->free_objects += cache->num;
  spin_unlock_irq(&cache->lock);
}

static void cache_alloc_refill(struct kmem_cache *cache, struct array_cache *array) {
  array->refills++;
  spin_lock_irq(&cache->lock);
  while (array->avail < SLAB_BATCH) {
    struct list_head *node = list_next(&cache->partial);
    if (node == &cache->partial) {
      node = list_next(&cache->free);
      if (node == &cache->free) break;
    }
    struct slab *slab = list_slab(node);
    while (slab->free != BUFCTL_END && array->avail < SLAB_BATCH) {
      const u32 index = slab->free;
      slab->free = bufctl(slab)[index];
      slab->inuse++;
      cache->free_objects--;
      array->slots[array->avail++] = first_object(cache, slab) + index * cache->object_size;
    }
    list_del(node);
    list_add(node, slab->free == BUFCTL_END ? &cache->full : &cache->partial);
  }
  spin_unlock_irq(&cache->lock);
}

static NOINLINE void cache_fill(u32 cache_id, struct array_cache *array) {
  while (array->avail == 0) {
    cache_alloc_refill(&caches[cache_id], array);
    if (array->avail == 0) cache_grow(cache_id);
  }
}

static ALWAYS_INLINE void *kmem_cache_alloc(u32 cache_id) {
  struct array_cache *array = &this_cpu()->arrays[cache_id];
  if (array->avail == 0) cache_fill(cache_id, array);
  array->allocs++;
  return DEREF(void, array->slots[--array->avail]);
}

static void slab_destroy(struct kmem_cache *cache, struct slab *slab) {
  cache->free_objects -= cache->num;
  cache->nr_slabs--;
  cache->reaped++;
  struct page *page = virt_to_page(slab);
  page_clear_flag(page, PG_slab);
  free_page(page);
}

static void free_block(struct kmem_cache *cache, u32 object) {
  struct slab *slab = DEREF(struct slab, object & ~PAGE_MASK);
  const u32 index = (object - first_object(cache, slab)) / cache->object_size;
  bufctl(slab)[index] = (u16)slab->free;
  slab->free = index;
  slab->inuse--;
  cache->free_objects++;
  list_del(&slab->list);
  if (slab->inuse != 0) list_add(&slab->list, &cache->partial);
  else if (cache->free_objects > cache->free_limit) slab_destroy(cache, slab);
  else list_add(&slab->list, &cache->free);
}

static NOINLINE void
cache_flusharray(struct kmem_cache *cache, struct array_cache *array, u32 count) {
  spin_lock_irq(&cache->lock);
  for (u32 i = 0; i < count; i++) free_block(cache, array->slots[i]);
  spin_unlock_irq(&cache->lock);
  array->avail -= count;
  memmove(array->slots, array->slots + count, array->avail * sizeof(u32));
}

static ALWAYS_INLINE void kmem_cache_free(u32 cache_id, void *object) {
  struct array_cache *array = &this_cpu()->arrays[cache_id];
  if (array->avail == ARRAY_CACHE_SLOTS) cache_flusharray(&caches[cache_id], array, SLAB_BATCH);
  array->frees++;
  array->slots[array->avail++] = REF(object);
}

// Gives the CPU's arrays and all empty slabs back.
static void kmem_cache_reap_all(void) {
  for (u32 cache_id = 0; cache_id < NR_CACHES; cache_id++) {
    struct kmem_cache *cache = &caches[cache_id];
    struct array_cache *array = &this_cpu()->arrays[cache_id];
    cache_flusharray(cache, array, array->avail);
    spin_lock_irq(&cache->lock);
    while (!list_empty(&cache->free)) {
      struct list_head *node = list_next(&cache->free);
      list_del(node);
      slab_destroy(cache, list_slab(node));
    }
    spin_unlock_irq(&cache->lock);
  }
}

#endif
