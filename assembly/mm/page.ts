// struct page: one for each frame, 64 bytes, a cache line, so that two pages never share one.
// Linux: include/linux/mm.h and page-flags.h of 2.6.8 and 2.6.9.
//
// `_count` and, from 2.6.9, `_mapcount` start at -1, so that one atomic operation tells who made
// the transition from and to "free" and "unmapped". In 2.6.8 `_mapcount` is a plain number from 0
// under PG_maplock.

import {
  atomic_and,
  atomic_dec_and_test,
  atomic_fetch_and,
  atomic_fetch_or,
  atomic_or,
  read_once,
} from "../arch/atomic";
import { atomic_add_negative, atomic_inc, atomic_inc_and_test } from "../arch/atomic";
import { BUG_COUNT_UNDERFLOW, bug_on } from "../arch/bug";
import { MEM_MAP, PAGE_SHIFT, STRUCT_PAGE_SHIFT } from "../arch/memory_map";

export const PG_locked: u32 = 1 << 0;
export const PG_referenced: u32 = 1 << 2;
export const PG_uptodate: u32 = 1 << 3;
export const PG_dirty: u32 = 1 << 4;
export const PG_lru: u32 = 1 << 5;
export const PG_active: u32 = 1 << 6;
export const PG_slab: u32 = 1 << 7;
/** The page is being written to the disk. */
export const PG_writeback: u32 = 1 << 8;
export const PG_reserved: u32 = 1 << 11;
/** The page heads a free block of the buddy allocator; private_ is its order. */
export const PG_buddy: u32 = 1 << 12;
/** A page table. */
export const PG_table: u32 = 1 << 13;
/** Up to 2.6.8: the bit spinlock of _mapcount, mapping and PG_anon; in 2.6.6 of the chain of PTEs. */
export const PG_maplock: u32 = 1 << 15;
/** The page has a slot of swap, private_, and is found by it. */
export const PG_swapcache: u32 = 1 << 16;
/** 2.6.6: `pte` is the address of a PTE, not of an element of a chain. */
export const PG_direct: u32 = 1 << 22;
/** Up to 2.6.8: the page is anonymous, and `mapping` an anon_vma, an anonmm or, in 2.6.6, 0. */
export const PG_anon: u32 = 1 << 20;
/** Checking builds: the page lies on a free list, its frame is poisoned. */
export const PG_free_checked: u32 = 1 << 21;

/** 2.6.9: low bit of `mapping`: it is an anon_vma. */
export const PAGE_MAPPING_ANON: usize = 1;

@unmanaged @final
export class Page {
  /** PG_* bits. */
  @atomic flags: u32;
  /** References that keep the frame from being freed, minus one; -1: free. */
  @atomic _count: i32;
  /** PTEs that map this frame: minus one (2.6.9, atomic), or as it is (2.6.8, under PG_maplock). */
  @atomic _mapcount: i32;
  /** Order of a free block; address of the slab of a PG_slab page; entry of a PG_swapcache page. */
  private_: u32;
  /** AnonVma (2.6.9: | 1), or AddressSpace, or 0. */
  @guarded("PG_locked") mapping: usize;
  /** Node of the list the page is on: LRU, free list, per-CPU list. */
  @guarded("lru_lock") lru_next: usize;
  /** See lru_next. */
  @guarded("lru_lock") lru_prev: usize;
  /** Zone number: 0 normal, 1 highmem. */
  zone: u32;
  /** Offset in the file, or of the address in its anonymous object; in pages. */
  @guarded("PG_locked") index: u64;
  /** 2.6.6: address of the PTE that maps the page (PG_direct), or of a PteChain; 0: not mapped. */
  @guarded("PG_maplock") pte: usize;
  /** Unused; fills the cache line. */
  _pad0: u32;
  /** Unused; fills the cache line. */
  _pad1: u64;
  /** Unused; fills the cache line. */
  _pad2: u64;
}
if (offsetof<Page>() != 1 << STRUCT_PAGE_SHIFT)
  ERROR("struct page is one cache line: mem_map is sized from it");

