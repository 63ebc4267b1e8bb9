// The disk: blocks of one page each, in the machine's memory behind its frames, and a bitmap of those in
// use. Swap areas and dirty pages of files lie here. A machine boots without one; then nothing is reclaimed.
//
// A transfer is a copy by the CPU that asks: it takes no time but its own. Blocks beyond those that have room
// in the WebAssembly memory hold no content, like the frames of highmem: they read as zeros.
//
// Lock: disk.lock, innermost. Left out: a request queue, errors.

import { KERNEL_GLOBALS, PAGE_SHIFT, PAGE_SIZE } from "../arch/memory_map";
import { memcpy, memset } from "../arch/memory";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { PG_reserved, Page, page_address, page_to_pfn, pfn_to_page } from "./page";
import { GFP_KERNEL, GFP_ZERO, alloc_pages, clear_highpage, page_has_content } from "./page_alloc";

@unmanaged @final
export class Disk {
  /** Spinlock of the bitmap. */
  @atomic lock: u32;
  /** Blocks; 0: there is no disk. */
  nr_blocks: u32;
  /** Blocks with content; the others read as zeros. */
  backed: u32;
  /** Address of the content of block 0. */
  base: usize;
  /** One bit for each block; set: in use. */
  @guarded("disk.lock") bitmap: usize;
  /** Where the search for a free block begins. */
  @guarded("disk.lock") hint: u32;
  /** Blocks that are free. */
  @guarded("disk.lock") nr_free: u32;
}

/** Where the Disk of the machine stands. */
export const DISK: usize = KERNEL_GLOBALS + 0x400;
/** disk_alloc: no room. */
export const NO_BLOCK: u32 = 0xffffffff;

@inline
function disk(): Disk {
  return changetype<Disk>(DISK);
}

/** Smallest order whose block of frames holds `bytes`. */
export function order_of(bytes: usize): u32 {
  let order: u32 = 0;
  while ((PAGE_SIZE << order) < <u32>bytes) order++;
  return order;
}

/** Takes a block of frames that stay with the kernel; 0 when out of memory. */
export function alloc_reserved(bytes: usize): usize {
  const order = order_of(bytes);
  const page = alloc_pages(GFP_KERNEL | GFP_ZERO, order);
  if (changetype<usize>(page) == 0) return 0;
  const pfn = page_to_pfn(page);
  for (let i: u32 = 0; i < 1 << order; i++) pfn_to_page(pfn + i).flags = PG_reserved;
  return page_address(page);
}

/**
 * Gives the machine a disk of `nr_blocks`, of which the first `backed` have content, at `base`. At boot.
 * False: no memory for its bitmap.
 */
export function disk_init(nr_blocks: u32, backed: u32, base: usize): bool {
  const own = disk();
  own.bitmap = alloc_reserved(((nr_blocks + 31) >> 5) << 2);
  if (own.bitmap == 0) return false;
  own.backed = backed;
  own.base = base;
  own.nr_free = nr_blocks;
  own.nr_blocks = nr_blocks;
  return true;
}

/** True if the machine has a disk. */
@inline
export function has_disk(): bool {
  return disk().nr_blocks != 0;
}

@inline
function in_use(block: u32): bool {
  return (load<u32>(disk().bitmap + ((block >> 5) << 2)) & (1 << (block & 31))) != 0;
}

function flip(first: u32, count: u32): void {
  for (let block = first; block < first + count; block++) {
    const word = disk().bitmap + ((block >> 5) << 2);
    store<u32>(word, load<u32>(word) ^ (1 << (block & 31)));
  }
}

/** First of `count` free blocks in a row in [from, to), or NO_BLOCK. disk.lock is held. */
function find_free(from: u32, to: u32, count: u32): u32 {
  let run: u32 = 0;
  for (let block = from; block < to; block++) {
    run = in_use(block) ? 0 : run + 1;
    if (run == count) return block + 1 - count;
  }
  return NO_BLOCK;
}

/** Takes `count` blocks in a row; the first, or NO_BLOCK when there is no room. */
export function disk_alloc(count: u32): u32 {
  const own = disk();
  spin_lock(DISK);
  let first = NO_BLOCK;
  if (own.nr_free >= count) {
    first = find_free(own.hint, own.nr_blocks, count);
    if (first == NO_BLOCK) first = find_free(0, own.nr_blocks, count);
  }
  if (first != NO_BLOCK) {
    flip(first, count);
    own.hint = first + count;
    own.nr_free -= count;
  }
  spin_unlock(DISK);
  return first;
}

/** Gives `count` blocks from `first` on back. */
export function disk_free(first: u32, count: u32): void {
  spin_lock(DISK);
  flip(first, count);
  disk().nr_free += count;
  spin_unlock(DISK);
}

@inline
function block_address(block: u32): usize {
  return disk().base + ((<usize>block) << PAGE_SHIFT);
}

/** Writes what a page holds to a block. */
export function disk_write(block: u32, page: Page): void {
  if (block >= disk().backed) return;
  if (page_has_content(page)) memcpy(block_address(block), page_address(page), PAGE_SIZE);
  else memset(block_address(block), 0, PAGE_SIZE);
}

/** Fills a page with what a block holds. */
export function disk_read(block: u32, page: Page): void {
  if (!page_has_content(page)) return;
  if (block >= disk().backed) clear_highpage(page);
  else memcpy(page_address(page), block_address(block), PAGE_SIZE);
}
