// What a machine's kernel counts, under the names of /proc/meminfo and /proc/vmstat. Read while CPUs run: each number is
// right at some moment, and they need not be of the same moment.

import {
  MAX_NR_ZONES,
  PERCPU_AREAS,
  PERCPU_PAGESETS,
  PERCPU_RECLAIM,
  PERCPU_SIZE,
  PerCpu,
  PerCpuPages,
  PERCPU_PAGES_STRIDE,
  ReclaimState,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
} from "../layout/structs.gen.ts";
import { getI32, getU32, type MemoryViews } from "../layout/view.ts";

/** Names and numbers, in the order in which they are shown. */
export type Counters = Readonly<Record<string, number>>;

const KIB_A_PAGE = 4;

/** Memory in KiB, as /proc/meminfo has it. */
export function readMeminfo(memory: MemoryViews, cpus: number): Counters {
  const zones = Array.from({ length: MAX_NR_ZONES }, (_, zone) => ZONE_TABLE + zone * ZONE_STRIDE);
  const pages = (offset: number): number =>
    zones.reduce((sum, zone) => sum + getU32(memory, zone + offset), 0);
  const hot = sumOfCpus(cpus, (area) =>
    zones.reduce((sum, _, zone) => sum + hotPages(memory, area, zone), 0),
  );
  const mapped = sumOfCpus(cpus, (area) => getI32(memory, area + PerCpu.nr_mapped));
  return {
    MemTotal: pages(Zone.present_pages) * KIB_A_PAGE,
    MemFree: (pages(Zone.free_pages) + hot) * KIB_A_PAGE,
    Active: pages(Zone.nr_active) * KIB_A_PAGE,
    Inactive: pages(Zone.nr_inactive) * KIB_A_PAGE,
    Mapped: mapped * KIB_A_PAGE,
  };
}

/** Frames on the free list that a CPU keeps for itself. */
const hotPages = (memory: MemoryViews, area: number, zone: number): number =>
  getU32(memory, area + PERCPU_PAGESETS + zone * PERCPU_PAGES_STRIDE + PerCpuPages.count);

const EVENTS: Readonly<Record<string, number>> = {
  pgfault: PerCpu.pgfault,
  pgmajfault: PerCpu.pgmajfault,
  pgscan: PERCPU_RECLAIM + ReclaimState.pgscan,
  pgsteal: PERCPU_RECLAIM + ReclaimState.pgsteal,
  pgactivate: PERCPU_RECLAIM + ReclaimState.pgactivate,
  pswpin: PERCPU_RECLAIM + ReclaimState.pswpin,
  pswpout: PERCPU_RECLAIM + ReclaimState.pswpout,
  tlb_flushes: PerCpu.tlb_flushes,
  tlb_shootdowns: PerCpu.shootdowns,
  tlb_interrupts: PerCpu.ipis,
  sleeps: PerCpu.sleeps,
};

/** Events since boot, as /proc/vmstat has them; those of TLBs and sleeps are our own. */
export function readVmstat(memory: MemoryViews, cpus: number): Counters {
  return Object.fromEntries(
    Object.entries(EVENTS).map(([name, offset]) => [
      name,
      sumOfCpus(cpus, (area) => getU32(memory, area + offset)),
    ]),
  );
}

function sumOfCpus(cpus: number, of: (area: number) => number): number {
  let sum = 0;
  for (let cpu = 0; cpu < cpus; cpu++) sum += of(PERCPU_AREAS + cpu * PERCPU_SIZE);
  return sum;
}
