// Truncation: pages behind the new end of a file go from all address spaces, then from the page cache.
// Linux: vmtruncate and unmap_mapping_range, mm/memory.c; truncate_inode_pages, mm/truncate.c; of 2.6.9.
//
//   i_size ── truncate_count + 1 ── PTEs of all VMAs ── for each page: page lock, mapping = 0
//
// PTEs first, mapping second. A fault may find the page before its mapping is gone, and map it after its
// PTEs are: it has sampled truncate_count before it looked for the page, and looks again under
// page_table_lock. Who goes from a page to its file holds the page lock, or has read mapping after taking
// it: while a page is locked it stays in its file, and so the file stays.
//
// Locks: the caller holds i_sem. i_mmap_lock > page_table_lock; page lock > tree_lock. Left out: buffers,
// the cond_resched of 2.6.11.

import { atomic_inc, write_once } from "../arch/atomic";
import { smp_mb } from "../arch/barrier";
import { FIX_TRUNCATE_COUNT, without } from "../arch/fixes";
import { memset } from "../arch/memory";
import { PAGE_SHIFT, PAGE_SIZE } from "../arch/memory_map";
import { PerCpu, this_cpu } from "../arch/percpu";
import { vma_interval_tree_iter_first, vma_interval_tree_iter_next } from "../lib/interval_tree";
import { radix_tree_delete, radix_tree_next } from "../lib/radix_tree";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { i_mmap_is_contended, i_mmap_lock_read, i_mmap_unlock_read } from "../lock/rmap_locks";
import { MMN_RWSEM_CONTENDED } from "../notifier/config";
import { has_patch } from "../notifier/context";
import { i_mmap_locked, i_mmap_unlocked } from "../notifier/sites";
import { find_get_page, read_cache_page } from "./filemap";
import {
  Inode,
  inode_i_mmap,
  inode_i_mmap_lock,
  inode_page_tree,
  inode_tree_lock,
  inode_truncate_count,
} from "./mapping";
import { MmStruct, VmArea, vma_pages } from "./mm_types";
import {
  PG_dirty,
  PG_uptodate,
  Page,
  get_page,
  page_address,
  page_clear_flag,
  page_mapping_addr,
  page_set_flag,
} from "./page";
import { page_has_content } from "./page_alloc";
import { store_has, store_truncate } from "./page_io";
import { lock_page, unlock_page, wait_on_page_writeback } from "./page_lock";
import { put_page } from "./put_page";
import { zap_page_range } from "./zap";

/** The last page that a file can have. */
const LAST_INDEX: u64 = 0xffffffffffffffff;

/** mmn-v13 with patch 07: pages of a file that are unmapped before truncation looks whether somebody waits. */
const ZAP_BLOCK: u64 = 8;

/** Unmaps the pages of the file from `first` to `last`. i_mmap_lock is held. */
function unmap_mapping_range_vmas(inode: Inode, first: u64, last: u64): void {
  const root = inode_i_mmap(inode);
  let node = vma_interval_tree_iter_first(root, first, last);
  for (; node != 0; node = vma_interval_tree_iter_next(node, first, last)) {
    const vma = changetype<VmArea>(node);
    const skipped = first > vma.vm_pgoff ? (first - vma.vm_pgoff) << PAGE_SHIFT : 0;
    let end = vma.vm_end;
    if (last != LAST_INDEX) {
      const pages = last + 1 - vma.vm_pgoff;
      if (pages < vma_pages(vma)) end = vma.vm_start + (pages << PAGE_SHIFT);
    }
    zap_page_range(changetype<MmStruct>(vma.vm_mm), vma.vm_start + skipped, end);
  }
}

/** The first page from `first` on that some VMA maps; LAST_INDEX: none. i_mmap_lock is held. */
function next_mapped_page(inode: Inode, first: u64): u64 {
  const node = vma_interval_tree_iter_first(inode_i_mmap(inode), first, LAST_INDEX);
  if (node == 0) return LAST_INDEX;
  const vma = changetype<VmArea>(node);
  return vma.vm_pgoff > first ? vma.vm_pgoff : first;
}

/**
 * Patch 07: a block of pages after the other, and between two of them whoever waits for i_mmap_sem gets it. What was
 * unmapped stays so: a fault finds the count changed, and a PTE that moves, or is copied by fork, keeps its page of the
 * file. Linux goes by VMA, and writes down in each how far it came (vm_truncate_count).
 */
