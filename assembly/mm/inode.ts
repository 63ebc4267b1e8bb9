// The life of a file: what ends it, and what changes its length. Linux: fput, iput, generic_delete_inode and
// do_truncate of 2.6.9. A file goes with its last reference: the host's handle, or a VMA.

import { atomic_add_negative, atomic_xchg } from "../arch/atomic";
import { mutex_lock, mutex_unlock } from "../lock/mutex";
import { Inode, inode_count, inode_open, inode_sem } from "./mapping";
import { CACHE_INODE } from "./slab_types";
import { kmem_cache_free } from "./slab";
import { truncate_inode_pages, vmtruncate } from "./truncate";

/** Drops a reference; the last one frees the page cache and the inode. May sleep on a page lock. */
export function inode_put(inode: Inode): void {
  if (!atomic_add_negative(inode_count(inode), -1)) return;
  // Nobody else knows the file, but reclaim may hold a page of it locked.
  truncate_inode_pages(inode, 0);
  kmem_cache_free(CACHE_INODE, changetype<usize>(inode));
}

/** Gives the handle of an open file back. False if another CPU was faster. */
export function inode_close(inode: Inode): bool {
  if (atomic_xchg<u32>(inode_open(changetype<usize>(inode)), 0) != 1) return false;
  inode_put(inode);
  return true;
}

/** Gives a file a new length: who maps what is cut off gets SIGBUS from now on. May sleep. */
export function do_truncate(inode: Inode, size_bytes: u64): void {
  mutex_lock(inode_sem(inode));
  vmtruncate(inode, size_bytes);
  mutex_unlock(inode_sem(inode));
}
