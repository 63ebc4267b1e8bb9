// The chains of PTEs of 2.6.6: which PTEs a page has, as its chain says, and which elements that takes.

import {
  CACHE_PTE_CHAIN,
  CACHE_STRIDE,
  CACHE_TABLE,
  KmemCache,
  PG_direct,
  Page,
  PerCpu,
  PteChain,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { areaOf, flagsOf, frameName, pageOf, type World } from "./world.ts";

const RULE = "I-CHAIN";

/** One element of a chain. */
interface Element {
  readonly address: number;
  /** The lowest slot that is used, as it says. */
  readonly lowest: number;
  /** All its slots: addresses of PTEs, or 0. */
  readonly slots: readonly number[];
}

/** Slots of an element of this kernel. */
function slotsOf(world: World): number {
  const bytes = world.u32(CACHE_TABLE + CACHE_PTE_CHAIN * CACHE_STRIDE + KmemCache.reallen);
  return (bytes - PteChain.SIZE) / 4;
}

/** The elements of a page's chain, the head first; ends at what is none, or comes twice. */
function elementsOf(world: World, pfn: number): Element[] {
  const nr = slotsOf(world);
  const elements: Element[] = [];
  if (flagsOf(world, pfn) & PG_direct) return elements;
  const seen = new Set<number>();
  let address = world.u32(pageOf(pfn) + Page.pte);
  while (address !== 0) {
    if (!world.exists(CACHE_PTE_CHAIN, address) || seen.has(address)) {
      world.findings.add(RULE, `chain of ${frameName(pfn)}`, "elements of its own", hex(address));
      break;
    }
    seen.add(address);
    const word = world.u32(address + PteChain.next_and_idx);
    const at = address + PteChain.SIZE;
    const slots = Array.from({ length: nr }, (_, slot) => world.u32(at + slot * 4));
    elements.push({ address, lowest: word & nr, slots });
    address = word - (word & nr);
  }
  return elements;
}

/** The PTEs that map a frame, as its chain says. */
export function chainOf(world: World, pfn: number): readonly number[] {
  if (flagsOf(world, pfn) & PG_direct) return [world.u32(pageOf(pfn) + Page.pte)];
  return elementsOf(world, pfn).flatMap(({ slots }) => slots.filter((ptep) => ptep !== 0));
}

/** Only the head has free slots, and they come first. */
function checkElements(world: World, pfn: number, elements: readonly Element[]): void {
  elements.forEach(({ address, lowest, slots }, index) => {
    const name = `element ${hex(address)} of the chain of ${frameName(pfn)}`;
    const free = slots.filter((ptep) => ptep === 0).length;
    const leading = slots.findIndex((ptep) => ptep !== 0);
    world.findings.equal(RULE, `${name}, lowest slot that is used`, leading, lowest);
    world.findings.equal(RULE, `${name}, free slots before it`, free, Math.max(leading, 0));
    if (index > 0) world.findings.equal(RULE, `${name}, free slots`, 0, free);
  });
}

/** Each PTE of a page stands once in the page's chain, nothing else does, and no element is lost: I-CHAIN. */
export function checkChains(world: World): void {
  const mappers = new Map<number, number[]>();
  for (const { pfn, at, low } of world.ptes) {
    const isPresent = (low & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0;
    if (!isPresent || pfn === world.zeroPfn || (world.mapped[pfn] ?? 0) === 0) continue;
    mappers.set(pfn, [...(mappers.get(pfn) ?? []), at]);
  }
  const lost = new Set(world.objects[CACHE_PTE_CHAIN] ?? []);
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    if (world.u32(pageOf(pfn) + Page.pte) === 0 && !mappers.has(pfn)) continue;
    const elements = elementsOf(world, pfn);
    checkElements(world, pfn, elements);
    for (const { address } of elements) lost.delete(address);
    const text = (ptes: readonly number[]): string =>
      [...ptes]
        .sort((a, b) => a - b)
        .map(hex)
        .join(", ") || "none";
    const expected = text(mappers.get(pfn) ?? []);
    world.findings.equal(RULE, `PTEs of ${frameName(pfn)}`, expected, text(chainOf(world, pfn)));
  }
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    lost.delete(world.u32(areaOf(cpu) + PerCpu.local_pte_chain));
  }
  for (const address of lost) {
    world.findings.add(RULE, `element ${hex(address)}`, "in a chain, or kept by a CPU", "lost");
  }
}
