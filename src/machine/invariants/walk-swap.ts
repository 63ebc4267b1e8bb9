// Swap and the disk, as the other walks come by them: entries of PTEs, pages of the swap cache, blocks in use.

import { PG_swapcache, PG_uptodate, Page } from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { ROLE_SWAPPED, flagsOf, frameName, isPage, pageOf, pfnOf, type World } from "./world.ts";

const OFFSET_BITS = 2 ** 28;

/** The entry that a PTE names which is not present: its lower word and what would be its frame. */
export const swapEntry = (low: number, pfn: number): number =>
  ((low >>> 8) & 15) * OFFSET_BITS + pfn;

/** Area and slot of an entry. */
export const slotOf = (entry: number): { readonly area: number; readonly offset: number } => ({
  area: Math.floor(entry / OFFSET_BITS),
  offset: entry % OFFSET_BITS,
});

/** Name of a slot, for people. */
export function slotName(entry: number): string {
  const { area, offset } = slotOf(entry);
  return `slot ${offset} of swap area ${area}`;
}

/** Notes a page of the swap cache and checks what it says about itself: SWAP-CACHE. */
export function noteSwapPage(world: World, page: number, entry: number): void {
  const name = `swap cache, ${slotName(entry)}`;
  if (!isPage(world, page)) {
    world.findings.add("SWAP-CACHE", name, "a page", hex(page));
    return;
  }
  const pfn = pfnOf(page);
  if (world.swapCached.has(pfn)) {
    world.findings.add("SWAP-CACHE", name, "a page of its own", frameName(pfn));
  }
  world.swapCached.set(pfn, entry);
  world.use(pfn, ROLE_SWAPPED, 1);
  const wanted = PG_swapcache | PG_uptodate;
  world.findings.equal("SWAP-CACHE", `${name}, flags`, wanted, flagsOf(world, pfn) & wanted);
  const known = world.u32(pageOf(pfn) + Page.private_);
  world.findings.equal("SWAP-CACHE", `${name}, private_`, hex(entry), hex(known));
}

/** Notes that a block of the disk is used: DISK. */
export function useBlock(world: World, block: number, by: string): void {
  const before = world.blocks.get(block);
  if (before !== undefined) {
    world.findings.add("DISK", `block ${block}`, "one use", `${before}, ${by}`);
  }
  world.blocks.set(block, by);
}
