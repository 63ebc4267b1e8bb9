// What the slab allocator is made of: caches, slabs, the array of free objects of each CPU, and where things
// lie in a frame. See slab.ts, which allocates.

import { CACHE_TABLE, KERNEL_GLOBALS, PAGE_MASK } from "../arch/memory_map";
import {
  ARRAY_CACHE_SIZE,
  ARRAY_CACHE_SLOTS,
  PERCPU_ARRAY_CACHES,
  this_cpu_base,
} from "../arch/percpu";

export const CACHE_VM_AREA: u32 = 0;
export const CACHE_MM: u32 = 1;
export const CACHE_ANON_VMA: u32 = 2;
export const CACHE_INODE: u32 = 3;
export const CACHE_RADIX_NODE: u32 = 4;
export const CACHE_TASK: u32 = 5;
export const CACHE_PTE_CHAIN: u32 = 6;
export const CACHE_ANONMM: u32 = 7;
/** The cache of a module, which comes and goes. */
export const CACHE_MODULE: u32 = 8;
export const NR_CACHES: u32 = 9;

/** No constructor: objects come with any content. */
export const CTOR_NONE: u32 = 0;
/** Objects come and go back filled with zeros. */
export const CTOR_ZERO: u32 = 1;
/** Objects come and go back as an unlocked anon_vma with an empty list. */
export const CTOR_ANON_VMA: u32 = 2;

/** Objects lie one behind the other; else each has cache lines of its own. */
export const SLAB_PACKED: u32 = 1;
/** Slabs go back to the buddy allocator only after a grace period of RCU. */
export const SLAB_DESTROY_BY_RCU: u32 = 0x00080000;

/** Number of the RCU callback that gives a slab back: its head lies in the slab's own descriptor. */
export const RCU_FREE_SLAB: u32 = 1;

/** cache_chain: bit n is set while cache n exists. Behind the lock of handles (mm/inode.ts). */
export const CACHE_CHAIN: usize = KERNEL_GLOBALS + 0x140;
/** Bytes from one entry of the cache table to the next. */
export const CACHE_STRIDE: usize = 0x80;
/** End of a slab's chain of free objects. */
export const BUFCTL_END: u16 = 0xffff;
/** Checking builds: the object belongs to somebody. */
export const BUFCTL_ALLOCATED: u16 = 0xfffe;
/** Checking builds: the object lies in a per-CPU array. */
export const BUFCTL_CACHED: u16 = 0xfffd;
export const POISON_FREE: u8 = 0x6b;
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
  /** SLAB_* flags. */
  flags: u32;
  /** A slab has 2^gfporder frames. */
  gfporder: u32;
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

export const BATCH: u32 = ARRAY_CACHE_SLOTS / 2;

@inline
export function cache_of(cache_id: u32): KmemCache {
  return changetype<KmemCache>(CACHE_TABLE + cache_id * CACHE_STRIDE);
}

/** Its objects stay objects of the cache as long as somebody may look at them. */
@inline
export function is_typesafe(cache: KmemCache): bool {
  return (cache.flags & SLAB_DESTROY_BY_RCU) != 0;
}

@inline
export function array_of(cache_id: u32): ArrayCache {
  const offset = PERCPU_ARRAY_CACHES + cache_id * ARRAY_CACHE_SIZE;
  return changetype<ArrayCache>(this_cpu_base() + offset);
}

@inline
export function slot(array: ArrayCache, index: u32): usize {
  return changetype<usize>(array) + offsetof<ArrayCache>() + index * 4;
}

@inline
export function partial_list(cache: KmemCache): usize {
  return changetype<usize>(cache) + offsetof<KmemCache>("partial_next");
}

@inline
export function full_list(cache: KmemCache): usize {
  return changetype<usize>(cache) + offsetof<KmemCache>("full_next");
}

@inline
export function free_list(cache: KmemCache): usize {
  return changetype<usize>(cache) + offsetof<KmemCache>("free_next");
}

@inline
export function bufctl(slab: Slab, index: u32): usize {
  return changetype<usize>(slab) + offsetof<Slab>() + index * 2;
}

@inline
export function first_object(cache: KmemCache, slab: Slab): usize {
  const end = bufctl(slab, cache.num);
  return (end + OBJECT_ALIGN - 1) & ~(<usize>OBJECT_ALIGN - 1);
}

@inline
export function slab_of(object: usize): Slab {
  return changetype<Slab>(object & ~(<usize>PAGE_MASK));
}

@inline
export function index_of(cache: KmemCache, slab: Slab, object: usize): u32 {
  return <u32>((object - first_object(cache, slab)) / cache.object_size);
}
