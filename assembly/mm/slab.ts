// The slab allocator: caches of objects of one kind. Linux: mm/slab.c of 2.6.9.
//
//   frame   | Slab | bufctl: u16 for each object | object 0 | object 1 | ...
//
// A cache with a constructor runs it when a slab is made, never on allocation: an object must come
// back in its constructed state. Each CPU has an array of free objects, filled and drained in
// batches under the cache's lock. Checking builds fill free objects of the other caches with poison
// and track who owns each object. Left out: slabs of more than one frame, colouring, off-slab
// descriptors, reaping by a timer.

import { atomic_cmpxchg } from "../arch/atomic";
import { memscan, memset } from "../arch/memory";
import {
  BUG_NOT_CONSTRUCTED,
  BUG_SLAB_DOUBLE_FREE,
  BUG_SLAB_FOREIGN_OBJECT,
  BUG_SLAB_POISON,
  bug_on,
} from "../arch/bug";
import { boot } from "../arch/boot_params";
import { CACHE_TABLE, PAGE_MASK, PAGE_SHIFT, PAGE_SIZE } from "../arch/memory_map";
import {
  ARRAY_CACHE_SIZE,
  ARRAY_CACHE_SLOTS,
  PERCPU_ARRAY_CACHES,
  this_cpu_base,
} from "../arch/percpu";
import { shadow_allocated, shadow_freed } from "../check/shadow";
import { list_add, list_del, list_empty, list_init, list_next } from "../lib/list";
import { spin_lock_irq, spin_unlock_irq } from "../lock/spinlock";
import { PG_slab, page_address, page_clear_flag, page_set_flag, virt_to_page } from "./page";
import { GFP_KERNEL, alloc_page, free_pages } from "./page_alloc";

export const CACHE_VM_AREA: u32 = 0;
export const CACHE_MM: u32 = 1;
export const CACHE_ANON_VMA: u32 = 2;
export const CACHE_INODE: u32 = 3;
export const CACHE_RADIX_NODE: u32 = 4;
export const CACHE_TASK: u32 = 5;
export const NR_CACHES: u32 = 6;

/** No constructor: objects come with any content. */
export const CTOR_NONE: u32 = 0;
/** Objects come and go back filled with zeros. */
export const CTOR_ZERO: u32 = 1;
/** Objects come and go back as an unlocked anon_vma with an empty list. */
export const CTOR_ANON_VMA: u32 = 2;

/** Bytes from one entry of the cache table to the next. */
export const CACHE_STRIDE: usize = 0x80;
/** End of a slab's chain of free objects. */
export const BUFCTL_END: u16 = 0xffff;
/** Checking builds: the object belongs to somebody. */
const BUFCTL_ALLOCATED: u16 = 0xfffe;
/** Checking builds: the object lies in a per-CPU array. */
const BUFCTL_CACHED: u16 = 0xfffd;
const POISON_FREE: u8 = 0x6b;
/** Objects of a slab begin at a cache line (SLAB_HWCACHE_ALIGN): no two CPUs' objects share one. */
export const OBJECT_ALIGN: u32 = 64;

@unmanaged @final
export class KmemCache {
  /** Spinlock of the slab lists; interrupts off. */
  @atomic lock: u32;
  /** Bytes of an object, aligned. */
  object_size: u32;
  /** Objects in a slab. */
  num: u32;
  /** CTOR_*: how objects are constructed. */
  ctor: u32;
  /** Slabs with free and used objects: list head. */
  @guarded("lock") partial_next: usize;
  /** See partial_next. */
  @guarded("lock") partial_prev: usize;
  /** Slabs without a free object: list head. */
  @guarded("lock") full_next: usize;
  /** See full_next. */
  @guarded("lock") full_prev: usize;
  /** Slabs without a used object: list head. */
  @guarded("lock") free_next: usize;
  /** See free_next. */
  @guarded("lock") free_prev: usize;
  /** Slabs. */
  @guarded("lock") nr_slabs: u32;
  /** Free objects on the slab lists; those in per-CPU arrays count as used. */
  @guarded("lock") free_objects: u32;
  /** More free objects than this: a free slab goes back to the buddy allocator. */
  free_limit: u32;
  /** Slabs made since boot. */
  @guarded("lock") grown: u32;
  /** Slabs given back since boot. */
  @guarded("lock") reaped: u32;
  /** Bytes of an object as its user knows it. */
  reallen: u32;
}

@unmanaged @final
export class Slab {
  /** Node of the cache's list. */
  @guarded("lock") list_next: usize;
  /** See list_next. */
  @guarded("lock") list_prev: usize;
  /** Objects handed out. */
  @guarded("lock") inuse: u32;
  /** First free object, or BUFCTL_END. */
  @guarded("lock") free: u32;
  /** CACHE_*: the cache it belongs to. */
  cache_id: u32;
}

