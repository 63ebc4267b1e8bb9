// Which class a lock belongs to. A class is a field of a struct: all page_table_locks are one class,
// whatever mm they belong to. Linux's lockdep takes the place that initialises a lock for its class
// and calls it "&mm->page_table_lock"; here a lock is one word, with no room for a class, so the class
// is found from the address of the word: a table for the fixed structs, and one for each slab cache,
// both filled at boot (mm/lock_classes.ts). A lock anywhere else has no class, and is not watched.
//
// Checking builds only. For the explorer nothing here is a step of the schedule.

import { boot } from "../arch/boot_params";
import {
  BOOT_PARAMS,
  LOCK_CLASSES,
  MEM_MAP,
  PAGE_MASK,
  PAGE_SHIFT,
  PERCPU_AREAS,
  PERCPU_SIZE,
  STRUCT_PAGE_SHIFT,
} from "../arch/memory_map";
import { PerCpu } from "../arch/percpu";
import { PG_slab, Page } from "../mm/page";
import { ANON_VMA_SLEEPS, I_MMAP_SLEEPS } from "../notifier/config";

/** Not a lock that is watched. */
export const LOCK_NONE: u32 = 0;
export const LOCK_MMAP_SEM: u32 = 1;
export const LOCK_I_SEM: u32 = 2;
export const LOCK_PG_LOCKED: u32 = 3;
/** Classes up to this one sleep, the others spin; but see lock_class_sleeps(). */
export const LAST_SLEEPING_CLASS: u32 = 3;
export const LOCK_I_MMAP: u32 = 4;
export const LOCK_ANON_VMA: u32 = 5;
export const LOCK_PAGE_TABLE: u32 = 6;
/** The parent's page_table_lock inside the child's, in fork: SINGLE_DEPTH_NESTING. */
export const LOCK_PAGE_TABLE_NESTED: u32 = 7;
export const LOCK_PG_MAPLOCK: u32 = 8;
export const LOCK_TREE: u32 = 9;
export const LOCK_LRU: u32 = 10;
export const LOCK_ZONE: u32 = 11;
export const LOCK_CACHE: u32 = 12;
export const LOCK_WAIT_QUEUE: u32 = 13;
/** wait_lock: the spinlock in a semaphore or mutex. */
export const LOCK_WAIT: u32 = 14;
export const LOCK_RUNQUEUE: u32 = 15;
export const LOCK_TASKLIST: u32 = 16;
export const LOCK_MMLIST: u32 = 17;
export const LOCK_TLBSTATE: u32 = 18;
/** No lock: interrupts are off. Who waits for the answer to an interrupt waits for this. */
export const LOCK_INTERRUPTS: u32 = 19;
/** rcu_state.lock. */
export const LOCK_RCU: u32 = 20;
/** files_lock: who uses a handle, and who closes it. */
export const LOCK_FILES: u32 = 21;
/** swap_list_lock: the swap areas in order of priority. */
export const LOCK_SWAP_LIST: u32 = 22;
/** swap_device_lock: the counts of the slots of one area. */
export const LOCK_SWAP_DEVICE: u32 = 23;
/** disk.lock: which blocks are in use. */
export const LOCK_DISK: u32 = 24;
/** anonmm.lock: the members of a lineage. */
export const LOCK_ANONMM: u32 = 25;
/** No lock: a handler of an interrupt that takes locks. Who holds one with interrupts on may have to wait for it. */
export const LOCK_HANDLER: u32 = 26;
export const NR_LOCK_CLASSES: u32 = 27;

/** True if who waits for a lock of this class sleeps: mmn-v13 with patches 08 and 09 has two more of them. */
@inline
export function lock_class_sleeps(lock_class: u32): bool {
  return lock_class <= LAST_SLEEPING_CLASS + (I_MMAP_SLEEPS ? 1 : 0) + (ANON_VMA_SLEEPS ? 1 : 0);
}
if (LOCK_I_MMAP != LAST_SLEEPING_CLASS + 1 || LOCK_ANON_VMA != LOCK_I_MMAP + 1)
  ERROR("the classes that patches 08 and 09 let sleep come after those that sleep");

