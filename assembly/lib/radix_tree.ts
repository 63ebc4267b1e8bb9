// The index of the page cache: from the number of a page in its file to struct page. Models
// lib/radix-tree.c of 2.6.9. The caller holds tree_lock. An item is any address but 0, an index any
// u64.
//
//   RadixTreeRoot  height, rnode ──► RadixTreeNode  count, parent, 64 slots ──► ... ──► item
//
// A level of nodes decides 6 bits of the index, the top one the highest. A tree of height h holds
// the indices below 64^h; at height 0, `rnode` is itself the item of index 0. Between calls no node
// is empty, and the tree is as low as its highest index allows. A node knows its parent, so that
// removing climbs instead of remembering the way. Nodes are made under the lock, so an insertion takes them from
// what mm/radix_preload.ts has laid ready, or from the reserve.
// Left out: tags (dirty, writeback), lookups without the lock.

import { BUG_RADIX_TREE, check_bug_on } from "../arch/bug";
import { GFP_ATOMIC } from "../mm/page_alloc";
import { kmem_cache_alloc_gfp, kmem_cache_free } from "../mm/slab";
import { CACHE_RADIX_NODE } from "../mm/slab_types";
import { EEXIST, ENOMEM } from "./errno";

/** Index bits that one level decides. */
const LEVEL_BITS: u32 = 6;
const NODE_SLOTS: u32 = 1 << LEVEL_BITS;

@unmanaged @final
export class RadixTreeRoot {
  /** Levels of nodes above the items. */
  @guarded("tree_lock") height: u32;
  /** Top node; at height 0 the item of index 0; or 0: nothing is in the tree. */
  @guarded("tree_lock") rnode: usize;
}
if (offsetof<RadixTreeRoot>() != 8) ERROR("struct address_space embeds the root as two words");

/**
 * The head of a node; 64 slots of one word follow. Free nodes are all zero: the constructed state.
 */
@unmanaged @final
export class RadixTreeNode {
  /** Slots in use, 1 to 64. */
  @guarded("tree_lock") count: u32;
  /** Node above, or 0. */
  @guarded("tree_lock") parent: usize;
}

/** Size of a node with its slots, in bytes: what CACHE_RADIX_NODE must give. */
export const RADIX_TREE_NODE_SIZE: u32 = <u32>offsetof<RadixTreeNode>() + (NODE_SLOTS << 2);

/**
 * Puts `item` at `index`. Returns 0, -EEXIST if something is there, or -ENOMEM; then nothing has
 * changed.
 */
export function radix_tree_insert(root: usize, index: u64, item: usize): i32 {
  const tree = changetype<RadixTreeRoot>(root);
  check_bug_on(item == 0, BUG_RADIX_TREE, root, <u32>index);
  if (!extend(tree, index)) return -ENOMEM;

  let node: usize = 0;
  let slot = top_slot(tree);
  for (let shift = tree.height * LEVEL_BITS; shift != 0; slot = slot_of(node, index, shift)) {
    let child = load<usize>(slot);
    if (child == 0) {
      child = kmem_cache_alloc_gfp(CACHE_RADIX_NODE, GFP_ATOMIC);
      if (child == 0) {
        prune(tree, node, index, shift);
        return -ENOMEM;
      }
      changetype<RadixTreeNode>(child).parent = node;
      fill_slot(node, slot, child);
    }
    node = child;
    shift -= LEVEL_BITS;
  }
  if (load<usize>(slot) != 0) return -EEXIST;
  fill_slot(node, slot, item);
  return 0;
}

/** The item at `index`, or 0. */
export function radix_tree_lookup(root: usize, index: u64): usize {
  const tree = changetype<RadixTreeRoot>(root);
  if (index > max_index(tree.height)) return 0;
  let item = tree.rnode;
  let shift = tree.height * LEVEL_BITS;
  while (shift != 0 && item != 0) {
    shift -= LEVEL_BITS;
    item = load<usize>(slot_of(item, index, shift));
  }
  return item;
}

/** Takes the item at `index` out and returns it, or 0. Frees the nodes that this leaves empty. */
export function radix_tree_delete(root: usize, index: u64): usize {
  const tree = changetype<RadixTreeRoot>(root);
  if (index > max_index(tree.height)) return 0;
  let node: usize = 0;
  let slot = top_slot(tree);
  for (let shift = tree.height * LEVEL_BITS; shift != 0; slot = slot_of(node, index, shift)) {
    node = load<usize>(slot);
    if (node == 0) return 0;
    shift -= LEVEL_BITS;
  }
  const item = load<usize>(slot);
  if (item == 0) return 0;
  clear_slot(node, slot);
  prune(tree, node, index, 0);
  return item;
}