/** Free objects of one CPU; the slots follow. */
@unmanaged @final
export class ArrayCache {
  /** Filled slots. */
  avail: u32;
  /** Objects handed out by this CPU since boot. */
  allocs: u32;
  /** Objects given back on this CPU since boot. */
  frees: u32;
  /** Times the array had to be filled. */
  refills: u32;
}

const BATCH: u32 = ARRAY_CACHE_SLOTS / 2;

@inline
function cache_of(cache_id: u32): KmemCache {
  return changetype<KmemCache>(CACHE_TABLE + cache_id * CACHE_STRIDE);
}

@inline
function array_of(cache_id: u32): ArrayCache {
  const offset = PERCPU_ARRAY_CACHES + cache_id * ARRAY_CACHE_SIZE;
  return changetype<ArrayCache>(this_cpu_base() + offset);
}

@inline
function slot(array: ArrayCache, index: u32): usize {
  return changetype<usize>(array) + offsetof<ArrayCache>() + index * 4;
}

@inline
function partial_list(cache: KmemCache): usize {
  return changetype<usize>(cache) + offsetof<KmemCache>("partial_next");
}

@inline
function full_list(cache: KmemCache): usize {
  return changetype<usize>(cache) + offsetof<KmemCache>("full_next");
}

@inline
function free_list(cache: KmemCache): usize {
  return changetype<usize>(cache) + offsetof<KmemCache>("free_next");
}

@inline
function bufctl(slab: Slab, index: u32): usize {
  return changetype<usize>(slab) + offsetof<Slab>() + index * 2;
}

@inline
function first_object(cache: KmemCache, slab: Slab): usize {
  const end = bufctl(slab, cache.num);
  return (end + OBJECT_ALIGN - 1) & ~(<usize>OBJECT_ALIGN - 1);
}

@inline
function slab_of(object: usize): Slab {
  return changetype<Slab>(object & ~(<usize>PAGE_MASK));
}

@inline
function index_of(cache: KmemCache, slab: Slab, object: usize): u32 {
  return <u32>((object - first_object(cache, slab)) / cache.object_size);
}

/** Makes an empty cache of objects of `size_bytes`. */
export function kmem_cache_create(cache_id: u32, size_bytes: u32, ctor: u32): void {
  const cache = cache_of(cache_id);
  const size = (size_bytes + OBJECT_ALIGN - 1) & ~(OBJECT_ALIGN - 1);
  cache.object_size = size;
  cache.reallen = size_bytes;
  cache.num = (PAGE_SIZE - offsetof<Slab>() - OBJECT_ALIGN) / (size + 2);
  cache.ctor = ctor;
  cache.free_limit = BATCH + cache.num;
  list_init(partial_list(cache));
  list_init(full_list(cache));
  list_init(free_list(cache));
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
  if (ctor == CTOR_ANON_VMA) list_init(object + 4);
}

/** Adds a slab to the cache; false when there is no frame for it. Called without the lock. */
function cache_grow(cache_id: u32): bool {
  const cache = cache_of(cache_id);
  const page = alloc_page(GFP_KERNEL);
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
  spin_lock_irq(changetype<usize>(cache));
  list_add(changetype<usize>(slab), free_list(cache));
  cache.nr_slabs++;
  cache.grown++;
  cache.free_objects += cache.num;
  spin_unlock_irq(changetype<usize>(cache));
  return true;
}

function cache_alloc_refill(cache_id: u32, array: ArrayCache): void {
  const cache = cache_of(cache_id);
  array.refills++;
  spin_lock_irq(changetype<usize>(cache));
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
  spin_unlock_irq(changetype<usize>(cache));
}

/** An object of the cache, or 0 when out of memory. */
export function kmem_cache_alloc(cache_id: u32): usize {
  const array = array_of(cache_id);
  while (array.avail == 0) {
    cache_alloc_refill(cache_id, array);
    if (array.avail == 0 && !cache_grow(cache_id)) return 0;
  }
  array.allocs++;
  const object = load<usize>(slot(array, --array.avail));
  if (CONFIG_CHECK) check_alloc(cache_of(cache_id), object);
  return object;
}

/**
 * Gives one object back to its slab, and a slab that got empty to the buddy allocator if there are
 * many.
 */
function free_block(cache: KmemCache, object: usize): void {
  const slab = slab_of(object);
  const index = index_of(cache, slab, object);
  store<u16>(bufctl(slab, index), <u16>slab.free);
  slab.free = index;
  slab.inuse--;
  cache.free_objects++;
  list_del(changetype<usize>(slab));
  if (slab.inuse != 0) {
    list_add(changetype<usize>(slab), partial_list(cache));
  } else if (cache.free_objects > cache.free_limit) {
    slab_destroy(cache, slab);
  } else {
    list_add(changetype<usize>(slab), free_list(cache));
  }
}

