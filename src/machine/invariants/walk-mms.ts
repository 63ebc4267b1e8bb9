// The address spaces: their VMAs, as the slab has them, and their page tables, all four levels.

import {
  CACHE_MM,
  CACHE_VM_AREA,
  INIT_MM,
  MmStruct,
  PGD_SHIFT,
  PG_table,
  PMD_SHIFT,
  PTE_SHIFT,
  PTRS_PER_TABLE,
  PUD_SHIFT,
  VmArea,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_TABLE,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { swapEntry } from "./walk-swap.ts";
import {
  ROLE_MAPPED,
  ROLE_TABLE,
  flagsOf,
  frameName,
  type MmRecord,
  type VmaRecord,
  type World,
} from "./world.ts";

const SHIFTS = [PGD_SHIFT, PUD_SHIFT, PMD_SHIFT, PTE_SHIFT];
const LAST_LEVEL = SHIFTS.length - 1;

/** Name of an address space, for people. */
export function mmName(world: World, mm: number): string {
  return world.nameOf(mm, world.u32(mm + MmStruct.serial));
}

/** Name of a VMA, for people. */
export const vmaName = (world: World, vma: VmaRecord): string =>
  `VMA ${hex(vma.start)}-${hex(vma.end)} of ${mmName(world, vma.mm)}`;

function readVma(world: World, address: number): VmaRecord {
  return {
    address,
    mm: world.u32(address + VmArea.vm_mm),
    start: world.u64(address + VmArea.vm_start),
    end: world.u64(address + VmArea.vm_end),
    flags: world.u32(address + VmArea.vm_flags),
    pgoff: world.u64(address + VmArea.vm_pgoff),
    file: world.u32(address + VmArea.vm_file),
    anonVma: world.u32(address + VmArea.anon_vma),
  };
}

/** The VMA that an address lies in. */
export function vmaAt(vmas: readonly VmaRecord[], virtual: number): VmaRecord | undefined {
  let low = 0;
  let high = vmas.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const vma = vmas[middle] as VmaRecord;
    if (virtual >= vma.end) low = middle + 1;
    else if (virtual < vma.start) high = middle - 1;
    else return vma;
  }
  return undefined;
}

/** Frame number of a page-table entry given as two words. */
const entryPfn = (low: number, high: number): number => (high & 0xffff) * 2 ** 20 + (low >>> 12);

/** Notes a frame as a page table; false if it cannot be one. */
function useTable(world: World, mm: MmRecord, pfn: number, what: string): boolean {
  const name = `${what} of ${mmName(world, mm.address)}`;
  if (pfn === 0 || pfn >= world.lowmemPfns) {
    world.findings.add("TABLES", name, "a frame with content", frameName(pfn));
    return false;
  }
  if (world.role(pfn) & ROLE_TABLE) {
    world.findings.add("TABLES", name, "a frame of its own", `${frameName(pfn)}, a table already`);
    return false;
  }
  world.use(pfn, ROLE_TABLE, 1);
  const marked = (flagsOf(world, pfn) & PG_table) !== 0 || mm.address === INIT_MM;
  if (!marked) {
    world.findings.add("TABLES", `${name}, ${frameName(pfn)}`, "PG_table", "no such flag");
  }
  return true;
}

function notePte(
  world: World,
  mm: MmRecord,
  at: number,
  virtual: number,
  low: number,
  pfn: number,
): void {
  const vma = vmaAt(mm.vmas, virtual);
  world.ptes.push({ mm, vma, at, virtual, low, pfn });
  if ((low & (_PAGE_PRESENT | _PAGE_PROTNONE)) === 0) {
    const entry = swapEntry(low, pfn);
    world.swapPtes.set(entry, (world.swapPtes.get(entry) ?? 0) + 1);
    return;
  }
  if (pfn >= world.maxPfn) return;
  if (pfn !== world.zeroPfn) world.mapped[pfn] = (world.mapped[pfn] ?? 0) + 1;
  world.use(pfn, ROLE_MAPPED, 1);
}

/** Checks that the table below an entry can map something: some VMA begins or ends in its range. */
function checkRange(world: World, mm: MmRecord, start: number, size: number): void {
  const reached = mm.vmas.some((vma) => vma.start < start + size && vma.end > start);
  if (reached) return;
  const name = `table for ${hex(start)} of ${mmName(world, mm.address)}`;
  world.findings.add("TABLES", name, "a VMA in its range", "none");
}

function walkTable(world: World, mm: MmRecord, table: number, level: number, base: number): void {
  const size = 2 ** (SHIFTS[level] as number);
  for (let index = 0; index < PTRS_PER_TABLE; index++) {
    const at = table + index * 8;
    const low = world.u32(at);
    const high = world.u32(at + 4);
    if (low === 0 && high === 0) continue;
    const virtual = base + index * size;
    const pfn = entryPfn(low, high);
    if (level === LAST_LEVEL) {
      notePte(world, mm, at, virtual, low, pfn);
      continue;
    }
    const what = `table for ${hex(virtual)}`;
    const flags = low & 0xfff;
    if (flags !== _PAGE_TABLE) {
      world.findings.add("TABLES", `${what}: entry`, hex(_PAGE_TABLE), hex(flags));
    }
    if (!useTable(world, mm, pfn, what)) continue;
    mm.tables++;
    checkRange(world, mm, virtual, size);
    walkTable(world, mm, pfn * 4096, level + 1, virtual);
  }
}

/** Reads every address space that exists. Fills world.mms, world.ptes, and the roles of frames. */
export function walkMms(world: World): void {
  const owners = new Map<number, VmaRecord[]>();
  for (const address of world.objects[CACHE_VM_AREA] ?? []) {
    const vma = readVma(world, address);
    owners.set(vma.mm, [...(owners.get(vma.mm) ?? []), vma]);
  }
  for (const address of [INIT_MM, ...(world.objects[CACHE_MM] ?? [])]) {
    const vmas = (owners.get(address) ?? []).sort((a, b) => a.start - b.start);
    owners.delete(address);
    const mm: MmRecord = { address, vmas, tables: 0 };
    world.mms.set(address, mm);
    const pgd = world.u32(address + MmStruct.pgd);
    if (useTable(world, mm, Math.floor(pgd / 4096), "top table")) walkTable(world, mm, pgd, 0, 0);
  }
  for (const [mm, vmas] of owners) {
    for (const vma of vmas) {
      world.findings.add(
        "VMA-LIST",
        `VMA at ${hex(vma.address)}`,
        "an address space",
        `mm ${hex(mm)}`,
      );
    }
  }
}
