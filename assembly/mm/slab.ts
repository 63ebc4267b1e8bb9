// The slab allocator: caches of objects of one kind. Linux: mm/slab.c of 2.6.9.
//
//   frame   | Slab | bufctl: u16 for each object | object 0 | object 1 | ...
//
// A cache with a constructor runs it when a slab is made, never on allocation: an object must come
// back in its constructed state. Each CPU has an array of free objects, filled and drained in
// batches under the cache's lock. Checking builds fill free objects of the other caches with poison
// and track who owns each object.
//
// SLAB_DESTROY_BY_RCU: an object that is freed may be handed out again at once, but the memory of a slab
// goes back only after a grace period. Who has found an object inside rcu_read_lock() may take the lock
// in it: it stays an object of this cache, constructed, if perhaps another one. So such a cache needs
// a constructor, and is never poisoned.
//
// Lock: KmemCache.lock, with interrupts off, since kmem_cache_drain() takes it in an interrupt; the array of a
// CPU changes where no interrupt comes in between.
//
// Left out: slabs of more than one frame, colouring, off-slab descriptors, reaping by a timer,
// destructors.

import { atomic_or, read_once } from "../arch/atomic";
import { BUG_SLAB_FLAGS, bug_on } from "../arch/bug";
import { ATTENTION_DRAIN } from "../arch/attention";
import { boot } from "../arch/boot_params";
import { FIX_CACHE_IRQ, FIX_REINIT, FIX_TYPESAFE_SLAB, without } from "../arch/fixes";
import { send_ipi } from "../arch/kick";
import { memset } from "../arch/memory";
import { PAGE_SIZE } from "../arch/memory_map";
import { ARRAY_CACHE_SLOTS, percpu_of, smp_processor_id } from "../arch/percpu";
import { shadow_allocated, shadow_freed } from "../check/shadow";
import { list_add, list_del, list_empty, list_init, list_next } from "../lib/list";
import { RcuHead, call_rcu } from "../lock/rcu";
import { anon_vma_sem } from "../lock/rmap_locks";
import { init_rwsem } from "../lock/rwsem";
import { irq_enable, spin_lock, spin_lock_irq, spin_unlock } from "../lock/spinlock";
import { ANON_VMA_SLEEPS } from "../notifier/config";
import { PG_slab, page_address, page_clear_flag, page_set_flag, virt_to_page } from "./page";
import { GFP_KERNEL, alloc_page, free_pages } from "./page_alloc";
import {
  ArrayCache,
  BATCH,
  BUFCTL_CACHED,
  BUFCTL_END,
  CACHE_CHAIN,
  CACHE_STRIDE,
  CTOR_ANON_VMA,
  CTOR_NONE,
  KmemCache,
  NR_CACHES,
  OBJECT_ALIGN,
  POISON_FREE,
  RCU_FREE_SLAB,
  SLAB_PACKED,
  Slab,
  array_of,
  bufctl,
  cache_of,
  first_object,
  free_list,
  full_list,
  index_of,
  is_typesafe,
  partial_list,
  slab_of,
  slot,
} from "./slab_types";
import { check_alloc, check_free } from "./slab_check";

/** Takes the lock of a cache. */
export function cache_lock(cache: KmemCache): void {
  if (without(FIX_CACHE_IRQ)) spin_lock(changetype<usize>(cache));
  else spin_lock_irq(changetype<usize>(cache));
}

/** Turns interrupts on again behind cache_lock(). */
function cache_irq_enable(): void {
  if (!without(FIX_CACHE_IRQ)) irq_enable();
}

/** Ends cache_lock(). */
export function cache_unlock(cache: KmemCache): void {
  spin_unlock(changetype<usize>(cache));
  cache_irq_enable();
}

/** Makes an empty cache of objects of `size_bytes`. */
export function kmem_cache_create(
  cache_id: u32,
  size_bytes: u32,
  ctor: u32,
  flags: u32 = 0,
): void {
  const cache = cache_of(cache_id);
  shadow_allocated(changetype<usize>(cache), CACHE_STRIDE);
  cache.flags = flags;
  bug_on(is_typesafe(cache) && ctor == CTOR_NONE, BUG_SLAB_FLAGS, changetype<usize>(cache), flags);
  const align: u32 = flags & SLAB_PACKED ? 4 : OBJECT_ALIGN;
  const size = (size_bytes + align - 1) & ~(align - 1);
  cache.object_size = size;
  cache.reallen = size_bytes;
  cache.num = (PAGE_SIZE - offsetof<Slab>() - OBJECT_ALIGN) / (size + 2);
  cache.ctor = ctor;
  cache.free_limit = BATCH + cache.num;
  list_init(partial_list(cache));
  list_init(full_list(cache));
  list_init(free_list(cache));
  // RELEASE. Pairs with is_in_chain(): the cache is whole before it is found.
  atomic_or<u32>(CACHE_CHAIN, 1 << cache_id);
}

