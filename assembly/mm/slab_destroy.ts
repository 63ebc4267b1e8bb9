// The end of a slab cache, as when a module goes. Linux: kmem_cache_destroy, mm/slab.c of 2.6.9.
//
// The last slabs of a typesafe cache may still wait for RCU, and who frees a slab looks at its cache: so all callbacks
// must have been called before the cache itself goes. That a grace period has passed does not promise that: on another
// CPU they may wait for their turn. Up to 2.6.30 Linux waited for the grace period alone.
//
// The caller holds no lock, and nobody allocates from the cache any more. Left out: cache_chain_sem (the chain is a
// mask that changes atomically); asking other CPUs for what lies in their arrays, which counts as in use.

import { atomic_and, atomic_or } from "../arch/atomic";
import { FIX_DESTROY_BARRIER, without } from "../arch/fixes";
import { shadow_freed } from "../check/shadow";
import { rcu_barrier, synchronize_kernel } from "../sched/rcu_tasklet";
import { cache_lock, cache_unlock, kmem_cache_shrink } from "./slab";
import { CACHE_CHAIN, CACHE_STRIDE, cache_of, is_typesafe } from "./slab_types";

/** Destroys a cache. False, and it stays: objects are in use, or lie in the array of another CPU. May sleep. */
export function kmem_cache_destroy(cache_id: u32): bool {
  const cache = cache_of(cache_id);
  atomic_and<u32>(CACHE_CHAIN, ~(1 << cache_id));
  kmem_cache_shrink(cache_id);
  cache_lock(cache);
  const in_use = cache.nr_slabs != 0;
  cache_unlock(cache);
  if (in_use) {
    atomic_or<u32>(CACHE_CHAIN, 1 << cache_id);
    return false;
  }
  if (is_typesafe(cache)) {
    if (without(FIX_DESTROY_BARRIER)) synchronize_kernel();
    else rcu_barrier();
  }
  shadow_freed(changetype<usize>(cache), CACHE_STRIDE);
  return true;
}
