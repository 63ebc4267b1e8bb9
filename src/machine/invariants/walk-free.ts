// Free memory: the blocks of the buddy allocator and the hot lists of CPUs.

import {
  FREE_AREA_SIZE,
  MAX_NR_ZONES,
  MAX_ORDER,
  PERCPU_PAGESETS,
  PERCPU_PAGES_STRIDE,
  PG_buddy,
  PG_reserved,
  Page,
  PerCpuPages,
  ZONE_FREE_AREAS,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { listNodes } from "./lists.ts";
import {
  ROLE_BUDDY,
  ROLE_HOT,
  ROLE_RESERVED,
  areaOf,
  flagsOf,
  frameName,
  isPage,
  pageOf,
  pfnOf,
  type World,
} from "./world.ts";

const RULE = "FREE-LIST";

/** Frames of a list of pages. */
function listedFrames(world: World, head: number, what: string): number[] {
  const pages = listNodes(world, head, RULE, what).map((node) => node - Page.lru_next);
  const bad = pages.filter((page) => !isPage(world, page));
  for (const page of bad) world.findings.add(RULE, what, "pages", hex(page));
  return pages.filter((page) => isPage(world, page)).map(pfnOf);
}

/** A block on the list of an order: aligned, marked, inside its zone. */
function checkBlock(world: World, zone: number, pfn: number, order: number): void {
  const name = `free block ${hex(pfn)} of order ${order}`;
  const size = 2 ** order;
  const first = world.u32(zone + Zone.zone_start_pfn);
  const end = world.u32(zone + Zone.zone_end_pfn);
  if (pfn % size !== 0) world.findings.add(RULE, name, `a multiple of ${size}`, pfn);
  if (pfn < first || pfn + size > end) {
    world.findings.add(RULE, name, `frames ${first} to ${end}`, pfn);
  }
  if ((flagsOf(world, pfn) & PG_buddy) === 0) {
    world.findings.add(RULE, name, "PG_buddy", "no such flag");
  }
  world.findings.equal(RULE, `${name}, order`, order, world.u32(pageOf(pfn) + Page.private_));
  for (let i = pfn; i < pfn + size && i < world.maxPfn; i++) {
    if (world.role(i) & ROLE_BUDDY) world.findings.add(RULE, frameName(i), "one free block", "two");
    world.use(i, ROLE_BUDDY);
  }
}

/** Two free blocks that are one larger block should have been merged. */
function checkMerged(world: World, zone: number, blocks: readonly Set<number>[]): void {
  blocks.slice(0, MAX_ORDER - 1).forEach((set, order) => {
    for (const pfn of set) {
      const buddy = pfn ^ (1 << order);
      if (buddy < pfn || !set.has(buddy)) continue;
      const name = `free blocks ${hex(pfn)} and ${hex(buddy)} of order ${order}`;
      const merged = Math.min(pfn, buddy) + 2 ** (order + 1);
      if (merged <= world.u32(zone + Zone.zone_end_pfn)) {
        world.findings.add(RULE, name, "one block", "two");
      }
    }
  });
}

function walkZone(world: World, index: number): void {
  const zone = ZONE_TABLE + index * ZONE_STRIDE;
  let free = 0;
  const blocks = Array.from({ length: MAX_ORDER }, (_, order) => {
    const area = zone + ZONE_FREE_AREAS + order * FREE_AREA_SIZE;
    const what = `free area ${order} of zone ${index}`;
    const frames = listedFrames(world, area, what);
    for (const pfn of frames) checkBlock(world, zone, pfn, order);
    world.findings.equal(RULE, `count of ${what}`, frames.length, world.u32(area + 8));
    free += frames.length * 2 ** order;
    return new Set(frames);
  });
  checkMerged(world, zone, blocks);
  world.findings.equal(
    RULE,
    `free_pages of zone ${index}`,
    free,
    world.u32(zone + Zone.free_pages),
  );
}

function walkHotLists(world: World, cpu: number): void {
  for (let zone = 0; zone < MAX_NR_ZONES; zone++) {
    const set = areaOf(cpu) + PERCPU_PAGESETS + zone * PERCPU_PAGES_STRIDE;
    const what = `hot list of CPU ${cpu}, zone ${zone}`;
    const frames = listedFrames(world, set + PerCpuPages.list_next, what);
    world.findings.equal(
      RULE,
      `count of ${what}`,
      frames.length,
      world.u32(set + PerCpuPages.count),
    );
    for (const pfn of frames) {
      const own = world.u32(pageOf(pfn) + Page.zone);
      if (own !== zone) world.findings.add(RULE, `${frameName(pfn)} on the ${what}`, zone, own);
      if (world.role(pfn) & ROLE_HOT) {
        world.findings.add(RULE, frameName(pfn), "one hot list", "two");
      }
      world.use(pfn, ROLE_HOT);
    }
  }
}

/** Reads what is free, and what never is. Fills roles. */
export function walkFree(world: World): void {
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    if (flagsOf(world, pfn) & PG_reserved) world.use(pfn, ROLE_RESERVED);
  }
  for (let index = 0; index < MAX_NR_ZONES; index++) walkZone(world, index);
  for (let cpu = 0; cpu < world.cpus; cpu++) walkHotLists(world, cpu);
}