/**
 * The item with the lowest index that is `index` or more, or 0. Stores its index at `found`, as a
 * u64.
 */
export function radix_tree_next(root: usize, index: u64, found: usize): usize {
  const tree = changetype<RadixTreeRoot>(root);
  while (tree.rnode != 0 && index <= max_index(tree.height)) {
    let item = tree.rnode;
    let shift = tree.height * LEVEL_BITS;
    while (shift != 0) {
      const number = slot_number(index, shift - LEVEL_BITS);
      const next = next_used(item, number);
      if (next == NODE_SLOTS) break;
      shift -= LEVEL_BITS;
      if (next != number) index = ((index >> shift) + (next - number)) << shift;
      item = load<usize>(slot_at(item, next));
    }
    if (shift == 0) {
      store<u64>(found, index);
      return item;
    }
    // The last node has nothing more: go on with the first index after all of its own.
    if (shift >= 64) return 0;
    index = ((index >> shift) + 1) << shift;
    if (index == 0) return 0;
  }
  return 0;
}

/** Makes the tree high enough for `index`; false when out of memory. */
function extend(tree: RadixTreeRoot, index: u64): bool {
  while (index > max_index(tree.height)) {
    if (tree.rnode != 0) {
      const node = kmem_cache_alloc_gfp(CACHE_RADIX_NODE, GFP_ATOMIC);
      if (node == 0) {
        shrink(tree);
        return false;
      }
      if (tree.height != 0) changetype<RadixTreeNode>(tree.rnode).parent = node;
      fill_slot(node, slot_at(node, 0), tree.rnode);
      tree.rnode = node;
    }
    tree.height++;
  }
  return true;
}

/**
 * Frees `node`, which decides the bits from `shift` on, and the nodes above it as far as they are
 * empty.
 */
function prune(tree: RadixTreeRoot, node: usize, index: u64, shift: u32): void {
  while (node != 0 && changetype<RadixTreeNode>(node).count == 0) {
    const parent = changetype<RadixTreeNode>(node).parent;
    shift += LEVEL_BITS;
    clear_slot(parent, parent == 0 ? top_slot(tree) : slot_of(parent, index, shift));
    changetype<RadixTreeNode>(node).parent = 0;
    kmem_cache_free(CACHE_RADIX_NODE, node);
    node = parent;
  }
  shrink(tree);
}

/** Takes off the top nodes in which only the first slot is used. */
function shrink(tree: RadixTreeRoot): void {
  if (tree.rnode == 0) tree.height = 0;
  while (tree.height != 0) {
    const top = tree.rnode;
    const first = load<usize>(slot_at(top, 0));
    if (changetype<RadixTreeNode>(top).count != 1 || first == 0) return;
    tree.rnode = first;
    tree.height--;
    if (tree.height != 0) changetype<RadixTreeNode>(first).parent = 0;
    clear_slot(top, slot_at(top, 0));
    kmem_cache_free(CACHE_RADIX_NODE, top);
  }
}

/** Number of the first slot in use from `number` on, or NODE_SLOTS. */
function next_used(node: usize, number: u32): u32 {
  while (number < NODE_SLOTS && load<usize>(slot_at(node, number)) == 0) number++;
  return number;
}

/** The highest index of a tree of that height. */
@inline
function max_index(height: u32): u64 {
  const bits = height * LEVEL_BITS;
  return bits >= 64 ? u64.MAX_VALUE : ((<u64>1) << bits) - 1;
}

@inline
function slot_number(index: u64, shift: u32): u32 {
  return <u32>(index >> shift) & (NODE_SLOTS - 1);
}

@inline
function slot_at(node: usize, number: u32): usize {
  return node + offsetof<RadixTreeNode>() + (number << 2);
}

@inline
function slot_of(node: usize, index: u64, shift: u32): usize {
  return slot_at(node, slot_number(index, shift));
}

/** The word that holds the top: a slot without a node. */
@inline
function top_slot(tree: RadixTreeRoot): usize {
  return changetype<usize>(tree) + offsetof<RadixTreeRoot>("rnode");
}

/** Uses an empty slot of `node`, or the top slot if `node` is 0. */
@inline
function fill_slot(node: usize, slot: usize, word: usize): void {
  store<usize>(slot, word);
  if (node != 0) changetype<RadixTreeNode>(node).count++;
}

/** Empties a slot of `node`, or the top slot if `node` is 0. */
@inline
function clear_slot(node: usize, slot: usize): void {
  store<usize>(slot, 0);
  if (node != 0) changetype<RadixTreeNode>(node).count--;
}
