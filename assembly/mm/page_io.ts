// Pages on their way to the disk and back. Linux: mm/page_io.c and, for files, a writepage method and
// mm/page-writeback.c of 2.6.9.
//
//   locked, clean  ──  PG_writeback  ──  unlocked  ──  content is copied  ──  PG_writeback off, sleepers woken
//
// So while a page is written it can be found, mapped and dirtied; it is not freed, since PG_writeback is asked
// for. Where a file has no room on the disk its page stays dirty.

import { FIX_WRITEBACK, without } from "../arch/fixes";
import { this_reclaim } from "../arch/reclaim_state";
import { radix_tree_delete, radix_tree_insert, radix_tree_lookup } from "../lib/radix_tree";
import { radix_tree_next } from "../lib/radix_tree";
import { PerCpu, this_cpu } from "../arch/percpu";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { NO_BLOCK, disk_alloc, disk_free, disk_read, disk_write, has_disk } from "./disk";
import { Inode, inode_store_tree, inode_tree_lock } from "./mapping";
import {
  PG_dirty,
  PG_uptodate,
  PG_writeback,
  Page,
  page_set_flag,
  page_test_and_clear_flag,
} from "./page";
import { end_page_writeback, unlock_page } from "./page_lock";
import { swap_block } from "./swap_types";

/** Fills a locked page of the swap cache. */
export function swap_readpage(page: Page): void {
  disk_read(swap_block(page.private_), page);
  page_set_flag(page, PG_uptodate);
}

/** Writes a locked page to `block`, and unlocks it before it does. */
function write_and_unlock(page: Page, block: u32): void {
  if (!without(FIX_WRITEBACK)) page_set_flag(page, PG_writeback);
  unlock_page(page);
  disk_write(block, page);
  if (!without(FIX_WRITEBACK)) end_page_writeback(page);
}

/** Writes a locked page of the swap cache to its slot; unlocks it. */
export function swap_writepage(page: Page): void {
  this_reclaim().pswpout++;
  write_and_unlock(page, swap_block(page.private_));
}

/** The block that holds a page of a file, or NO_BLOCK: it was never written. */
function store_lookup(inode: Inode, index: u64): u32 {
  spin_lock(inode_tree_lock(inode));
  const item = radix_tree_lookup(inode_store_tree(inode), index);
  spin_unlock(inode_tree_lock(inode));
  return <u32>item - 1;
}

/** The block for a page of a file, taken if there is none yet; NO_BLOCK: the disk is full, or memory is. */
function store_block(inode: Inode, index: u64): u32 {
  const known = store_lookup(inode, index);
  if (known != NO_BLOCK) return known;
  const block = disk_alloc(1);
  if (block == NO_BLOCK) return block;
  spin_lock(inode_tree_lock(inode));
  const error = radix_tree_insert(inode_store_tree(inode), index, block + 1);
  spin_unlock(inode_tree_lock(inode));
  if (error == 0) return block;
  disk_free(block, 1);
  return NO_BLOCK;
}

/** Writes a locked page of a file and unlocks it; false, still locked and dirty again, if there is no room. */
export function file_writepage(inode: Inode, page: Page): bool {
  const block = store_block(inode, page.index);
  if (block == NO_BLOCK) {
    page_set_flag(page, PG_dirty);
    return false;
  }
  this_reclaim().pgpgout++;
  write_and_unlock(page, block);
  return true;
}

/** Fills a locked page from the disk; false if the file has never been written there. */
export function store_read(inode: Inode, page: Page): bool {
  if (!has_disk()) return false;
  const block = store_lookup(inode, page.index);
  if (block == NO_BLOCK) return false;
  this_reclaim().pgpgin++;
  disk_read(block, page);
  return true;
}

/** True if page `index` of the file lies on the disk. */
export function store_has(inode: Inode, index: u64): bool {
  return has_disk() && store_lookup(inode, index) != NO_BLOCK;
}

/** Gives the blocks of the file from page `first` on back. Its pages are out of the page cache. */
export function store_truncate(inode: Inode, first: u64): void {
  if (!has_disk()) return;
  const found = changetype<usize>(this_cpu()) + offsetof<PerCpu>("found_index");
  let item: usize = 1;
  while (item != 0) {
    spin_lock(inode_tree_lock(inode));
    item = radix_tree_next(inode_store_tree(inode), first, found);
    if (item != 0) radix_tree_delete(inode_store_tree(inode), load<u64>(found));
    spin_unlock(inode_tree_lock(inode));
    if (item != 0) disk_free(<u32>item - 1, 1);
  }
}

/** Takes the mark away that says what is on the disk is old; true if it was set. The page is locked. */
export function clear_page_dirty_for_io(page: Page): bool {
  return page_test_and_clear_flag(page, PG_dirty);
}
