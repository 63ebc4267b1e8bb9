// All locks under which somebody could walk the notifiers of an mm: mmap_sem, and i_mmap_lock and anon_vma.lock
// of all its VMAs. While they are held, no invalidation of this mm is under way.
//
// mmn-v13 (mm_lock): the addresses of all locks into two arrays, each sorted, duplicates passed over; so it needs
// memory and can fail. 2.6.27 (mm_take_all_locks): one taker at a time in the machine, a mark in each lock's
// holder: "taken by me already". The mark of an anon_vma is bit 0 of head_next, set under the lock and cleared
// under it, so nobody who looks at the list ever sees it.
//
// Order: i_mmap_lock before anon_vma.lock, as vma_adjust takes them; v13 had it the other way round. lockdep is
// not told of these locks: they are many of one class, which is the point. Left out: signals, which end the
// taking with -EINTR.
//
// Patch 10 of the thread: where patches 08 and 09 have made them semaphores, who takes them all sleeps.

import { atomic_and, atomic_or, read_once } from "../arch/atomic";
import { FIX_ALL_LOCKS_CLASS, FIX_ALL_LOCKS_ORDER, without } from "../arch/fixes";
import { KERNEL_GLOBALS } from "../arch/memory_map";
import { NOTIFIER_MERGED, NOTIFIER_NONE } from "./config";
import { sort_addresses } from "../lib/sort";
import { Mutex, mutex_init, mutex_lock, mutex_unlock } from "../lock/mutex";
import { down_write, up_write } from "../lock/mmap_sem";
import {
  anon_vma_lock_nest,
  anon_vma_unlock_nest,
  i_mmap_lock_nest,
  i_mmap_unlock_nest,
} from "../lock/rmap_locks";
import { anon_vma_head } from "../mm/anon_vma";
import { Inode, inode_flags, inode_i_mmap_lock } from "../mm/mapping";
import { MmStruct, VmArea, mm_mmap_sem } from "../mm/mm_types";
import { page_address, virt_to_page } from "../mm/page";
import { GFP_KERNEL, alloc_pages, free_pages } from "../mm/page_alloc";

/** Inode.i_flags: i_mmap_lock is held by who takes all locks. */
export const AS_MM_ALL_LOCKS: u32 = 1;
/** The same of an anon_vma, in head_next. */
const HEAD_ALL_LOCKS: usize = 1;

/** mm_all_locks_mutex: one taker at a time. */
export const MM_ALL_LOCKS_MUTEX: usize = KERNEL_GLOBALS + 0x220;

/** At boot. */
export function all_locks_init(): void {
  if (CONFIG_MMU_NOTIFIER != NOTIFIER_NONE) mutex_init(changetype<Mutex>(MM_ALL_LOCKS_MUTEX));
}

@inline
function next_vma(vma: VmArea): VmArea {
  return changetype<VmArea>(vma.vm_next);
}

@inline
function exists(vma: VmArea): bool {
  return changetype<usize>(vma) != 0;
}

function take_i_mmap_lock(vma: VmArea): void {
  if (vma.vm_file == 0) return;
  const inode = changetype<Inode>(vma.vm_file);
  if (read_once<u32>(inode_flags(inode)) & AS_MM_ALL_LOCKS) return;
  atomic_or<u32>(inode_flags(inode), AS_MM_ALL_LOCKS);
  i_mmap_lock_nest(inode_i_mmap_lock(inode));
}

function take_anon_vma_lock(vma: VmArea): void {
  const anon_vma = vma.anon_vma;
  if (anon_vma == 0 || read_once<usize>(anon_vma_head(anon_vma)) & HEAD_ALL_LOCKS) return;
  anon_vma_lock_nest(anon_vma);
  store<usize>(anon_vma_head(anon_vma), load<usize>(anon_vma_head(anon_vma)) | HEAD_ALL_LOCKS);
}

function drop_locks_of(vma: VmArea): void {
  const anon_vma = vma.anon_vma;
  if (anon_vma != 0 && read_once<usize>(anon_vma_head(anon_vma)) & HEAD_ALL_LOCKS) {
    store<usize>(anon_vma_head(anon_vma), load<usize>(anon_vma_head(anon_vma)) & ~HEAD_ALL_LOCKS);
    anon_vma_unlock_nest(anon_vma);
  }
  if (vma.vm_file == 0) return;
  const inode = changetype<Inode>(vma.vm_file);
  if ((read_once<u32>(inode_flags(inode)) & AS_MM_ALL_LOCKS) == 0) return;
  i_mmap_unlock_nest(inode_i_mmap_lock(inode));
  atomic_and<u32>(inode_flags(inode), ~AS_MM_ALL_LOCKS);
}

/** 2.6.27; mmap_sem is held for writing. */
function mm_take_all_locks(mm: MmStruct): void {
  if (!without(FIX_ALL_LOCKS_ORDER)) mutex_lock(changetype<Mutex>(MM_ALL_LOCKS_MUTEX));
  const first = changetype<VmArea>(mm.mmap);
  const late = without(FIX_ALL_LOCKS_CLASS);
  if (late) for (let vma = first; exists(vma); vma = next_vma(vma)) take_anon_vma_lock(vma);
  for (let vma = first; exists(vma); vma = next_vma(vma)) take_i_mmap_lock(vma);
  if (!late) for (let vma = first; exists(vma); vma = next_vma(vma)) take_anon_vma_lock(vma);
}