/** True while a cache exists, and is not about to go. */
@inline
function is_in_chain(cache_id: u32): bool {
  // ACQUIRE. Pairs with kmem_cache_create(): the cache is whole.
  return (read_once<u32>(CACHE_CHAIN) & (1 << cache_id)) != 0;
}

/** Bytes of an object of a cache, aligned. */
export function kmem_cache_size(cache_id: u32): u32 {
  return cache_of(cache_id).object_size;
}

/** Where the first object lies in each slab of a cache. */
export function kmem_cache_first_object(cache_id: u32): u32 {
  return <u32>first_object(cache_of(cache_id), changetype<Slab>(0));
}

function construct(ctor: u32, object: usize, size_bytes: u32): void {
  memset(object, CONFIG_CHECK && ctor == CTOR_NONE ? POISON_FREE : 0, size_bytes);
  if (ctor != CTOR_ANON_VMA) return;
  list_init(object + 4);
  if (ANON_VMA_SLEEPS) init_rwsem(anon_vma_sem(object));
}

/** Adds a slab to the cache; false when there is no frame for it. Called without the lock. */
function cache_grow(cache_id: u32, gfp_mask: u32): bool {
  const cache = cache_of(cache_id);
  const page = alloc_page(gfp_mask);
  if (changetype<usize>(page) == 0) return false;
  page_set_flag(page, PG_slab);
  const slab = changetype<Slab>(page_address(page));
  page.private_ = <u32>changetype<usize>(slab);
  slab.inuse = 0;
  slab.free = 0;
  slab.cache_id = cache_id;
  for (let i: u32 = 0; i < cache.num; i++) {
    store<u16>(bufctl(slab, i), i + 1 < cache.num ? <u16>(i + 1) : BUFCTL_END);
    construct(cache.ctor, first_object(cache, slab) + i * cache.object_size, cache.object_size);
  }
  shadow_freed(changetype<usize>(slab), PAGE_SIZE);
  if (CONFIG_CHECK && is_typesafe(cache)) {
    for (let i: u32 = 0; i < cache.num; i++) {
      shadow_allocated(first_object(cache, slab) + i * cache.object_size, cache.reallen);
    }
  }
  cache_lock(cache);
  list_add(changetype<usize>(slab), free_list(cache));
  cache.nr_slabs++;
  cache.grown++;
  cache.free_objects += cache.num;
  cache_unlock(cache);
  return true;
}

function cache_alloc_refill(cache_id: u32, array: ArrayCache): void {
  const cache = cache_of(cache_id);
  array.refills++;
  cache_lock(cache);
  while (array.avail < BATCH) {
    let node = list_next(partial_list(cache));
    if (node == partial_list(cache)) {
      node = list_next(free_list(cache));
      if (node == free_list(cache)) break;
    }
    const slab = changetype<Slab>(node);
    while (slab.free != <u32>BUFCTL_END && array.avail < BATCH) {
      const index = slab.free;
      slab.free = <u32>load<u16>(bufctl(slab, index));
      if (CONFIG_CHECK) store<u16>(bufctl(slab, index), BUFCTL_CACHED);
      slab.inuse++;
      cache.free_objects--;
      const object = first_object(cache, slab) + index * cache.object_size;
      store<usize>(slot(array, array.avail++), object);
    }
    list_del(node);
    list_add(node, slab.free == <u32>BUFCTL_END ? full_list(cache) : partial_list(cache));
  }
  cache_unlock(cache);
}

/** An object of the cache, or 0 when out of memory. May reclaim: no spinlock is held. */
export function kmem_cache_alloc(cache_id: u32): usize {
  return kmem_cache_alloc_gfp(cache_id, GFP_KERNEL);
}

/** kmem_cache_alloc for a caller that may not wait, if it says so by GFP_ATOMIC. */
export function kmem_cache_alloc_gfp(cache_id: u32, gfp_mask: u32): usize {
  const array = array_of(cache_id);
  while (array.avail == 0) {
    cache_alloc_refill(cache_id, array);
    if (array.avail == 0 && !cache_grow(cache_id, gfp_mask)) return 0;
  }
  array.allocs++;
  const object = load<usize>(slot(array, --array.avail));
  if (CONFIG_CHECK) check_alloc(cache_of(cache_id), object);
  if (without(FIX_REINIT) && is_typesafe(cache_of(cache_id))) {
    // An allocator that constructs what it hands out: under those who still look at it.
    construct(cache_of(cache_id).ctor, object, cache_of(cache_id).object_size);
  }
  return object;
}

