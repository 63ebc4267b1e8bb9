// The callback that gives a slab of a typesafe cache back when a grace period has passed. Linux: kmem_rcu_free,
// mm/slab.c of 2.6.9. It looks at the cache, which must still be there (slab_destroy.ts). Apart from slab.ts, whose
// accesses the explorer takes for those of an allocator, which may touch what is free.

import { RcuHead } from "../lock/rcu";
import { free_slab } from "./slab";
import { Slab, cache_of } from "./slab_types";

/** `head` lies at the beginning of the slab. */
export function kmem_rcu_free(head: RcuHead): void {
  const slab = changetype<Slab>(changetype<usize>(head));
  free_slab(slab, cache_of(slab.cache_id).gfporder);
}
