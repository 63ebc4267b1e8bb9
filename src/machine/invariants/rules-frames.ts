// Rules about single frames: each has one use, its references and PTEs are all accounted for, and
// it is on the list that its use asks for.

import {
  MAX_NR_ZONES,
  PG_active,
  PG_buddy,
  PG_free_checked,
  PG_lru,
  Page,
  PerCpu,
  RMAP_PTE_CHAIN,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
} from "../../layout/structs.gen.ts";
import { chainOf } from "./chains.ts";
import { hex } from "./findings.ts";
import { listNodes } from "./lists.ts";
import {
  ROLE_BUDDY,
  ROLE_CLIENT,
  ROLE_FREE,
  ROLE_HOT,
  ROLE_MAPPED,
  ROLE_PAGEVEC,
  ROLE_RESERVED,
  ROLE_SLAB,
  ROLE_TABLE,
  ROLE_USER,
  areaOf,
  flagsOf,
  frameName,
  isPage,
  pageOf,
  pfnOf,
  type World,
} from "./world.ts";

const USES: readonly (readonly [mask: number, name: string])[] = [
  [ROLE_RESERVED, "reserved"],
  [ROLE_BUDDY, "free block"],
  [ROLE_HOT, "hot list"],
  [ROLE_TABLE, "page table"],
  [ROLE_SLAB, "slab"],
  [ROLE_CLIENT, "notifier client"],
  [ROLE_USER, "program"],
];

/** What a frame is used for, in words; nothing for a lost one. */
function usesOf(world: World, pfn: number): string[] {
  let role = world.role(pfn);
  // The zero page is mapped, and not counted.
  if (pfn === world.zeroPfn) role &= ~ROLE_MAPPED;
  return USES.filter(([mask]) => (role & mask) !== 0).map(([, name]) => name);
}

/** Frames with exactly one use; the others are findings, and no more is asked of them. */
function framesInOrder(world: World): number[] {
  const good: number[] = [];
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    const role = world.role(pfn);
    const isPlain = role === ROLE_BUDDY || role === ROLE_RESERVED;
    const uses = isPlain ? 1 : usesOf(world, pfn).length;
    if (uses === 1) {
      good.push(pfn);
    } else {
      world.findings.add(
        "FRAMES",
        frameName(pfn),
        "one use",
        usesOf(world, pfn).join(", ") || "lost",
      );
    }
  }
  return good;
}

function checkFree(world: World, pfn: number): void {
  const page = pageOf(pfn);
  const state = [
    ["_count", -1, world.i32(page + Page._count)],
    ["_mapcount", world.unmapped, world.i32(page + Page._mapcount)],
    ["mapping", 0, world.u32(page + Page.mapping)],
    ["pte", 0, world.u32(page + Page.pte)],
    ["flags", 0, flagsOf(world, pfn) & ~(PG_buddy | PG_free_checked)],
  ] as const;
  for (const [field, expected, found] of state) {
    if (expected !== found) {
      world.findings.add("FREE-PAGE", `${frameName(pfn)}, ${field}`, expected, found);
    }
  }
}

function checkUsed(world: World, pfn: number): void {
  const page = pageOf(pfn);
  const references = world.i32(page + Page._count) + 1;
  const counts = world.rmap !== RMAP_PTE_CHAIN;
  const mapcount = counts
    ? world.i32(page + Page._mapcount) - world.unmapped
    : chainOf(world, pfn).length;
  world.findings.equal("REFCOUNT", frameName(pfn), world.references[pfn] ?? 0, references);
  world.findings.equal("I-COUNT", frameName(pfn), world.mapped[pfn] ?? 0, mapcount);
}

/**
 * Every frame has one use, and its counts agree with who refers to it: FRAMES, FREE-PAGE, REFCOUNT,
 * I-COUNT.
 */
export function checkFrames(world: World): void {
  for (const pfn of framesInOrder(world)) {
    const role = world.role(pfn);
    if (role & ROLE_RESERVED) continue;
    if (role & ROLE_FREE) checkFree(world, pfn);
    else checkUsed(world, pfn);
  }
}

/** nr_mapped of all CPUs together is the number of frames that some PTE maps: I-NRMAPPED. */
export function checkNrMapped(world: World): void {
  let expected = 0;
  for (const count of world.mapped) if (count > 0) expected++;
  let found = 0;
  for (let cpu = 0; cpu < world.cpus; cpu++) found += world.i32(areaOf(cpu) + PerCpu.nr_mapped);
  world.findings.equal("I-NRMAPPED", "sum of nr_mapped", expected, found);
}

/** Checks one LRU list; adds its frames to `listed`. */
function walkLru(world: World, zone: number, active: boolean, listed: Set<number>): void {
  const at = ZONE_TABLE + zone * ZONE_STRIDE;
  const what = `${active ? "active" : "inactive"} list of zone ${zone}`;
  const head = at + (active ? Zone.active_next : Zone.inactive_next);
  const nodes = listNodes(world, head, "LRU", what);
  const count = world.u32(at + (active ? Zone.nr_active : Zone.nr_inactive));
  world.findings.equal("LRU", `length of the ${what}`, nodes.length, count);
  const wanted = active ? PG_lru | PG_active : PG_lru;
  for (const node of nodes) {
    const page = node - Page.lru_next;
    if (!isPage(world, page)) {
      world.findings.add("LRU", what, "pages", hex(page));
      continue;
    }
    const pfn = pfnOf(page);
    listed.add(pfn);
    const flags = flagsOf(world, pfn) & (PG_lru | PG_active);
    world.findings.equal(
      "LRU",
      `flags of ${frameName(pfn)} on the ${what}`,
      hex(wanted),
      hex(flags),
    );
  }
}

/** A program's frame is on the LRU list that its flags name, or waits in a pagevec: LRU. */
export function checkLru(world: World): void {
  const listed = new Set<number>();
  for (let zone = 0; zone < MAX_NR_ZONES; zone++) {
    walkLru(world, zone, true, listed);
    walkLru(world, zone, false, listed);
  }
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    const role = world.role(pfn);
    if ((role & ROLE_USER) === 0 || role & ROLE_RESERVED || listed.has(pfn)) continue;
    if ((role & ROLE_PAGEVEC) === 0) {
      world.findings.add("LRU", frameName(pfn), "on a list", "on none");
    }
  }
}
