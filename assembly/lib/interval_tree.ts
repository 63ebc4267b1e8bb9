// The VMAs that map a file, found by the pages they map. Models lib/interval_tree.c as
// mm/interval_tree.c uses it (Linux 3.7); the kernels here had a priority search tree (prio_tree),
// which finds the same VMAs. The caller holds i_mmap_lock of the file.
//
// A red-black tree ordered by first page, in which each node knows the last page that any VMA below
// it maps: what ends before the interval is not walked. To find k VMAs among n takes at most
// O(k log n) steps.
//
// Order: VMAs come by first page, and equal ones as they were inserted, through all rotations. So a
// child, which fork inserts after its parent, is visited after it. Truncation relies on that: were
// the child visited first, it would be found empty, then fork would copy PTEs that the parent still
// has, and only the parent's would be zapped. The child would keep a truncated page.
// Left out: nonlinear VMAs, which stand on a list of their own in Linux.

import { FIX_CHILD_AFTER, without } from "../arch/fixes";
import { VmArea, vma_pages } from "../mm/mm_types";
import {
  rb_erase_augmented,
  rb_insert_augmented,
  rb_left,
  rb_left_link,
  rb_link_node,
  rb_parent,
  rb_right,
  rb_right_link,
} from "./rbtree";

if (
  offsetof<VmArea>("shared_left") != offsetof<VmArea>("shared_parent_color") + 4 ||
  offsetof<VmArea>("shared_right") != offsetof<VmArea>("shared_parent_color") + 8
)
  ERROR("a red-black node is three words in a row: parent and color, left, right");

/** Policy: shared_subtree_last is the last page that the VMA or any below it maps. */
@unmanaged @final
class SubtreeLast {
  update(node: usize): bool {
    const vma = node_vma(node);
    let last = vma_last(vma);
    const left = rb_left(node);
    if (left != 0) last = max<u64>(last, node_vma(left).shared_subtree_last);
    const right = rb_right(node);
    if (right != 0) last = max<u64>(last, node_vma(right).shared_subtree_last);
    if (vma.shared_subtree_last == last) return false;
    vma.shared_subtree_last = last;
    return true;
  }
}

/**
 * Puts `vma` into the tree whose root word is at `root`, after all VMAs with the same first page.
 */
export function vma_interval_tree_insert(vma: usize, root: usize): void {
  const start = changetype<VmArea>(vma).vm_pgoff;
  let parent: usize = 0;
  let link = root;
  for (let node = load<usize>(root); node != 0; node = load<usize>(link)) {
    parent = node;
    const pgoff = node_vma(node).vm_pgoff;
    const is_before = start < pgoff || (start == pgoff && without(FIX_CHILD_AFTER));
    link = is_before ? rb_left_link(node) : rb_right_link(node);
  }
  rb_link_node(vma_node(vma), parent, link);
  rb_insert_augmented<SubtreeLast>(vma_node(vma), root);
}

/** Takes `vma` off the tree. Its pgoff, start and end are still those that it was inserted with. */
export function vma_interval_tree_remove(vma: usize, root: usize): void {
  rb_erase_augmented<SubtreeLast>(vma_node(vma), root);
}

/** The first VMA that maps any of the file pages `start` to `last`, or 0. */
export function vma_interval_tree_iter_first(root: usize, start: u64, last: u64): usize {
  const top = load<usize>(root);
  return reaches(top, start) ? first_below(top, start, last) : 0;
}

/** The VMA after `vma` that maps any of the file pages `start` to `last`, or 0. */
export function vma_interval_tree_iter_next(vma: usize, start: u64, last: u64): usize {
  let node = vma_node(vma);
  while (true) {
    const right = rb_right(node);
    if (reaches(right, start)) return first_below(right, start, last);

    // Nothing more below: go up to the first node that comes after.
    let child = node;
    for (node = rb_parent(node); node != 0 && rb_right(node) == child; node = rb_parent(node)) {
      child = node;
    }
    if (node == 0 || node_vma(node).vm_pgoff > last) return 0;
    if (vma_last(node_vma(node)) >= start) return changetype<usize>(node_vma(node));
  }
  return 0;
}

/**
 * The first VMA of the subtree of `node`, which reaches `start`, that maps any of `start` to
 * `last`; or 0.
 */
function first_below(node: usize, start: u64, last: u64): usize {
  while (true) {
    // The first VMA that ends at or after `start` is on the left if any is. If it begins after
    // `last`, so do all that follow: no need to come back here.
    const left = rb_left(node);
    if (reaches(left, start)) {
      node = left;
      continue;
    }
    const vma = node_vma(node);
    if (vma.vm_pgoff > last) return 0;
    if (vma_last(vma) >= start) return changetype<usize>(vma);
    node = rb_right(node);
  }
  return 0;
}

/** True if any VMA of the subtree of `node` ends at page `start` or later. */
@inline
function reaches(node: usize, start: u64): bool {
  return node != 0 && node_vma(node).shared_subtree_last >= start;
}

@inline
function vma_last(vma: VmArea): u64 {
  return vma.vm_pgoff + vma_pages(vma) - 1;
}

@inline
function vma_node(vma: usize): usize {
  return vma + offsetof<VmArea>("shared_parent_color");
}

@inline
function node_vma(node: usize): VmArea {
  return changetype<VmArea>(node - offsetof<VmArea>("shared_parent_color"));
}
