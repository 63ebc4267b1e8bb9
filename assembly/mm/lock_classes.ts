// Tells lockdep which words of which structs are locks, and of which class: the list of docs/locking.md.
// Runs at boot, in checking builds. A lock that is not named here is not watched.

import { CACHE_TABLE, INIT_MM, PAGE_WAIT_TABLE } from "../arch/memory_map";
import { TLB_FLUSH, TlbFlush } from "../arch/tlb_interrupt";
import {
  LOCK_ANONMM,
  LOCK_ANON_VMA,
  LOCK_CACHE,
  LOCK_DISK,
  LOCK_FILES,
  LOCK_I_MMAP,
  LOCK_I_SEM,
  LOCK_LRU,
  LOCK_MMAP_SEM,
  LOCK_MMLIST,
  LOCK_PAGE_TABLE,
  LOCK_RCU,
  LOCK_SWAP_DEVICE,
  LOCK_SWAP_LIST,
  LOCK_TASKLIST,
  LOCK_TLBSTATE,
  LOCK_TREE,
  LOCK_WAIT_QUEUE,
  LOCK_ZONE,
  SLAB_CACHE_ID,
  lock_class_of_cache,
  lock_class_of_field,
  lock_class_of_fixed,
} from "../lock/lock_class";
import { RCU_STATE } from "../lock/rcu";
import { ANON_VMA_SEM_OFFSET, I_MMAP_SEM_OFFSET } from "../lock/rmap_locks";
import { ANON_VMA_SLEEPS, I_MMAP_SLEEPS } from "../notifier/config";
import { TASKLIST_LOCK } from "../sched/task";
import { AnonMm } from "../rmap/anonmm";
import { AnonVma } from "./anon_vma";
import { DISK } from "./disk";
import { FILES_LOCK } from "./inode";
import { Inode } from "./mapping";
import { MMLIST_LOCK } from "./mm";
import { MmStruct } from "./mm_types";
import { PAGE_WAIT_QUEUES, WAIT_QUEUE_STRIDE } from "./page_lock";
import { kmem_cache_first_object, kmem_cache_size } from "./slab";
import {
  CACHE_ANONMM,
  CACHE_ANON_VMA,
  CACHE_INODE,
  CACHE_MM,
  CACHE_STRIDE,
  NR_CACHES,
  Slab,
} from "./slab_types";
import { MAX_SWAPFILES, SWAPPER_TREE_LOCK, SWAP_LIST, swap_info } from "./swap_types";
import { MAX_NR_ZONES, zone_lru_lock, zone_of } from "./zone";

if (offsetof<Slab>("cache_id") != SLAB_CACHE_ID) ERROR("SLAB_CACHE_ID is not where a slab has it");

/** Locks that are there from boot on. */
function fixed_locks(): void {
  lock_class_of_fixed(TLB_FLUSH + offsetof<TlbFlush>("tlbstate_lock"), LOCK_TLBSTATE);
  lock_class_of_fixed(TASKLIST_LOCK, LOCK_TASKLIST);
  lock_class_of_fixed(MMLIST_LOCK, LOCK_MMLIST);
  lock_class_of_fixed(RCU_STATE, LOCK_RCU);
  lock_class_of_fixed(FILES_LOCK, LOCK_FILES);
  lock_class_of_fixed(DISK, LOCK_DISK);
  lock_class_of_fixed(SWAP_LIST, LOCK_SWAP_LIST);
  lock_class_of_fixed(SWAPPER_TREE_LOCK, LOCK_TREE);
  for (let i: u32 = 0; i < MAX_SWAPFILES; i++) {
    lock_class_of_fixed(changetype<usize>(swap_info(i)), LOCK_SWAP_DEVICE);
  }
  lock_class_of_fixed(INIT_MM + offsetof<MmStruct>("page_table_lock"), LOCK_PAGE_TABLE);
  lock_class_of_fixed(INIT_MM + offsetof<MmStruct>("mmap_sem_0"), LOCK_MMAP_SEM);
  for (let i: u32 = 0; i < MAX_NR_ZONES; i++) {
    lock_class_of_fixed(changetype<usize>(zone_of(i)), LOCK_ZONE);
    lock_class_of_fixed(zone_lru_lock(zone_of(i)), LOCK_LRU);
  }
  for (let i: u32 = 0; i < NR_CACHES; i++) {
    lock_class_of_fixed(CACHE_TABLE + i * CACHE_STRIDE, LOCK_CACHE);
  }
  for (let i: u32 = 0; i < PAGE_WAIT_QUEUES; i++) {
    lock_class_of_fixed(PAGE_WAIT_TABLE + i * WAIT_QUEUE_STRIDE, LOCK_WAIT_QUEUE);
  }
}

function lock_in_objects(cache_id: u32, offset: usize, lock_class: u32): void {
  lock_class_of_cache(cache_id, kmem_cache_size(cache_id), kmem_cache_first_object(cache_id));
  lock_class_of_field(cache_id, offset, lock_class);
}

/** See the head of the file. */
export function lock_classes_init(): void {
  fixed_locks();
  lock_in_objects(CACHE_MM, offsetof<MmStruct>("page_table_lock"), LOCK_PAGE_TABLE);
  lock_in_objects(CACHE_MM, offsetof<MmStruct>("mmap_sem_0"), LOCK_MMAP_SEM);
  const anon_vma_at = ANON_VMA_SLEEPS ? ANON_VMA_SEM_OFFSET : offsetof<AnonVma>("lock");
  lock_in_objects(CACHE_ANON_VMA, anon_vma_at, LOCK_ANON_VMA);
  lock_in_objects(CACHE_ANONMM, offsetof<AnonMm>("lock"), LOCK_ANONMM);
  lock_in_objects(CACHE_INODE, offsetof<Inode>("tree_lock"), LOCK_TREE);
  const i_mmap_at = offsetof<Inode>("i_mmap_lock") + (I_MMAP_SLEEPS ? I_MMAP_SEM_OFFSET : 0);
  lock_in_objects(CACHE_INODE, i_mmap_at, LOCK_I_MMAP);
  lock_in_objects(CACHE_INODE, offsetof<Inode>("i_sem_0"), LOCK_I_SEM);
}