function slab_destroy(cache: KmemCache, slab: Slab): void {
  cache.free_objects -= cache.num;
  cache.nr_slabs--;
  cache.reaped++;
  const page = virt_to_page(changetype<usize>(slab));
  page_clear_flag(page, PG_slab);
  shadow_allocated(changetype<usize>(slab), PAGE_SIZE);
  free_pages(page, 0);
}

function cache_flusharray(cache: KmemCache, array: ArrayCache, count: u32): void {
  spin_lock_irq(changetype<usize>(cache));
  for (let i: u32 = 0; i < count; i++) free_block(cache, load<usize>(slot(array, i)));
  spin_unlock_irq(changetype<usize>(cache));
  array.avail -= count;
  for (let i: u32 = 0; i < array.avail; i++) {
    store<usize>(slot(array, i), load<usize>(slot(array, i + count)));
  }
}

/** Gives an object back, in its constructed state if the cache has a constructor. */
export function kmem_cache_free(cache_id: u32, object: usize): void {
  const array = array_of(cache_id);
  if (CONFIG_CHECK) check_free(cache_id, object);
  if (array.avail == ARRAY_CACHE_SLOTS) cache_flusharray(cache_of(cache_id), array, BATCH);
  array.frees++;
  store<usize>(slot(array, array.avail++), object);
}

/** True if an object of the cache, free or not, begins at `object`, which may be any number. */
export function kmem_cache_owns(cache_id: u32, object: usize): bool {
  if (object >> PAGE_SHIFT >= boot().lowmem_pfns) return false;
  const slab = slab_of(object);
  if ((virt_to_page(object).flags & PG_slab) == 0 || slab.cache_id != cache_id) return false;
  const cache = cache_of(cache_id);
  const index = index_of(cache, slab, object);
  return index < cache.num && object == first_object(cache, slab) + index * cache.object_size;
}

/** Gives the per-CPU arrays of this CPU and all empty slabs back. */
export function kmem_cache_reap_all(): void {
  for (let cache_id: u32 = 0; cache_id < NR_CACHES; cache_id++) {
    const cache = cache_of(cache_id);
    const array = array_of(cache_id);
    cache_flusharray(cache, array, array.avail);
    spin_lock_irq(changetype<usize>(cache));
    while (!list_empty(free_list(cache))) {
      const node = list_next(free_list(cache));
      list_del(node);
      slab_destroy(cache, changetype<Slab>(node));
    }
    spin_unlock_irq(changetype<usize>(cache));
  }
}

/** Checking builds: a free object is what it was when it was freed. */
function check_alloc(cache: KmemCache, object: usize): void {
  const slab = slab_of(object);
  const index = index_of(cache, slab, object);
  bug_on(load<u16>(bufctl(slab, index)) != BUFCTL_CACHED, BUG_SLAB_DOUBLE_FREE, object);
  store<u16>(bufctl(slab, index), BUFCTL_ALLOCATED);
  check_content(cache, object);
  shadow_allocated(object, cache.reallen);
}

function check_content(cache: KmemCache, object: usize): void {
  if (cache.ctor == CTOR_ANON_VMA) {
    bug_on(load<u32>(object) != 0 || !list_empty(object + 4), BUG_NOT_CONSTRUCTED, object);
    return;
  }
  const expected: u8 = cache.ctor == CTOR_ZERO ? 0 : POISON_FREE;
  const at = <u32>memscan(object, expected, cache.object_size);
  bug_on(at < cache.object_size, BUG_SLAB_POISON, object, at);
}

/** Checking builds: the object is one of this cache, allocated, and constructed. */
function check_free(cache_id: u32, object: usize): void {
  const cache = cache_of(cache_id);
  bug_on(!kmem_cache_owns(cache_id, object), BUG_SLAB_FOREIGN_OBJECT, object, cache_id);
  const slab = slab_of(object);
  const index = index_of(cache, slab, object);
  // In one step, so that of two CPUs that free the same object one is found.
  const state = atomic_cmpxchg<u16>(bufctl(slab, index), BUFCTL_ALLOCATED, BUFCTL_CACHED);
  bug_on(state != BUFCTL_ALLOCATED, BUG_SLAB_DOUBLE_FREE, object);
  if (cache.ctor == CTOR_NONE) memset(object, POISON_FREE, cache.object_size);
  else check_content(cache, object);
  shadow_freed(object, cache.object_size);
}
