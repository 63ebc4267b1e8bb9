// Memory as a balance: where the frames are, and whether all came back. A machine whose processes
// have ended and whose CPUs have given back what they keep (Machine.quiesce) has as much free as
// just after boot, and no kernel object.

import {
  PERCPU_PAGESETS,
  PERCPU_PAGES_STRIDE,
  MAX_NR_ZONES,
  PG_reserved,
} from "../../layout/structs.gen.ts";
import { PerCpuPages, ZONE_STRIDE, ZONE_TABLE, Zone } from "../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../layout/view.ts";
import { readWorld } from "./check.ts";
import { Findings, type Violation } from "./findings.ts";
import { CACHE_NAMES, slabCounts } from "./walk-slabs.ts";
import {
  ROLE_CACHED,
  ROLE_FREE,
  ROLE_MAPPED,
  ROLE_PAGEVEC,
  ROLE_SLAB,
  ROLE_SWAPPED,
  ROLE_TABLE,
  World,
} from "./world.ts";
import { areaOf, flagsOf } from "./world.ts";

/** What is free, and what the slabs hold. */
export interface MemoryState {
  /** Free frames of each zone, on per-CPU lists too. */
  readonly freeFrames: readonly number[];
  /** Slabs of each cache. */
  readonly slabs: readonly number[];
}

/** Counts what is free; to be compared with a later count by leaks(). */
export function memoryState(memory: MemoryViews): MemoryState {
  const { cpus } = new World(memory);
  const freeFrames = Array.from({ length: MAX_NR_ZONES }, (_, zone) => {
    let free = getU32(memory, ZONE_TABLE + zone * ZONE_STRIDE + Zone.free_pages);
    for (let cpu = 0; cpu < cpus; cpu++) {
      const set = areaOf(cpu) + PERCPU_PAGESETS + zone * PERCPU_PAGES_STRIDE;
      free += getU32(memory, set + PerCpuPages.count);
    }
    return free;
  });
  return { freeFrames, slabs: slabCounts(memory) };
}

/** What did not come back, or came back once too often: LEAK. */
export function leaks(before: MemoryState, after: MemoryState): readonly Violation[] {
  const findings = new Findings();
  before.freeFrames.forEach((frames, zone) => {
    findings.equal("LEAK", `free frames of zone ${zone}`, frames, after.freeFrames[zone] ?? 0);
  });
  before.slabs.forEach((slabs, cacheId) => {
    const name = `slabs of ${CACHE_NAMES[cacheId] ?? cacheId}`;
    findings.equal("LEAK", name, slabs, after.slabs[cacheId] ?? 0);
  });
  return findings.violations;
}

/** Frames by use. */
export interface MemoryReport {
  readonly reserved: number;
  readonly free: number;
  readonly tables: number;
  readonly slabs: number;
  readonly anonymous: number;
  readonly pageCache: number;
  /** Pages that only a pagevec still holds. */
  readonly pagevecs: number;
  /** Frames without any use: lost. */
  readonly lost: number;
}

/** Where the frames of a quiet machine are. */
export function memoryReport(memory: MemoryViews): MemoryReport {
  const world = readWorld(memory);
  const report = {
    ...{ reserved: 0, free: 0, tables: 0, slabs: 0 },
    ...{ anonymous: 0, pageCache: 0, pagevecs: 0, lost: 0 },
  };
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    const role = world.role(pfn);
    if (flagsOf(world, pfn) & PG_reserved) report.reserved++;
    else if (role & ROLE_FREE) report.free++;
    else if (role & ROLE_TABLE) report.tables++;
    else if (role & ROLE_SLAB) report.slabs++;
    else if (role & ROLE_CACHED) report.pageCache++;
    else if (role & (ROLE_MAPPED | ROLE_SWAPPED)) report.anonymous++;
    else if (role & ROLE_PAGEVEC) report.pagevecs++;
    else report.lost++;
  }
  return report;
}
