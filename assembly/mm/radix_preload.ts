// Nodes for a tree that is about to grow under its spinlock. Linux: radix_tree_preload, lib/radix-tree.c. They
// lie in this CPU's array of the slab cache: nobody runs here in between.

import { CACHE_RADIX_NODE, array_of } from "./slab_types";
import { kmem_cache_alloc, kmem_cache_free } from "./slab";

/** Nodes that one insertion needs, at most: a path, and as many levels on top. */
const MOST_NODES: u32 = 12;

/** Makes sure that the next insertion on this CPU finds its nodes. False when out of memory. May reclaim. */
export function radix_tree_preload(): bool {
  if (array_of(CACHE_RADIX_NODE).avail >= MOST_NODES) return true;
  let chain: usize = 0;
  let count: u32 = 0;
  for (; count < MOST_NODES; count++) {
    const node = kmem_cache_alloc(CACHE_RADIX_NODE);
    if (node == 0) break;
    store<usize>(node, chain);
    chain = node;
  }
  while (chain != 0) {
    const next = load<usize>(chain);
    store<usize>(chain, 0);
    kmem_cache_free(CACHE_RADIX_NODE, chain);
    chain = next;
  }
  return count == MOST_NODES;
}
