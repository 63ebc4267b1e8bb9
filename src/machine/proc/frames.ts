// Frames by what they are used for, as far as their struct page says: what several files of /proc count. Plain reads,
// while CPUs run or not: each number is right at some moment, and they need not be of the same moment.

import {
  BOOT_PARAMS,
  BootParams,
  MAX_NR_ZONES,
  MEM_MAP,
  PAGE_MAPPING_ANON,
  PERCPU_AREAS,
  PERCPU_PAGESETS,
  PERCPU_PAGES_STRIDE,
  PERCPU_SIZE,
  PG_anon,
  PG_buddy,
  PG_dirty,
  PG_reserved,
  PG_slab,
  PG_swapcache,
  PG_table,
  PG_writeback,
  Page,
  PerCpu,
  PerCpuPages,
  STRUCT_PAGE_SHIFT,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
} from "../../layout/structs.gen.ts";
import { getI32, getU32, type MemoryViews } from "../../layout/view.ts";

/** One zone. */
export interface ZoneCounts {
  readonly present: number;
  /** On its free lists, and on those that CPUs keep for themselves. */
  readonly free: number;
  readonly active: number;
  readonly inactive: number;
}

/** Frames, by use. */
export interface FrameCounts {
  readonly zones: readonly ZoneCounts[];
  /** Mapped by a page table. */
  readonly mapped: number;
  readonly slab: number;
  readonly tables: number;
  /** In the page cache of a file. */
  readonly file: number;
  readonly swapCache: number;
  /** Of files, and not yet on the disk. */
  readonly dirty: number;
  readonly writeback: number;
}

/** Address of the area of a CPU. */
export const areaOf = (cpu: number): number => PERCPU_AREAS + cpu * PERCPU_SIZE;

/** CPUs of the machine. */
export const cpusOf = (memory: MemoryViews): number =>
  getU32(memory, BOOT_PARAMS + BootParams.nr_cpus);

/** The sum of something that every CPU counts for itself. */
export function sumOfCpus(memory: MemoryViews, of: (area: number) => number): number {
  let sum = 0;
  for (let cpu = 0; cpu < cpusOf(memory); cpu++) sum += of(areaOf(cpu));
  return sum;
}

/** Where a zone stands. */
export const zoneAt = (zone: number): number => ZONE_TABLE + zone * ZONE_STRIDE;

function zoneCounts(memory: MemoryViews, zone: number): ZoneCounts {
  const at = zoneAt(zone);
  const set = PERCPU_PAGESETS + zone * PERCPU_PAGES_STRIDE + PerCpuPages.count;
  const hot = sumOfCpus(memory, (area) => getU32(memory, area + set));
  return {
    present: getU32(memory, at + Zone.present_pages),
    free: getU32(memory, at + Zone.free_pages) + hot,
    active: getU32(memory, at + Zone.nr_active),
    inactive: getU32(memory, at + Zone.nr_inactive),
  };
}

/** Counts all frames. */
export function countFrames(memory: MemoryViews): FrameCounts {
  const counts = { slab: 0, tables: 0, file: 0, swapCache: 0, dirty: 0, writeback: 0 };
  const frames = getU32(memory, BOOT_PARAMS + BootParams.max_mapnr);
  for (let pfn = 0; pfn < frames; pfn++) {
    const page = MEM_MAP + pfn * 2 ** STRUCT_PAGE_SHIFT;
    const flags = getU32(memory, page + Page.flags);
    if (flags & (PG_buddy | PG_reserved)) continue;
    if (flags & PG_slab) {
      counts.slab++;
    } else if (flags & PG_table) {
      counts.tables++;
    } else if (flags & PG_swapcache) {
      counts.swapCache++;
    } else if (isFile(flags, getU32(memory, page + Page.mapping))) {
      counts.file++;
      if (flags & PG_dirty) counts.dirty++;
    }
    if (flags & PG_writeback) counts.writeback++;
  }
  return {
    ...counts,
    zones: Array.from({ length: MAX_NR_ZONES }, (_, zone) => zoneCounts(memory, zone)),
    mapped: sumOfCpus(memory, (area) => getI32(memory, area + PerCpu.nr_mapped)),
  };
}

/** A page with a mapping that is neither marked as anonymous in its flags (2.6.8) nor in the mapping (2.6.9). */
const isFile = (flags: number, mapping: number): boolean =>
  mapping !== 0 && (flags & PG_anon) === 0 && (mapping & PAGE_MAPPING_ANON) === 0;
