// What page tables and TLBs hold, read from the machine's memory without changing anything.

import {
  BOOT_PARAMS,
  BootParams,
  DISK,
  Disk,
  MmStruct,
  PERCPU_TLB,
  PGD_SHIFT,
  PMD_SHIFT,
  PG_swapcache,
  PTE_SHIFT,
  PTRS_PER_TABLE,
  PUD_SHIFT,
  Page,
  PerCpu,
  SWAP_INFO,
  SWAP_INFO_STRIDE,
  SwapInfo,
  TLB_ENTRY_SIZE,
  TLB_SETS,
  TLB_WAYS,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
} from "../../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../../layout/view.ts";
import { areaOf, pageOf } from "../../../machine/invariants/world.ts";

/** A translation: flags in the lower 12 bits of `low`. */
export interface Translation {
  readonly low: number;
  readonly pfn: number;
}

const SIZES = [PGD_SHIFT, PUD_SHIFT, PMD_SHIFT, PTE_SHIFT].map((shift) => 2 ** shift);
const TWO_32 = 2 ** 32;

/** Reads an entry of a page table or TLB. */
function entryAt(memory: MemoryViews, at: number): Translation {
  const low = getU32(memory, at);
  return { low, pfn: (getU32(memory, at + 4) & 0xffff) * 2 ** 20 + (low >>> 12) };
}

/** The entry of the page tables of `mm` for an address, present or not; undefined where there is no table. */
export function walkTables(
  memory: MemoryViews,
  mm: number,
  address: number,
): Translation | undefined {
  const limit = getU32(memory, BOOT_PARAMS + BootParams.lowmem_pfns);
  let table = getU32(memory, mm + MmStruct.pgd);
  for (const size of SIZES) {
    const index = Math.floor(address / size) % PTRS_PER_TABLE;
    const entry = entryAt(memory, table + index * 8);
    if (size === SIZES[SIZES.length - 1]) return entry;
    if ((entry.low & _PAGE_PRESENT) === 0 || entry.pfn >= limit) return undefined;
    table = entry.pfn * 4096;
  }
  return undefined;
}

/** What a CPU has in its TLB for an address. */
export function lookUpTlb(
  memory: MemoryViews,
  cpu: number,
  address: number,
): Translation | undefined {
  const area = areaOf(cpu);
  const tag = (address % TWO_32) - (address % 4096) + getU32(memory, area + PerCpu.tlb_generation);
  const high = Math.floor(address / TWO_32);
  const set = Math.floor(address / 4096) % TLB_SETS;
  for (let way = 0; way < TLB_WAYS; way++) {
    const at = area + PERCPU_TLB + (set * TLB_WAYS + way) * TLB_ENTRY_SIZE;
    if (getU32(memory, at) === tag && getU32(memory, at + 4) === high) {
      return entryAt(memory, at + 8);
    }
  }
  return undefined;
}

/** Where the content of a slot of swap lies: in a page of the swap cache, or on the disk. */
function swappedAt(memory: MemoryViews, { low, pfn: slot }: Translation): number {
  const area = (low >>> 8) & 15;
  const entry = area * 2 ** 28 + slot;
  const frames = getU32(memory, BOOT_PARAMS + BootParams.lowmem_pfns);
  for (let frame = 0; frame < frames; frame++) {
    const page = pageOf(frame);
    if ((getU32(memory, page + Page.flags) & PG_swapcache) === 0) continue;
    if (getU32(memory, page + Page.private_) === entry) return frame * 4096;
  }
  const first = getU32(memory, SWAP_INFO + area * SWAP_INFO_STRIDE + SwapInfo.first_block);
  return getU32(memory, DISK + Disk.base) + (first + slot - 1) * 4096;
}

/**
 * Where a byte lies that is mapped, whatever the protection, or is on swap; undefined: there is no page with content.
 */
export function physical(memory: MemoryViews, mm: number, address: number): number | undefined {
  const entry = walkTables(memory, mm, address);
  if (entry === undefined) return undefined;
  if ((entry.low & (_PAGE_PRESENT | _PAGE_PROTNONE)) === 0) {
    return entry.pfn === 0 ? undefined : swappedAt(memory, entry) + (address % 4096);
  }
  if (entry.pfn >= getU32(memory, BOOT_PARAMS + BootParams.lowmem_pfns)) return undefined;
  return entry.pfn * 4096 + (address % 4096);
}
