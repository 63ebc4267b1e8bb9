// The page cache: pages of a file, found by index, read in on demand. Linux: mm/filemap.c of 2.6.9,
// and the nopage method of a file mapping. Left out: readahead and I/O that takes time: a page is
// filled at once by the CPU that asks for it.

import { BUG_RADIX_TREE, bug_on } from "../arch/bug";
import { FIX_TREE_LOCK, FIX_UPTODATE, without } from "../arch/fixes";
import { memset } from "../arch/memory";
import { PAGE_SHIFT, PAGE_SIZE } from "../arch/memory_map";
import { this_cpu } from "../arch/percpu";
import { EEXIST } from "../lib/errno";
import { radix_tree_insert, radix_tree_lookup } from "../lib/radix_tree";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { lru_cache_add, mark_page_accessed } from "./lru";
import {
  FILE_SEED,
  Inode,
  inode_page_tree,
  inode_seed_end,
  inode_size,
  inode_tree_lock,
} from "./mapping";
import {
  PG_uptodate,
  Page,
  get_page,
  page_address,
  page_set_flag,
  page_test_flag,
} from "./page";
import { GFP_HIGHUSER, alloc_page, page_has_content } from "./page_alloc";
import { store_read } from "./page_io";
import { put_page } from "./put_page";
import { radix_tree_preload } from "./radix_preload";
import { __clear_page_locked, __set_page_locked, lock_page, unlock_page } from "./page_lock";

/** nopage: the address lies behind the end of the file. */
export const NOPAGE_SIGBUS: usize = 0;
/** nopage: out of memory. */
export const NOPAGE_OOM: usize = 1;

/** The page of a file with a reference, or 0 if it is not in the page cache. */
export function find_get_page(inode: Inode, index: u64): Page {
  spin_lock(inode_tree_lock(inode));
  const page = changetype<Page>(radix_tree_lookup(inode_page_tree(inode), index));
  if (changetype<usize>(page) != 0) get_page(page);
  spin_unlock(inode_tree_lock(inode));
  return page;
}

/**
 * Enters a locked page: 0, or -EEXIST when another CPU was faster, or -ENOMEM. The cache gets a
 * reference of its own.
 */
export function add_to_page_cache(page: Page, inode: Inode, index: u64): i32 {
  const locks = !without(FIX_TREE_LOCK);
  if (locks) spin_lock(inode_tree_lock(inode));
  const error = radix_tree_insert(inode_page_tree(inode), index, changetype<usize>(page));
  if (error == 0) {
    get_page(page);
    page.mapping = changetype<usize>(inode);
    page.index = index;
    inode.nrpages++;
  }
  if (locks) spin_unlock(inode_tree_lock(inode));
  return error;
}

/** What lies behind the end of what the file was made of reads as zeros. */
function clear_behind_end(inode: Inode, index: u64, frame: usize): void {
  const start = index << PAGE_SHIFT;
  const end = inode_seed_end(inode);
  if (end >= start + PAGE_SIZE) return;
  const used = end > start ? <usize>(end - start) : 0;
  memset(frame + used, 0, PAGE_SIZE - used);
}

/** Fills a page with what the file was made of, as far as that was not cut off. */
function read_original(inode: Inode, page: Page): void {
  if (!page_has_content(page)) return;
  const frame = page_address(page);
  if (inode.i_kind == FILE_SEED) fill_from_seed(frame, inode.i_seed, page.index);
  else memset(frame, 0, PAGE_SIZE);
  clear_behind_end(inode, page.index, frame);
}

/** Fills a page with what the file holds there: what was written to the disk, or what it was made of. */
function readpage(inode: Inode, page: Page): void {
  if (!store_read(inode, page)) read_original(inode, page);
  page_set_flag(page, PG_uptodate);
}

/**
 * One 32-bit word of a FILE_SEED file: a mix of seed, page and word (the finaliser of MurmurHash3).
 */
export function seed_word(seed: u32, index: u64, word: u32): u32 {
  let hash = seed ^ (<u32>index * 0x9e3779b1) ^ (word * 0x85ebca6b);
  hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >>> 13)) * 0xc2b2ae35;
  return hash ^ (hash >>> 16);
}

function fill_from_seed(frame: usize, seed: u32, index: u64): void {
  for (let word: u32 = 0; word < PAGE_SIZE / 4; word++) {
    store<u32>(frame + word * 4, seed_word(seed, index, word));
  }
}

/** A new page of the file, read in, with a reference; or 0 when out of memory. */
function page_cache_read(inode: Inode, index: u64): Page {
  if (!radix_tree_preload()) return changetype<Page>(0);
  const page = alloc_page(GFP_HIGHUSER);
  if (changetype<usize>(page) == 0) return page;
  __set_page_locked(page);
  const error = add_to_page_cache(page, inode, index);
  if (error == 0) {
    this_cpu().pgmajfault++;
    readpage(inode, page);
    unlock_page(page);
    lru_cache_add(page);
    return page;
  }
  __clear_page_locked(page);
  put_page(page);
  return error == -EEXIST ? find_get_page(inode, index) : changetype<Page>(0);
}

/**
 * The page of a file with a reference, read in if need be; or 0 when out of memory. May sleep on
 * the page lock.
 */
export function read_cache_page(inode: Inode, index: u64): Page {
  while (true) {
    let page = find_get_page(inode, index);
    if (changetype<usize>(page) == 0) page = page_cache_read(inode, index);
    if (changetype<usize>(page) == 0) return page;
    if (page_test_flag(page, PG_uptodate) || without(FIX_UPTODATE)) return page;
    lock_page(page);
    const is_cut = page.mapping == 0;
    bug_on(
      !is_cut && !page_test_flag(page, PG_uptodate),
      BUG_RADIX_TREE,
      changetype<usize>(page),
    );
    unlock_page(page);
    if (!is_cut) return page;
    // Truncation took it out of the file; it may be inside again.
    put_page(page);
  }
}

/** nopage of a file mapping: the page with a reference, NOPAGE_SIGBUS or NOPAGE_OOM. */
export function filemap_nopage(inode: Inode, index: u64): usize {
  const size_pages = (inode_size(inode) + PAGE_SIZE - 1) >> PAGE_SHIFT;
  if (index >= size_pages) return NOPAGE_SIGBUS;
  const page = read_cache_page(inode, index);
  if (changetype<usize>(page) == 0) return NOPAGE_OOM;
  mark_page_accessed(page);
  return changetype<usize>(page);
}