function unmap_mapping_blocks(inode: Inode, first: u64): void {
  const lock = inode_i_mmap_lock(inode);
  let next = next_mapped_page(inode, first);
  while (next != LAST_INDEX) {
    unmap_mapping_range_vmas(inode, next, next + ZAP_BLOCK - 1);
    if (i_mmap_is_contended(lock)) {
      i_mmap_unlocked();
      i_mmap_unlock_read(lock);
      i_mmap_lock_read(lock);
      i_mmap_locked();
    }
    next = next_mapped_page(inode, next + ZAP_BLOCK);
  }
}

/** Takes the pages of the file from page `first` on away from all that map it, copies of their own too. */
function unmap_mapping_range(inode: Inode, first: u64): void {
  i_mmap_lock_read(inode_i_mmap_lock(inode));
  i_mmap_locked();
  if (!without(FIX_TRUNCATE_COUNT)) atomic_inc(inode_truncate_count(inode));
  // FULL. Pairs with do_no_page(): a fault that is not found below will find the count changed.
  smp_mb();
  if (has_patch(MMN_RWSEM_CONTENDED)) unmap_mapping_blocks(inode, first);
  else unmap_mapping_range_vmas(inode, first, LAST_INDEX);
  i_mmap_unlocked();
  i_mmap_unlock_read(inode_i_mmap_lock(inode));
}

/** The first page of the cache from `index` on, with a reference, or 0. */
function next_page(inode: Inode, index: u64): Page {
  spin_lock(inode_tree_lock(inode));
  const found = changetype<usize>(this_cpu()) + offsetof<PerCpu>("found_index");
  const page = changetype<Page>(radix_tree_next(inode_page_tree(inode), index, found));
  if (changetype<usize>(page) != 0) get_page(page);
  spin_unlock(inode_tree_lock(inode));
  return page;
}

/** Takes a locked page out of its file. Linux: truncate_complete_page, remove_from_page_cache. */
function remove_from_page_cache(inode: Inode, page: Page): void {
  page_clear_flag(page, PG_dirty | PG_uptodate);
  spin_lock(inode_tree_lock(inode));
  radix_tree_delete(inode_page_tree(inode), page.index);
  // RELAXED. Who reads it without the page lock takes that lock, and reads again.
  write_once<usize>(page_mapping_addr(page), 0);
  inode.nrpages--;
  spin_unlock(inode_tree_lock(inode));
  put_page(page);
}

/** Takes the pages from `first` on out of the page cache. No PTE maps them. May sleep. */
export function truncate_inode_pages(inode: Inode, first: u64): void {
  let index = first;
  while (true) {
    const page = next_page(inode, index);
    if (changetype<usize>(page) == 0) break;
    lock_page(page);
    wait_on_page_writeback(page);
    index = page.index + 1;
    if (page.mapping == changetype<usize>(inode)) remove_from_page_cache(inode, page);
    unlock_page(page);
    put_page(page);
  }
  store_truncate(inode, first);
}

/** What the last page holds behind the end of the file reads as zeros. Linux: truncate_partial_page. */
function truncate_partial_page(inode: Inode, size_bytes: u64): void {
  const used = <usize>size_bytes & (PAGE_SIZE - 1);
  if (used == 0) return;
  const index = size_bytes >> PAGE_SHIFT;
  const page = store_has(inode, index)
    ? read_cache_page(inode, index)
    : find_get_page(inode, index);
  if (changetype<usize>(page) == 0) return;
  lock_page(page);
  wait_on_page_writeback(page);
  if (page_has_content(page)) memset(page_address(page) + used, 0, PAGE_SIZE - used);
  page_set_flag(page, PG_dirty);
  unlock_page(page);
  put_page(page);
}

/** Gives the file a new length. i_sem is held. */
export function vmtruncate(inode: Inode, size_bytes: u64): void {
  const old = inode.i_size;
  // RELEASE, by the count below. Pairs with do_no_page(): who sees that the count has changed sees the new
  // length.
  write_once<u64>(changetype<usize>(inode) + offsetof<Inode>("i_size"), size_bytes);
  if (size_bytes >= old) return;
  if (size_bytes < inode.i_seed_end) {
    write_once<u64>(changetype<usize>(inode) + offsetof<Inode>("i_seed_end"), size_bytes);
  }
  const first = (size_bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
  unmap_mapping_range(inode, first);
  truncate_partial_page(inode, size_bytes);
  truncate_inode_pages(inode, first);
}