/** Two low bits of the address of a lock: a spinlock. */
export const LOCK_IS_SPINLOCK: usize = 0;
/** A semaphore or mutex; its wait_lock is a spinlock at the same address. */
export const LOCK_IS_SLEEPING: usize = 1;
/** A bit of page->flags that is a spinlock. */
export const LOCK_IS_BIT: usize = 2;
/** PG_locked. */
export const LOCK_IS_PAGE: usize = 3;
const LOCK_KIND: usize = 3;

/** Where a Slab says which cache it belongs to. */
export const SLAB_CACHE_ID: usize = 16;

/** Bytes of one cache's table: size and first object, then the class of each word of an object. */
const OBJECT_TABLE_SIZE: usize = 0x100;
const OBJECT_WORDS: usize = 8;
/** Words of fixed structs, from BOOT_PARAMS to the end of the page wait queues. */
const FIXED_WORDS: usize = (LOCK_CLASSES - BOOT_PARAMS) / 4;

@inline
function object_table(cache_id: u32): usize {
  return LOCK_CLASSES + FIXED_WORDS + cache_id * OBJECT_TABLE_SIZE;
}

/** The lock at `lock`, below LOCK_CLASSES, is of this class. */
export function lock_class_of_fixed(lock: usize, lock_class: u32): void {
  store<u8>(LOCK_CLASSES + (lock - BOOT_PARAMS) / 4, <u8>lock_class);
}

/** The word at `offset` of every object of a slab cache is a lock of this class. */
export function lock_class_of_field(cache_id: u32, offset: usize, lock_class: u32): void {
  store<u8>(object_table(cache_id) + OBJECT_WORDS + offset / 4, <u8>lock_class);
}

/** Where objects lie in the slabs of a cache that has locks in them. */
export function lock_class_of_cache(cache_id: u32, object_size: u32, first_object: u32): void {
  store<u32>(object_table(cache_id), object_size);
  store<u32>(object_table(cache_id), first_object, 4);
}

/** Class of the lock word at `offset` of the frame that `page` stands for. */
@inline
function class_in_frame(page: Page, lock: usize): u32 {
  if ((page.flags & PG_slab) == 0) return LOCK_NONE;
  const table = object_table(load<u32>(lock & ~(<usize>PAGE_MASK), SLAB_CACHE_ID));
  const object_size = load<u32>(table);
  if (object_size == 0) return LOCK_NONE;
  const offset = ((<u32>lock & PAGE_MASK) - load<u32>(table, 4)) % object_size;
  return load<u8>(table + OBJECT_WORDS + offset / 4);
}

function class_of_word(lock: usize): u32 {
  if (lock < BOOT_PARAMS) return LOCK_NONE;
  if (lock < LOCK_CLASSES) return load<u8>(LOCK_CLASSES + (lock - BOOT_PARAMS) / 4);
  if (lock < PERCPU_AREAS) return LOCK_NONE;
  if (lock < PERCPU_AREAS + boot().nr_cpus * PERCPU_SIZE) {
    const offset = (lock - PERCPU_AREAS) % PERCPU_SIZE;
    return offset == offsetof<PerCpu>("runqueue_lock") ? LOCK_RUNQUEUE : LOCK_NONE;
  }
  const page = MEM_MAP + ((lock >> PAGE_SHIFT) << STRUCT_PAGE_SHIFT);
  return class_in_frame(changetype<Page>(page), lock);
}

@inline
function is_in_mem_map(word: usize): bool {
  return word >= MEM_MAP && word < (<usize>boot().first_free_pfn) << PAGE_SHIFT;
}

/** Class of the lock of a key: its address | LOCK_IS_*. */
export function lock_class_of(key: usize): u32 {
  const lock = key & ~LOCK_KIND;
  const kind = key & LOCK_KIND;
  if (kind == LOCK_IS_PAGE) return LOCK_PG_LOCKED;
  if (kind == LOCK_IS_BIT) return is_in_mem_map(lock) ? LOCK_PG_MAPLOCK : LOCK_NONE;
  const lock_class = class_of_word(lock);
  if (lock_class == LOCK_NONE) return LOCK_NONE;
  const sleeps = lock_class_sleeps(lock_class);
  if (kind == LOCK_IS_SLEEPING) return sleeps ? lock_class : LOCK_NONE;
  return sleeps ? LOCK_WAIT : lock_class;
}
