// The life of a file: what ends it, and what changes its length. Linux: fput, iput, generic_delete_inode and
// do_truncate of 2.6.9. A file goes with its last reference: the host's handle, or a VMA.

import { atomic_add_negative, atomic_xchg } from "../arch/atomic";
import { KERNEL_GLOBALS } from "../arch/memory_map";
import { mutex_lock, mutex_unlock } from "../lock/mutex";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { Inode, inode_count, inode_get, inode_is_open, inode_open, inode_sem } from "./mapping";
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

/** Spinlock of handles: while it is held, an open one stays open, and so its file stays. */
export const FILES_LOCK: usize = KERNEL_GLOBALS + 0x100;

/** Takes a reference to the file of a handle, which may be any number; false if it is not open. */
export function fget(handle: usize): bool {
  spin_lock(FILES_LOCK);
  const is_open = inode_is_open(handle);
  if (is_open) inode_get(changetype<Inode>(handle));
  spin_unlock(FILES_LOCK);
  return is_open;
}

/** Gives the handle of an open file back. False if another CPU was faster. */
export function inode_close(handle: usize): bool {
  spin_lock(FILES_LOCK);
  const was_open = inode_is_open(handle) && atomic_xchg<u32>(inode_open(handle), 0) == 1;
  spin_unlock(FILES_LOCK);
  if (was_open) inode_put(changetype<Inode>(handle));
  return was_open;
}

/** Gives a file that the caller has a reference to a new length. May sleep. */
export function do_truncate(inode: Inode, size_bytes: u64): void {
  mutex_lock(inode_sem(inode));
  vmtruncate(inode, size_bytes);
  mutex_unlock(inode_sem(inode));
}
