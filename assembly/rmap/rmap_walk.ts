// The one walk of the reverse map: from a page to every VMA that may map it. Linux spells this loop in
// page_referenced_anon, page_referenced_file, try_to_unmap_anon and try_to_unmap_file (mm/rmap.c of 2.6.8 and
// 2.6.9); rmap_walk, 2.6.16, makes one of them.
//
// Who walks brings a visitor: a class without fields whose method visit() is called for each VMA and says
// what it found there, as a sum of RMAP_*. The compiler makes one copy of the walk for each visitor, so the
// call is direct.
//
// Locks: the caller holds the lock of the list, anon_vma.lock or i_mmap_lock, and keeps what it lies in. The
// visitor takes page_table_lock. Left out: nonlinear VMAs.

import { vma_interval_tree_iter_first, vma_interval_tree_iter_next } from "../lib/interval_tree";
import { list_next } from "../lib/list";
import { anon_vma_head } from "../mm/anon_vma";
import { Inode, inode_i_mmap } from "../mm/mapping";
import { VmArea, anon_node_vma } from "../mm/mm_types";
import { Page } from "../mm/page";
import { page_mapcount } from "./index";

/** visit: the VMA does not map the page. */
export const RMAP_NONE: u64 = 0;
/** visit: one of the PTEs that are counted in _mapcount; the walk ends when all are found. */
export const RMAP_FOUND: u64 = 1;
/** visit: something the visitor counts. */
export const RMAP_HIT: u64 = 1 << 32;
/** visit: no further. */
export const RMAP_STOP: u64 = 1 << 63;

/** PTEs that a walk has found. */
@inline
export function rmap_found(result: u64): i32 {
  return <i32>result;
}

/** What the visitor has counted. */
@inline
export function rmap_hits(result: u64): u32 {
  return <u32>(result >> 32) & 0x7fffffff;
}

/** True if the visitor has ended the walk. */
@inline
export function rmap_stopped(result: u64): bool {
  return (result & RMAP_STOP) != 0;
}

/** True if the walk has more to find: it was not ended, and not as many PTEs were found as are counted. */
@inline
function goes_on(result: u64, mapcount: i32): bool {
  return !rmap_stopped(result) && rmap_found(result) < mapcount;
}

/** Visits the VMAs on the list of `anon_vma`, whose lock is held. The sum of what visit() said. */
export function rmap_walk_anon<V>(page: Page, anon_vma: usize): u64 {
  const visitor = changetype<V>(0);
  const mapcount = page_mapcount(page);
  const head = anon_vma_head(anon_vma);
  let result = RMAP_NONE;
  let node = list_next(head);
  while (node != head && goes_on(result, mapcount)) {
    result += visitor.visit(page, anon_node_vma(node));
    node = list_next(node);
  }
  return result;
}

/** Visits the VMAs that map the page's place in `inode`, whose i_mmap_lock is held. The sum of what visit() said. */
export function rmap_walk_file<V>(page: Page, inode: Inode): u64 {
  const visitor = changetype<V>(0);
  const mapcount = page_mapcount(page);
  const root = inode_i_mmap(inode);
  const index = page.index;
  let result = RMAP_NONE;
  let vma = vma_interval_tree_iter_first(root, index, index);
  while (vma != 0 && goes_on(result, mapcount)) {
    result += visitor.visit(page, changetype<VmArea>(vma));
    vma = vma_interval_tree_iter_next(vma, index, index);
  }
  return result;
}
