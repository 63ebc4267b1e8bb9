// Files of /proc in the form in which Linux 2.6 writes them, line by line: meminfo, vmstat, buddyinfo and slabinfo.
// Lines of what this machine does not have are left out: buffers, huge pages, vmalloc, commit limits.

import {
  ARRAY_CACHE_SLOTS,
  CACHE_STRIDE,
  CACHE_TABLE,
  FREE_AREA_SIZE,
  KmemCache,
  MAX_NR_ZONES,
  MAX_ORDER,
  NR_CACHES,
  PERCPU_RECLAIM,
  PerCpu,
  ReclaimState,
  SWAP_LIST,
  SwapList,
  ZONE_FREE_AREAS,
  ZONE_NORMAL,
} from "../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../layout/view.ts";
import { CACHE_NAMES } from "../invariants/walk-slabs.ts";
import { countFrames, sumOfCpus, zoneAt } from "./frames.ts";

/** Names and numbers, in the order in which they are shown. */
export type Counters = Readonly<Record<string, number>>;

const KIB_A_PAGE = 4;
/** The count of a free area, behind its list head. */
const NR_FREE = 8;
const ZONE_NAMES = ["Normal", "HighMem"];

/** /proc/meminfo: KiB. */
export function readMeminfo(memory: MemoryViews): Counters {
  const frames = countFrames(memory);
  const sum = (of: (zone: (typeof frames.zones)[number]) => number): number =>
    frames.zones.reduce((total, zone) => total + of(zone), 0);
  const low = frames.zones[ZONE_NORMAL] ?? { present: 0, free: 0 };
  const total = sum(({ present }) => present);
  const free = sum((zone) => zone.free);
  const swap = (field: number): number => getU32(memory, SWAP_LIST + field);
  const pages = {
    ...{ MemTotal: total, MemFree: free },
    ...{ Cached: frames.file, SwapCached: frames.swapCache },
    ...{ Active: sum(({ active }) => active), Inactive: sum(({ inactive }) => inactive) },
    ...{ HighTotal: total - low.present, HighFree: free - low.free },
    ...{ LowTotal: low.present, LowFree: low.free },
    SwapTotal: swap(SwapList.total_swap_pages),
    SwapFree: swap(SwapList.nr_swap_pages),
    ...{ Dirty: frames.dirty, Writeback: frames.writeback },
    ...{ Mapped: frames.mapped, Slab: frames.slab, PageTables: frames.tables },
  };
  return Object.fromEntries(
    Object.entries(pages).map(([name, count]) => [name, count * KIB_A_PAGE]),
  );
}

/** The file. */
export function meminfo(memory: MemoryViews): string {
  return Object.entries(readMeminfo(memory))
    .map(([name, kib]) => `${`${name}:`.padEnd(14)}${String(kib).padStart(8)} kB\n`)
    .join("");
}

const EVENTS: Readonly<Record<string, number>> = {
  pgpgin: PERCPU_RECLAIM + ReclaimState.pgpgin,
  pgpgout: PERCPU_RECLAIM + ReclaimState.pgpgout,
  pswpin: PERCPU_RECLAIM + ReclaimState.pswpin,
  pswpout: PERCPU_RECLAIM + ReclaimState.pswpout,
  pgactivate: PERCPU_RECLAIM + ReclaimState.pgactivate,
  pgdeactivate: PERCPU_RECLAIM + ReclaimState.pgdeactivate,
  pgfault: PerCpu.pgfault,
  pgmajfault: PerCpu.pgmajfault,
  pgscan: PERCPU_RECLAIM + ReclaimState.pgscan,
  pgsteal: PERCPU_RECLAIM + ReclaimState.pgsteal,
  pteunmap: PERCPU_RECLAIM + ReclaimState.pteunmap,
  ptemissed: PERCPU_RECLAIM + ReclaimState.ptemissed,
  pageoutrun: PERCPU_RECLAIM + ReclaimState.kswapd,
  allocstall: PERCPU_RECLAIM + ReclaimState.allocstall,
  tlb_flushes: PerCpu.tlb_flushes,
  tlb_shootdowns: PerCpu.shootdowns,
  tlb_interrupts: PerCpu.ipis,
  sleeps: PerCpu.sleeps,
};

