// Files: inode, address_space, and the tree of the VMAs that map a file. Linux: include/linux/fs.h
// of 2.6.9. Where the content comes from is a property of the inode: zeros, or a function of its seed; what was
// written lies in the page cache, and on the disk when reclaim has taken it out of there. Left out: dentries,
// file descriptors.

import { atomic_inc, read_once } from "../arch/atomic";
import { list_init } from "../lib/list";
import { Mutex, mutex_init } from "../lock/mutex";
import {
  vma_interval_tree_insert,
  vma_interval_tree_remove,
} from "../lib/interval_tree";
import {
  I_MMAP_SEM_OFFSET,
  i_mmap_lock_write,
  i_mmap_sem,
  i_mmap_unlock_write,
} from "../lock/rmap_locks";
import { RwSemaphore, init_rwsem } from "../lock/rwsem";
import { I_MMAP_SLEEPS } from "../notifier/config";
import { VmArea } from "./mm_types";
import { kmem_cache_alloc } from "./slab";
import { kmem_cache_owns } from "./slab_check";
import { CACHE_INODE } from "./slab_types";

/** Pages that are not in the page cache read as zeros. */
export const FILE_ZERO: u32 = 0;
/** Page n holds words computed from (seed, n, offset). */
export const FILE_SEED: u32 = 1;

@unmanaged @final
export class Inode {
  /** Who uses the file: the host's handle, and each VMA; minus one. */
  @atomic i_count: i32;
  /** 1 while the host may use its handle. */
  @atomic i_open: u32;
  /** FILE_*: what a page reads as that is not in the page cache. */
  i_kind: u32;
  /** Seed of a FILE_SEED file. */
  i_seed: u32;
  /** Number of the file, for people. */
  i_ino: u32;
  /** AS_* bits. */
  @atomic i_flags: u32;
  /** Length in bytes. */
  @guarded("i_sem") i_size: u64;
  /** The words of i_sem, a Mutex; reach it with inode_sem(). */
  i_sem_0: u32;
  /** See i_sem_0. */
  i_sem_1: u32;
  /** See i_sem_0. */
  i_sem_2: u32;
  /** See i_sem_0. */
  i_sem_3: u32;
  /** Height of the page-cache tree; the words of a RadixTreeRoot. */
  @guarded("tree_lock") page_tree_height: u32;
  /** Top node of the page-cache tree. */
  @guarded("tree_lock") page_tree_rnode: usize;
  /** Spinlock of the page-cache tree. */
  @atomic tree_lock: u32;
  /** Pages in the page cache. */
  @guarded("tree_lock") nrpages: u32;
  /** Root of the tree of VMAs that map the file. */
  @guarded("i_mmap_lock") i_mmap: usize;
  /** Spinlock of i_mmap; in mmn-v13 with patch 08, InodeSem stands for it. */
  @atomic i_mmap_lock: u32;
  /** Counts truncations: a fault that saw one happen tries again. */
  @atomic truncate_count: u32;
  /** Where the seed ends: behind it the file was cut off once, and holds zeros. */
  @guarded("i_sem") i_seed_end: u64;
  /** Height of the tree of blocks that the file has on the disk; the words of a RadixTreeRoot. */
  @guarded("tree_lock") store_height: u32;
  /** Top node of that tree; an item is the number of a block, plus 1. */
  @guarded("tree_lock") store_rnode: usize;
  /** Node on the list of all files. */
  @guarded("inode_lock") i_list_next: usize;
  /** See i_list_next. */
  @guarded("inode_lock") i_list_prev: usize;
}

/** mmn-v13 with patch 08: what lies behind an Inode. */
@unmanaged @final
export class InodeSem {
  /** The words of i_mmap_sem, an RwSemaphore. */
  i_mmap_sem_0: u32;
  /** See i_mmap_sem_0. */
  i_mmap_sem_1: u32;
  /** See i_mmap_sem_0. */
  i_mmap_sem_2: u32;
  /** See i_mmap_sem_0. */
  i_mmap_sem_3: u32;
}
if (offsetof<InodeSem>() != offsetof<RwSemaphore>())
  ERROR("InodeSem has the words of a semaphore");
if (offsetof<Inode>() - offsetof<Inode>("i_mmap_lock") != I_MMAP_SEM_OFFSET)
  ERROR("I_MMAP_SEM_OFFSET is not where i_mmap_sem lies");

/** Bytes of a file. */
@inline
export function inode_bytes(): u32 {
  return offsetof<Inode>() + (I_MMAP_SLEEPS ? offsetof<InodeSem>() : 0);
}