/**
 * Gives one object back to its slab, and a slab that got empty to the buddy allocator if there are
 * many and it is not to be kept.
 */
function free_block(cache: KmemCache, object: usize, keep: bool): void {
  const slab = slab_of(object);
  const index = index_of(cache, slab, object);
  store<u16>(bufctl(slab, index), <u16>slab.free);
  slab.free = index;
  slab.inuse--;
  cache.free_objects++;
  list_del(changetype<usize>(slab));
  if (slab.inuse != 0) {
    list_add(changetype<usize>(slab), partial_list(cache));
  } else if (!keep && cache.free_objects > cache.free_limit) {
    slab_destroy(cache, slab);
  } else {
    list_add(changetype<usize>(slab), free_list(cache));
  }
}

/** A slab leaves its cache, whose lock is held. */
function slab_destroy(cache: KmemCache, slab: Slab): void {
  cache.free_objects -= cache.num;
  cache.nr_slabs--;
  cache.reaped++;
  if (is_typesafe(cache) && !without(FIX_TYPESAFE_SLAB)) {
    // struct slab_rcu lies in the descriptor: its head where the list node was, which nobody needs any more.
    shadow_allocated(changetype<usize>(slab), offsetof<Slab>());
    call_rcu(changetype<RcuHead>(changetype<usize>(slab)), RCU_FREE_SLAB);
  } else {
    free_slab(slab, cache.gfporder);
  }
}

/** The frames of a slab go back to the buddy allocator. Linux: kmem_freepages. */
export function free_slab(slab: Slab, gfporder: u32): void {
  const page = virt_to_page(changetype<usize>(slab));
  page_clear_flag(page, PG_slab);
  shadow_allocated(changetype<usize>(slab), PAGE_SIZE);
  free_pages(page, gfporder);
}

function cache_flusharray(cache: KmemCache, array: ArrayCache, count: u32, keep: bool): void {
  cache_lock(cache);
  for (let i: u32 = 0; i < count; i++) free_block(cache, load<usize>(slot(array, i)), keep);
  spin_unlock(changetype<usize>(cache));
  array.avail -= count;
  for (let i: u32 = 0; i < array.avail; i++) {
    store<usize>(slot(array, i), load<usize>(slot(array, i + count)));
  }
  cache_irq_enable();
}

/** An interrupt: gives the free objects of this CPU back to their slabs, and no slab away. Linux: do_drain. */
export function kmem_cache_drain(): void {
  for (let cache_id: u32 = 0; cache_id < NR_CACHES; cache_id++) {
    if (!is_in_chain(cache_id)) continue;
    const array = array_of(cache_id);
    cache_flusharray(cache_of(cache_id), array, array.avail, true);
  }
}

/**
 * Has the other CPUs give back the free objects that they keep, the next time they take interrupts. Linux:
 * drain_cpu_caches, which waits for it.
 */
export function kmem_cache_drain_others(): void {
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    if (id != smp_processor_id()) send_ipi(percpu_of(id), ATTENTION_DRAIN);
  }
}

/** Gives an object back, in its constructed state if the cache has a constructor. */
export function kmem_cache_free(cache_id: u32, object: usize): void {
  const array = array_of(cache_id);
  if (CONFIG_CHECK) check_free(cache_id, object);
  if (array.avail == ARRAY_CACHE_SLOTS) cache_flusharray(cache_of(cache_id), array, BATCH, false);
  array.frees++;
  store<usize>(slot(array, array.avail++), object);
}

/** Gives what this CPU keeps of a cache, and its empty slabs, back. Linux: __cache_shrink. */
export function kmem_cache_shrink(cache_id: u32): void {
  const cache = cache_of(cache_id);
  const array = array_of(cache_id);
  cache_flusharray(cache, array, array.avail, false);
  cache_lock(cache);
  while (!list_empty(free_list(cache))) {
    const node = list_next(free_list(cache));
    list_del(node);
    slab_destroy(cache, changetype<Slab>(node));
  }
  cache_unlock(cache);
}

/** Gives the per-CPU arrays of this CPU and all empty slabs back. */
export function kmem_cache_reap_all(): void {
  for (let cache_id: u32 = 0; cache_id < NR_CACHES; cache_id++) {
    if (is_in_chain(cache_id)) kmem_cache_shrink(cache_id);
  }
}