function mm_drop_all_locks(mm: MmStruct): void {
  for (let vma = changetype<VmArea>(mm.mmap); exists(vma); vma = next_vma(vma)) drop_locks_of(vma);
  if (!without(FIX_ALL_LOCKS_ORDER)) mutex_unlock(changetype<Mutex>(MM_ALL_LOCKS_MUTEX));
}

/** Room for `count` addresses, or 0. */
function alloc_array(count: u32): usize {
  let order: u32 = 0;
  while (((<u32>1024) << order) < count) order++;
  const page = alloc_pages(GFP_KERNEL, order);
  return changetype<usize>(page) == 0 ? 0 : page_address(page);
}

function free_array(array: usize, count: u32): void {
  if (array == 0) return;
  let order: u32 = 0;
  while (((<u32>1024) << order) < count) order++;
  free_pages(virt_to_page(array), order);
}

const TAKE_I_MMAP: u32 = 0;
const TAKE_ANON_VMA: u32 = 1;
const GIVE_I_MMAP: u32 = 2;
const GIVE_ANON_VMA: u32 = 3;

/** Takes, or gives back, each of the `count` locks of a sorted array once. */
function each_lock(array: usize, count: u32, action: u32): void {
  let last: usize = 0;
  for (let i: u32 = 0; i < count; i++) {
    const lock = load<usize>(array + i * 4);
    if (lock == last) continue;
    last = lock;
    if (action == TAKE_I_MMAP) i_mmap_lock_nest(lock);
    else if (action == TAKE_ANON_VMA) anon_vma_lock_nest(lock);
    else if (action == GIVE_I_MMAP) i_mmap_unlock_nest(lock);
    else anon_vma_unlock_nest(lock);
  }
}

/** The two arrays of mm_lock(), and how much is in each. */
@unmanaged @final
export class MmLockData {
  /** Addresses of i_mmap_lock, sorted. */
  i_mmap_locks: usize;
  /** How many. */
  nr_i_mmap: u32;
  /** Addresses of anon_vma.lock, sorted. */
  anon_vma_locks: usize;
  /** How many. */
  nr_anon_vma: u32;
  /** Room of each array. */
  room: u32;
}

/** Where it stands: this function's caller holds mmap_sem, so it is that of the mm, in a frame of the arrays. */
function collect_locks(mm: MmStruct, data: MmLockData): void {
  for (let vma = changetype<VmArea>(mm.mmap); exists(vma); vma = next_vma(vma)) {
    if (vma.vm_file != 0) {
      const lock = inode_i_mmap_lock(changetype<Inode>(vma.vm_file));
      store<usize>(data.i_mmap_locks + data.nr_i_mmap++ * 4, lock);
    }
    if (vma.anon_vma != 0) store<usize>(data.anon_vma_locks + data.nr_anon_vma++ * 4, vma.anon_vma);
  }
  if (without(FIX_ALL_LOCKS_ORDER)) return;
  sort_addresses(data.i_mmap_locks, data.nr_i_mmap);
  sort_addresses(data.anon_vma_locks, data.nr_anon_vma);
}

/** The last words of the array of anon_vma locks, which has room for them. */
@inline
function data_of(anon_vma_locks: usize, count: u32): MmLockData {
  return changetype<MmLockData>(anon_vma_locks + count * 4);
}

const DATA_WORDS: u32 = 5;

/** mmn-v13; mmap_sem is held for writing. 0: no memory. */
function mm_lock(mm: MmStruct): usize {
  const count = mm.map_count;
  const i_mmap_locks = alloc_array(count + 1);
  const anon_vma_locks = alloc_array(count + DATA_WORDS);
  if (i_mmap_locks == 0 || anon_vma_locks == 0) {
    free_array(i_mmap_locks, count + 1);
    free_array(anon_vma_locks, count + DATA_WORDS);
    return 0;
  }
  const data = data_of(anon_vma_locks, count);
  data.i_mmap_locks = i_mmap_locks;
  data.anon_vma_locks = anon_vma_locks;
  data.nr_i_mmap = data.nr_anon_vma = 0;
  data.room = count;
  collect_locks(mm, data);
  const late = without(FIX_ALL_LOCKS_CLASS);
  if (late) each_lock(anon_vma_locks, data.nr_anon_vma, TAKE_ANON_VMA);
  each_lock(i_mmap_locks, data.nr_i_mmap, TAKE_I_MMAP);
  if (!late) each_lock(anon_vma_locks, data.nr_anon_vma, TAKE_ANON_VMA);
  return changetype<usize>(data);
}

function mm_unlock(data: MmLockData): void {
  const count = data.room;
  const i_mmap_locks = data.i_mmap_locks;
  each_lock(data.anon_vma_locks, data.nr_anon_vma, GIVE_ANON_VMA);
  each_lock(i_mmap_locks, data.nr_i_mmap, GIVE_I_MMAP);
  free_array(i_mmap_locks, count + 1);
  free_array(data.anon_vma_locks, count + DATA_WORDS);
}

/** What lock_all() returns on a kernel that needs no memory for it. */
const TAKEN: usize = 1;

/** Takes mmap_sem and all locks; what unlock_all() wants, or 0 when out of memory. May sleep. */
export function lock_all(mm: MmStruct): usize {
  down_write(mm_mmap_sem(mm));
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) {
    mm_take_all_locks(mm);
    return TAKEN;
  }
  const data = mm_lock(mm);
  if (data == 0) up_write(mm_mmap_sem(mm));
  return data;
}

/** Ends lock_all(). */
export function unlock_all(mm: MmStruct, data: usize): void {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_MERGED) mm_drop_all_locks(mm);
  else mm_unlock(changetype<MmLockData>(data));
  up_write(mm_mmap_sem(mm));
}
