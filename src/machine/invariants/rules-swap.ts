// Rules about swap and the disk: slots are counted, their books agree, blocks have one use.

import {
  DISK,
  Disk,
  MAX_SWAPFILES,
  PG_swapcache,
  PG_writeback,
  SWAP_INFO,
  SWAP_INFO_STRIDE,
  SWAP_LIST,
  SWAP_MAP_BAD,
  SWP_WRITEOK,
  SwapInfo,
  SwapList,
} from "../../layout/structs.gen.ts";
import { slotName, slotOf, useBlock } from "./walk-swap.ts";
import { flagsOf, frameName, type World } from "./world.ts";

const OFFSET_BITS = 2 ** 28;

interface Area {
  readonly number: number;
  readonly max: number;
  readonly map: number;
  /** Where it stands. */
  readonly at: number;
}

/** Areas that exist. */
function areasOf(world: World): Area[] {
  return Array.from({ length: MAX_SWAPFILES }, (_, number) => {
    const at = SWAP_INFO + number * SWAP_INFO_STRIDE;
    return {
      number,
      at,
      max: world.u32(at + SwapInfo.max),
      map: world.u32(at + SwapInfo.swap_map),
    };
  }).filter(({ at }) => world.u32(at + SwapInfo.flags) !== 0);
}

const countAt = (world: World, { map }: Area, offset: number): number =>
  world.memory.u16[(map + offset * 2) >>> 1] ?? 0;

/** Each slot is counted once for each PTE that names it and once for the swap cache: I-SWAP. Returns slots in use. */
function checkSlots(world: World, area: Area, cached: ReadonlySet<number>): number {
  let used = 0;
  for (let offset = 1; offset < area.max; offset++) {
    const entry = area.number * OFFSET_BITS + offset;
    const expected = (world.swapPtes.get(entry) ?? 0) + (cached.has(entry) ? 1 : 0);
    const found = countAt(world, area, offset);
    if (found !== 0) used++;
    if (found !== expected) world.findings.add("I-SWAP", slotName(entry), expected, found);
  }
  world.findings.equal(
    "I-SWAP",
    `slot 0 of swap area ${area.number}`,
    SWAP_MAP_BAD,
    countAt(world, area, 0),
  );
  return used;
}

function checkArea(world: World, area: Area, cached: ReadonlySet<number>): number {
  const used = checkSlots(world, area, cached);
  const name = `inuse_pages of swap area ${area.number}`;
  world.findings.equal("SWAP-COUNT", name, used, world.u32(area.at + SwapInfo.inuse_pages));
  const first = world.u32(area.at + SwapInfo.first_block);
  for (let block = 0; block < area.max - 1; block++) {
    useBlock(world, first + block, `swap area ${area.number}`);
  }
  return area.max - 1 - used;
}

/** An entry that no area has. */
function checkStrangers(world: World, areas: readonly Area[], entries: Iterable<number>): void {
  for (const entry of entries) {
    const { area, offset } = slotOf(entry);
    const known = areas.find(({ number }) => number === area);
    if (known !== undefined && offset > 0 && offset < known.max) continue;
    world.findings.add("I-SWAP", slotName(entry), "a slot that exists", "none");
  }
}

/** Flags of a page say that it is in the swap cache if it is: SWAP-CACHE. */
function checkFlags(world: World): void {
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    const flags = flagsOf(world, pfn) & (PG_swapcache | PG_writeback);
    if (flags === 0) continue;
    if (flags & PG_writeback) {
      world.findings.add("SWAP-CACHE", frameName(pfn), "not being written", "PG_writeback");
    }
    if (flags & PG_swapcache && !world.swapCached.has(pfn)) {
      world.findings.add(
        "SWAP-CACHE",
        frameName(pfn),
        "in the swap cache",
        "PG_swapcache, but not found there",
      );
    }
  }
}

/** Blocks in use are those that files and swap areas have: DISK. */
function checkDisk(world: World): void {
  const blocks = world.u32(DISK + Disk.nr_blocks);
  const bitmap = world.u32(DISK + Disk.bitmap);
  let free = 0;
  for (let block = 0; block < blocks; block++) {
    const inUse = ((world.u32(bitmap + (block >>> 5) * 4) >>> (block & 31)) & 1) === 1;
    if (!inUse) free++;
    if (inUse === world.blocks.has(block)) continue;
    const found = inUse ? "in use" : "free";
    world.findings.add("DISK", `block ${block}`, world.blocks.get(block) ?? "free", found);
  }
  world.findings.equal("DISK", "free blocks", free, world.u32(DISK + Disk.nr_free));
}

/** All rules about swap: I-SWAP, SWAP-COUNT, SWAP-CACHE, DISK. */
export function checkSwap(world: World): void {
  const areas = areasOf(world);
  const cached = new Set(world.swapCached.values());
  checkFlags(world);
  checkStrangers(world, areas, [...world.swapPtes.keys(), ...cached]);
  let free = 0;
  for (const area of areas) {
    const left = checkArea(world, area, cached);
    if (world.u32(area.at + SwapInfo.flags) & SWP_WRITEOK) free += left;
  }
  const counted = world.i32(SWAP_LIST + SwapList.nr_swap_pages);
  world.findings.equal("SWAP-COUNT", "nr_swap_pages", free, counted);
  checkDisk(world);
}
