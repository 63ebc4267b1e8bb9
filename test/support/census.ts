// What is free on a quiet machine: to be compared with the boot state. Reads memory only.

import {
  BOOT_PARAMS,
  BootParams,
  CACHE_TABLE,
  FREE_AREA_SIZE,
  KmemCache,
  MAX_NR_ZONES,
  MAX_ORDER,
  NR_CACHES,
  PERCPU_AREAS,
  PERCPU_SIZE,
  PerCpu,
  ZONE_FREE_AREAS,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
} from "../../src/layout/structs.gen.ts";
import { type MemoryViews, getI32, getU32 } from "../../src/layout/view.ts";

/** Kernel caches are this far apart; see CACHE_STRIDE of mm/slab.ts. */
export const CACHE_STRIDE = 0x80;
/** Names of the caches, by number. */
export const CACHE_NAMES = ["vm_area", "mm", "anon_vma", "inode", "radix_node", "task"] as const;

/** State of one zone. */
export interface ZoneCensus {
  readonly freePages: number;
  /** Free blocks of each order, 0 to 10. */
  readonly blocks: readonly number[];
  readonly active: number;
  readonly inactive: number;
}

/** What is free, and what is counted. */
export interface Census {
  readonly zones: readonly ZoneCensus[];
  /** Slabs of each cache. */
  readonly slabs: Readonly<Record<string, number>>;
  /** Sum of all CPUs. */
  readonly nrMapped: number;
}

/** Address of a cache. */
export function cacheAt(id: number): number {
  return CACHE_TABLE + id * CACHE_STRIDE;
}

function zoneCensus(memory: MemoryViews, index: number): ZoneCensus {
  const zone = ZONE_TABLE + index * ZONE_STRIDE;
  const blocks = Array.from({ length: MAX_ORDER }, (_, order) =>
    getU32(memory, zone + ZONE_FREE_AREAS + order * FREE_AREA_SIZE + 8),
  );
  return {
    freePages: getU32(memory, zone + Zone.free_pages),
    blocks,
    active: getU32(memory, zone + Zone.nr_active),
    inactive: getU32(memory, zone + Zone.nr_inactive),
  };
}

/** Sum of nr_mapped over the CPUs. */
export function nrMapped(memory: MemoryViews): number {
  const cpus = getU32(memory, BOOT_PARAMS + BootParams.nr_cpus);
  let sum = 0;
  for (let cpu = 0; cpu < cpus; cpu++) {
    sum += getI32(memory, PERCPU_AREAS + cpu * PERCPU_SIZE + PerCpu.nr_mapped);
  }
  return sum;
}

/** Counts; the CPUs have given back what they keep. */
export function takeCensus(memory: MemoryViews): Census {
  const slabs: Record<string, number> = {};
  for (let id = 0; id < NR_CACHES; id++) {
    slabs[CACHE_NAMES[id] ?? `cache ${id}`] = getU32(memory, cacheAt(id) + KmemCache.nr_slabs);
  }
  const zones = Array.from({ length: MAX_NR_ZONES }, (_, index) => zoneCensus(memory, index));
  return { zones, slabs, nrMapped: nrMapped(memory) };
}
