// Checking builds: who owns each object of a slab, and whether free ones are what they were when they were
// freed: poison, or the constructed state. The word of the chain of free objects says who has it.

import { atomic_cmpxchg } from "../arch/atomic";
import { boot } from "../arch/boot_params";
import {
  BUG_NOT_CONSTRUCTED,
  BUG_SLAB_DOUBLE_FREE,
  BUG_SLAB_FOREIGN_OBJECT,
  BUG_SLAB_POISON,
  bug_on,
} from "../arch/bug";
import { memscan, memset } from "../arch/memory";
import { PAGE_SHIFT } from "../arch/memory_map";
import { shadow_allocated, shadow_freed } from "../check/shadow";
import { list_empty } from "../lib/list";
import { anon_vma_sem } from "../lock/rmap_locks";
import { rwsem_is_busy } from "../lock/rwsem";
import { ANON_VMA_SLEEPS } from "../notifier/config";
import { PG_slab, virt_to_page } from "./page";
import {
  BUFCTL_ALLOCATED,
  BUFCTL_CACHED,
  CTOR_ANON_VMA,
  CTOR_NONE,
  CTOR_ZERO,
  KmemCache,
  POISON_FREE,
  bufctl,
  cache_of,
  first_object,
  index_of,
  is_typesafe,
  slab_of,
} from "./slab_types";

/** True if an object of the cache, free or not, begins at `object`, which may be any number. */
export function kmem_cache_owns(cache_id: u32, object: usize): bool {
  if (object >> PAGE_SHIFT >= boot().lowmem_pfns) return false;
  const slab = slab_of(object);
  if ((virt_to_page(object).flags & PG_slab) == 0 || slab.cache_id != cache_id) return false;
  const cache = cache_of(cache_id);
  const index = index_of(cache, slab, object);
  return index < cache.num && object == first_object(cache, slab) + index * cache.object_size;
}

/** Checking builds: a free object is what it was when it was freed. */
export function check_alloc(cache: KmemCache, object: usize): void {
  const slab = slab_of(object);
  const index = index_of(cache, slab, object);
  bug_on(load<u16>(bufctl(slab, index)) != BUFCTL_CACHED, BUG_SLAB_DOUBLE_FREE, object);
  store<u16>(bufctl(slab, index), BUFCTL_ALLOCATED);
  check_content(cache, object);
  if (!is_typesafe(cache)) shadow_allocated(object, cache.reallen);
}

function check_content(cache: KmemCache, object: usize): void {
  if (cache.ctor == CTOR_ANON_VMA) {
    // Who is late may hold the lock of a free object, if that is allowed.
    let is_locked = !is_typesafe(cache) && load<u32>(object) != 0;
    // Nobody who has no reference comes near one that is counted.
    if (ANON_VMA_SLEEPS) is_locked = rwsem_is_busy(anon_vma_sem(object));
    bug_on(is_locked || !list_empty(object + 4), BUG_NOT_CONSTRUCTED, object);
    return;
  }
  const expected: u8 = cache.ctor == CTOR_ZERO ? 0 : POISON_FREE;
  const at = <u32>memscan(object, expected, cache.object_size);
  bug_on(at < cache.object_size, BUG_SLAB_POISON, object, at);
}

/** Checking builds: the object is one of this cache, allocated, and constructed. */
export function check_free(cache_id: u32, object: usize): void {
  const cache = cache_of(cache_id);
  bug_on(!kmem_cache_owns(cache_id, object), BUG_SLAB_FOREIGN_OBJECT, object, cache_id);
  const slab = slab_of(object);
  const index = index_of(cache, slab, object);
  // In one step, so that of two CPUs that free the same object one is found.
  const state = atomic_cmpxchg<u16>(bufctl(slab, index), BUFCTL_ALLOCATED, BUFCTL_CACHED);
  bug_on(state != BUFCTL_ALLOCATED, BUG_SLAB_DOUBLE_FREE, object);
  if (cache.ctor == CTOR_NONE) memset(object, POISON_FREE, cache.object_size);
  else check_content(cache, object);
  if (!is_typesafe(cache)) shadow_freed(object, cache.object_size);
}