/** Events since boot, as /proc/vmstat has them; those of PTEs, TLBs and sleeps are our own. */
export function readEvents(memory: MemoryViews): Counters {
  return Object.fromEntries(
    Object.entries(EVENTS).map(([name, offset]) => [
      name,
      sumOfCpus(memory, (area) => getU32(memory, area + offset)),
    ]),
  );
}

/** The file: pages by state, then events. */
export function vmstat(memory: MemoryViews): string {
  const { dirty, writeback, tables, mapped, slab } = countFrames(memory);
  const states = {
    ...{ nr_dirty: dirty, nr_writeback: writeback, nr_page_table_pages: tables },
    ...{ nr_mapped: mapped, nr_slab: slab },
  };
  return Object.entries({ ...states, ...readEvents(memory) })
    .map(([name, count]) => `${name} ${count}\n`)
    .join("");
}

/** The file: free blocks of each order, for each zone that has memory. */
export function buddyinfo(memory: MemoryViews): string {
  const { zones } = countFrames(memory);
  return Array.from({ length: MAX_NR_ZONES }, (_, zone) => zone)
    .filter((zone) => (zones[zone]?.present ?? 0) > 0)
    .map((zone) => {
      const areas = zoneAt(zone) + ZONE_FREE_AREAS;
      const blocks = Array.from({ length: MAX_ORDER }, (_, order) =>
        getU32(memory, areas + order * FREE_AREA_SIZE + NR_FREE),
      );
      const counts = blocks.map((count) => `${String(count).padStart(6)} `).join("");
      return `Node 0, zone ${(ZONE_NAMES[zone] ?? String(zone)).padStart(8)} ${counts}\n`;
    })
    .join("");
}

const SLABINFO_HEAD = `slabinfo - version: 2.0
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <batchcount> <limit> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
`;

/** The file: objects in the arrays of CPUs count as active, as in Linux. */
export function slabinfo(memory: MemoryViews): string {
  const lines = Array.from({ length: NR_CACHES }, (_, cache) => cacheLine(memory, cache));
  return SLABINFO_HEAD + lines.join("");
}

function cacheLine(memory: MemoryViews, cache: number): string {
  const field = (offset: number): number =>
    getU32(memory, CACHE_TABLE + cache * CACHE_STRIDE + offset);
  const [perSlab, slabs] = [field(KmemCache.num), field(KmemCache.nr_slabs)];
  const objects = slabs * perSlab;
  const active = objects - field(KmemCache.free_objects);
  const free = freeSlabs(memory, cache, slabs);
  const right = (value: number, width: number): string => String(value).padStart(width);
  const sizes = [
    ...[right(active, 6), right(objects, 6), right(field(KmemCache.object_size), 6)],
    ...[right(perSlab, 4), right(1, 4)],
  ];
  const data = [right(slabs - free, 6), right(slabs, 6), right(0, 6)];
  const tunables = [right(ARRAY_CACHE_SLOTS / 2, 4), right(ARRAY_CACHE_SLOTS, 4), right(0, 4)];
  const name = (CACHE_NAMES[cache] ?? String(cache)).padEnd(17);
  return `${name} ${sizes.join(" ")} : tunables ${tunables.join(" ")} : slabdata ${data.join(" ")}\n`;
}

/** Slabs without an object in use; never more than `most`, should the list change meanwhile. */
function freeSlabs(memory: MemoryViews, cache: number, most: number): number {
  const head = CACHE_TABLE + cache * CACHE_STRIDE + KmemCache.free_next;
  let count = 0;
  for (let node = getU32(memory, head); node !== head && node !== 0 && count < most; count++) {
    node = getU32(memory, node);
  }
  return count;
}