/** The semaphore of size and content. */
@inline
export function inode_sem(inode: Inode): Mutex {
  return changetype<Mutex>(changetype<usize>(inode) + offsetof<Inode>("i_sem_0"));
}

/** The page-cache tree: a RadixTreeRoot. */
@inline
export function inode_page_tree(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("page_tree_height");
}

/** The tree of blocks: a RadixTreeRoot. */
@inline
export function inode_store_tree(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("store_height");
}

/** Address of tree_lock. */
@inline
export function inode_tree_lock(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("tree_lock");
}

/** Address of i_flags. */
@inline
export function inode_flags(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("i_flags");
}

/** Address of i_mmap, the root of the VMA tree. */
@inline
export function inode_i_mmap(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("i_mmap");
}

/** Address of i_mmap_lock. */
@inline
export function inode_i_mmap_lock(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("i_mmap_lock");
}

/** Length in bytes; truncation may change it at any time. */
@inline
export function inode_size(inode: Inode): u64 {
  return read_once<u64>(changetype<usize>(inode) + offsetof<Inode>("i_size"));
}

/** Where the content of the file as it was made ends. */
@inline
export function inode_seed_end(inode: Inode): u64 {
  return read_once<u64>(changetype<usize>(inode) + offsetof<Inode>("i_seed_end"));
}

/** Address of truncate_count. */
@inline
export function inode_truncate_count(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("truncate_count");
}

@inline
export function inode_count(inode: Inode): usize {
  return changetype<usize>(inode) + offsetof<Inode>("i_count");
}

/** A new empty file with one reference, or 0 when out of memory. */
export function inode_alloc(kind: u32, seed: u32, size_bytes: u64, ino: u32): Inode {
  const inode = changetype<Inode>(kmem_cache_alloc(CACHE_INODE));
  if (changetype<usize>(inode) == 0) return inode;
  inode.i_count = 0;
  inode.i_open = 1;
  inode.i_kind = kind;
  inode.i_seed = seed;
  inode.i_ino = ino;
  inode.i_flags = 0;
  inode.i_size = size_bytes;
  inode.i_seed_end = size_bytes;
  mutex_init(inode_sem(inode));
  inode.page_tree_height = 0;
  inode.page_tree_rnode = 0;
  inode.store_height = 0;
  inode.store_rnode = 0;
  inode.tree_lock = 0;
  inode.nrpages = 0;
  inode.i_mmap = 0;
  inode.i_mmap_lock = 0;
  if (I_MMAP_SLEEPS) init_rwsem(i_mmap_sem(inode_i_mmap_lock(inode)));
  inode.truncate_count = 0;
  list_init(changetype<usize>(inode) + offsetof<Inode>("i_list_next"));
  return inode;
}

/** Takes a reference to the file: get_file. */
export function inode_get(inode: Inode): void {
  atomic_inc(inode_count(inode));
}

/** True if `inode`, which may be any number, is the handle of a file that has not been closed. */
export function inode_is_open(inode: usize): bool {
  return kmem_cache_owns(CACHE_INODE, inode) && read_once<u32>(inode_open(inode)) == 1;
}

@inline
export function inode_open(inode: usize): usize {
  return inode + offsetof<Inode>("i_open");
}

/** Number of references, for the invariants. */
export function inode_references(inode: Inode): i32 {
  return read_once<i32>(inode_count(inode)) + 1;
}

/** Makes a VMA findable from its file. vm_file is set. */
export function vma_link_file(vma: VmArea): void {
  const inode = changetype<Inode>(vma.vm_file);
  i_mmap_lock_write(inode_i_mmap_lock(inode));
  __vma_link_file(vma);
  i_mmap_unlock_write(inode_i_mmap_lock(inode));
}

/** Takes a VMA out of its file's tree; its PTEs are gone. */
export function vma_unlink_file(vma: VmArea): void {
  const inode = changetype<Inode>(vma.vm_file);
  i_mmap_lock_write(inode_i_mmap_lock(inode));
  __vma_unlink_file(vma);
  i_mmap_unlock_write(inode_i_mmap_lock(inode));
}

/** vma_link_file for a caller that holds i_mmap_lock. */
export function __vma_link_file(vma: VmArea): void {
  vma_interval_tree_insert(changetype<usize>(vma), inode_i_mmap(changetype<Inode>(vma.vm_file)));
}

/** vma_unlink_file for a caller that holds i_mmap_lock. */
export function __vma_unlink_file(vma: VmArea): void {
  vma_interval_tree_remove(changetype<usize>(vma), inode_i_mmap(changetype<Inode>(vma.vm_file)));
}
