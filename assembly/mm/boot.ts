// Boot: from zeroed memory to a machine that can fault and fork. Runs once, on CPU 0, before any
// other CPU starts. The frames of the kernel image (everything up to the end of mem_map, but not
// the areas of absent CPUs) and the zero page are reserved; the rest goes to the buddy allocator.

import { BOOT_MAGIC, BOOT_VERSION, boot } from "../arch/boot_params";
import {
  INIT_MM,
  MEM_MAP,
  NR_CPUS,
  PAGE_SIZE,
  PERCPU_AREAS,
  PERCPU_SIZE,
} from "../arch/memory_map";
import { STRUCT_PAGE_SHIFT, PAGE_SHIFT } from "../arch/memory_map";
import { PerCpu, percpu_of, percpu_tlb_state } from "../arch/percpu";
import { smp_store_release } from "../arch/barrier";
import { TLB_STATE_LAZY } from "../arch/tlb_state";
import { write_once } from "../arch/atomic";
import { shadow_freed } from "../check/shadow";
import { PATCHES } from "../config";
import { AnonMm } from "../rmap/anonmm";
import { pte_chain_size } from "../rmap/pte_chain";
import { Task } from "../sched/task";
import { list_init } from "../lib/list";
import { rcu_init } from "../lock/rcu";
import { anon_vma_bytes } from "./anon_vma";
import { inode_bytes } from "./mapping";
import { RADIX_TREE_NODE_SIZE } from "../lib/radix_tree";
import { all_locks_init } from "../notifier/all_locks";
import { mm_init, mmlist_init } from "./mm";
import { MmStruct, VmArea } from "./mm_types";
import { PG_reserved, UNMAPPED, page_address, page_to_pfn, pfn_to_page } from "./page";
import { PG_free_checked } from "./page";
import { free_one_block } from "./buddy";
import { GFP_KERNEL, GFP_ZERO, alloc_page, pageset_init } from "./page_alloc";
import { page_wait_init } from "./page_lock";
import { lock_classes_init } from "./lock_classes";
import { disk_init } from "./disk";
import { setup_watermarks } from "./reclaim";
import { swap_init } from "./swapon";
import { kmem_cache_create } from "./slab";
import {
  CACHE_ANONMM,
  CACHE_MODULE,
  CACHE_ANON_VMA,
  CACHE_INODE,
  CACHE_MM,
  CACHE_PTE_CHAIN,
  CACHE_RADIX_NODE,
  CACHE_TASK,
  CACHE_VM_AREA,
  CTOR_ANON_VMA,
  CTOR_NONE,
  CTOR_ZERO,
  SLAB_DESTROY_BY_RCU,
  SLAB_PACKED,
} from "./slab_types";
import { MAX_ORDER, ZONE_HIGHMEM, ZONE_NORMAL, free_area, zone_of } from "./zone";
import { zone_active_list, zone_inactive_list } from "./zone";