/** What _mapcount holds for an unmapped page. */
export const UNMAPPED: i32 = CONFIG_KILL_PAGE_MAP_LOCK ? -1 : 0;

/** The page of frame `pfn`. */
@inline
export function pfn_to_page(pfn: u32): Page {
  return changetype<Page>(MEM_MAP + ((<usize>pfn) << STRUCT_PAGE_SHIFT));
}

/** The frame of a page. */
@inline
export function page_to_pfn(page: Page): u32 {
  return <u32>((changetype<usize>(page) - MEM_MAP) >> STRUCT_PAGE_SHIFT);
}

/** The content of a page; only for frames that have one. */
@inline
export function page_address(page: Page): usize {
  return (<usize>page_to_pfn(page)) << PAGE_SHIFT;
}

/** The page of the frame that a kernel address lies in. */
@inline
export function virt_to_page(addr: usize): Page {
  return pfn_to_page(<u32>(addr >> PAGE_SHIFT));
}

@inline
export function page_flags_addr(page: Page): usize {
  return changetype<usize>(page) + offsetof<Page>("flags");
}

@inline
export function page_count_addr(page: Page): usize {
  return changetype<usize>(page) + offsetof<Page>("_count");
}

@inline
export function page_mapcount_addr(page: Page): usize {
  return changetype<usize>(page) + offsetof<Page>("_mapcount");
}

@inline
export function page_mapping_addr(page: Page): usize {
  return changetype<usize>(page) + offsetof<Page>("mapping");
}

@inline
export function page_lru(page: Page): usize {
  return changetype<usize>(page) + offsetof<Page>("lru_next");
}

/** The page that a list node of page_lru belongs to. */
@inline
export function lru_to_page(node: usize): Page {
  return changetype<Page>(node - offsetof<Page>("lru_next"));
}

/** True if any bit of `mask` is set. */
@inline
export function page_test_flag(page: Page, mask: u32): bool {
  return (read_once<u32>(page_flags_addr(page)) & mask) != 0;
}

/** Sets bits of a page that other CPUs may see. */
@inline
export function page_set_flag(page: Page, mask: u32): void {
  atomic_or<u32>(page_flags_addr(page), mask);
}

/** Clears bits of a page that other CPUs may see. */
@inline
export function page_clear_flag(page: Page, mask: u32): void {
  atomic_and<u32>(page_flags_addr(page), ~mask);
}

/** Sets one bit; true if it was set before. */
@inline
export function page_test_and_set_flag(page: Page, mask: u32): bool {
  return (atomic_fetch_or<u32>(page_flags_addr(page), mask) & mask) != 0;
}

/** Clears one bit; true if it was set before. */
@inline
export function page_test_and_clear_flag(page: Page, mask: u32): bool {
  return (atomic_fetch_and<u32>(page_flags_addr(page), ~mask) & mask) != 0;
}

/** Frames of the kernel image and the zero page: never counted, never mapped by rmap. */
@inline
export function PageReserved(page: Page): bool {
  return page_test_flag(page, PG_reserved);
}

/** References to the page. */
@inline
export function page_count(page: Page): i32 {
  return read_once<i32>(page_count_addr(page)) + 1;
}

/** Takes a reference. */
@inline
export function get_page(page: Page): void {
  if (CONFIG_CHECK) {
    bug_on(page_count(page) <= 0, BUG_COUNT_UNDERFLOW, changetype<usize>(page));
  }
  atomic_inc(page_count_addr(page));
}

/** Takes a reference to a page that may be free; false, and none was taken, if it is. lru_lock is held. */
export function get_page_unless_free(page: Page): bool {
  if (!atomic_inc_and_test(page_count_addr(page))) return true;
  atomic_add_negative(page_count_addr(page), -1);
  return false;
}

/** Drops a reference; true when it was the last. */
@inline
export function put_page_testzero(page: Page): bool {
  return atomic_add_negative(page_count_addr(page), -1);
}

/**
 * True when other CPUs hold no reference and the caller's was the last: for plain counters from 1.
 */
@inline
export function count_dec_and_test(addr: usize): bool {
  return atomic_dec_and_test(addr);
}