/** End of the frames that the kernel image takes, in frames. */
@inline
function image_end(max_mapnr: u32): u32 {
  return <u32>((MEM_MAP + ((<usize>max_mapnr) << STRUCT_PAGE_SHIFT) + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

/** Frames [start, end) become free: whole blocks as large as alignment allows. */
function free_range(zone_index: u32, start: u32, end: u32): void {
  const zone = zone_of(zone_index);
  zone.present_pages += end - start;
  if (zone_index == ZONE_NORMAL) shadow_freed(start << PAGE_SHIFT, (end - start) << PAGE_SHIFT);
  let pfn = start;
  while (pfn < end) {
    let order = MAX_ORDER - 1;
    while (pfn & ((1 << order) - 1) || pfn + (1 << order) > end) order--;
    free_one_block(zone, pfn_to_page(pfn), order);
    pfn += 1 << order;
  }
}

function mem_map_init(): void {
  const lowmem = boot().lowmem_pfns;
  const max = boot().max_mapnr;
  for (let pfn: u32 = 0; pfn < max; pfn++) {
    const page = pfn_to_page(pfn);
    page._count = -1;
    if (UNMAPPED != 0) page._mapcount = UNMAPPED;
    if (CONFIG_CHECK) page.flags = PG_free_checked;
    if (pfn >= lowmem) page.zone = ZONE_HIGHMEM;
  }
}

function reserve(start: u32, end: u32): void {
  for (let pfn = start; pfn < end; pfn++) {
    const page = pfn_to_page(pfn);
    page.flags = PG_reserved;
    page._count = 0;
  }
}

function zone_init(zone_index: u32, start: u32, end: u32): void {
  const zone = zone_of(zone_index);
  zone.zone_start_pfn = start;
  zone.zone_end_pfn = end;
  list_init(zone_active_list(zone));
  list_init(zone_inactive_list(zone));
  for (let order: u32 = 0; order < MAX_ORDER; order++) list_init(free_area(zone, order));
}

function zones_init(nr_cpus: u32): void {
  const lowmem = boot().lowmem_pfns;
  const max = boot().max_mapnr;
  zone_init(ZONE_NORMAL, 0, lowmem);
  zone_init(ZONE_HIGHMEM, lowmem, max);
  const cpus_end = <u32>((PERCPU_AREAS + nr_cpus * PERCPU_SIZE) >> PAGE_SHIFT);
  const mem_map_start = <u32>(MEM_MAP >> PAGE_SHIFT);
  const first_free = image_end(max);
  boot().first_free_pfn = first_free;
  reserve(0, cpus_end);
  reserve(mem_map_start, first_free);
  if (cpus_end < mem_map_start) free_range(ZONE_NORMAL, cpus_end, mem_map_start);
  if (first_free < lowmem) free_range(ZONE_NORMAL, first_free, lowmem);
  if (lowmem < max) free_range(ZONE_HIGHMEM, lowmem, max);
}

/**
 * Frames moved at once between a hot list and its zone, a power of two: fewer on a small machine. Linux 2.6.9 has a
 * quarter; why this has more: decision 0011.
 */
function batch_size(frames: u32): u32 {
  const batch = frames / 256;
  if (batch < 2) return 1;
  return batch >= 64 ? 64 : 1 << (31 - clz(batch));
}

function percpu_init(id: u32): void {
  const cpu = percpu_of(id);
  cpu.id = id;
  cpu.tlb_generation = 1;
  cpu.active_mm = INIT_MM;
  write_once<u32>(percpu_tlb_state(cpu), TLB_STATE_LAZY);
  list_init(changetype<usize>(cpu) + offsetof<PerCpu>("runqueue_next"));
  for (let zone_index = ZONE_NORMAL; zone_index <= ZONE_HIGHMEM; zone_index++) {
    pageset_init(changetype<usize>(cpu), zone_index, batch_size(zone_of(zone_index).present_pages));
  }
}

function caches_init(): void {
  kmem_cache_create(CACHE_VM_AREA, offsetof<VmArea>(), CTOR_NONE);
  kmem_cache_create(CACHE_MM, offsetof<MmStruct>(), CTOR_NONE);
  // With PG_maplock there is no finder that comes without a lock.
  const anon_vma_flags: u32 = CONFIG_TYPESAFE_SLAB ? SLAB_DESTROY_BY_RCU : 0;
  kmem_cache_create(CACHE_ANON_VMA, anon_vma_bytes(), CTOR_ANON_VMA, anon_vma_flags);
  kmem_cache_create(CACHE_INODE, inode_bytes(), CTOR_NONE);
  kmem_cache_create(CACHE_RADIX_NODE, RADIX_TREE_NODE_SIZE, CTOR_ZERO);
  kmem_cache_create(CACHE_TASK, offsetof<Task>(), CTOR_NONE);
  kmem_cache_create(CACHE_PTE_CHAIN, pte_chain_size(), CTOR_ZERO, SLAB_PACKED);
  kmem_cache_create(CACHE_ANONMM, offsetof<AnonMm>(), CTOR_NONE);
  kmem_cache_create(CACHE_MODULE, anon_vma_bytes(), CTOR_ANON_VMA, anon_vma_flags);
}

/** Frames below which no machine can boot: the image and something to work with. */
export function min_lowmem_pfns(highmem_pfns: u32): u32 {
  // Each 64 frames need one frame of mem_map.
  const fixed = <u32>(MEM_MAP >> PAGE_SHIFT) + highmem_pfns / 64 + 2;
  return fixed + fixed / 63 + 64;
}

/**
 * Boots the machine: `nr_cpus` CPUs, `lowmem_pfns` frames with and `highmem_pfns` frames without
 * content. `spin_limit` and `oversubscribed` are as in BootParams. False if the memory is too
 * small.
 */
export function boot_machine(
  nr_cpus: u32,
  lowmem_pfns: u32,
  highmem_pfns: u32,
  spin_limit: u32,
  oversubscribed: u32,
): bool {
  if (nr_cpus < 1 || nr_cpus > NR_CPUS || lowmem_pfns < min_lowmem_pfns(highmem_pfns)) return false;
  const params = boot();
  params.version = BOOT_VERSION;
  params.kernel = CONFIG_KERNEL;
  params.rmap = CONFIG_RMAP;
  params.patches = PATCHES;
  params.nr_cpus = nr_cpus;
  params.lowmem_pfns = lowmem_pfns;
  params.max_mapnr = lowmem_pfns + highmem_pfns;
  params.spin_limit = spin_limit;
  params.oversubscribed = oversubscribed;
  mem_map_init();
  zones_init(nr_cpus);
  for (let id: u32 = 0; id < nr_cpus; id++) percpu_init(id);
  caches_init();
  page_wait_init();
  mmlist_init();
  rcu_init();
  swap_init();
  all_locks_init();
  zero_page_init();
  const kernel_mm = changetype<MmStruct>(INIT_MM);
  mm_init(kernel_mm, page_address(alloc_page(GFP_KERNEL | GFP_ZERO)));
  kernel_mm.mm_count = 1 + nr_cpus;
  if (CONFIG_CHECK || CONFIG_LOCK_STAT) lock_classes_init();
  if (CONFIG_CHECK) params.lockdep = 1;
  // RELEASE. Pairs with the host, which lets other CPUs start when it has seen the magic.
  smp_store_release<u32>(changetype<usize>(params), BOOT_MAGIC);
  return true;
}

/**
 * Gives a machine that has booted a disk of `nr_blocks`, the first `backed` of them with content behind the frames;
 * from then on memory is reclaimed. False when there is no memory for its books.
 */
export function attach_disk(nr_blocks: u32, backed: u32): bool {
  const base = (<usize>boot().lowmem_pfns) << PAGE_SHIFT;
  if (!disk_init(nr_blocks, backed, base)) return false;
  setup_watermarks();
  return true;
}

function zero_page_init(): void {
  const page = alloc_page(GFP_KERNEL | GFP_ZERO);
  page.flags = PG_reserved;
  boot().zero_pfn = page_to_pfn(page);
}
