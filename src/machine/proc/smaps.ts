// /proc/PID/smaps, as Linux has it since 2.6.14: the VMAs of an address space, and what of each is in memory. Whoever
// reads holds the address space still, as a program does that reads its own.

import {
  MmStruct,
  PGD_SHIFT,
  PMD_SHIFT,
  PTE_SHIFT,
  PTRS_PER_TABLE,
  PUD_SHIFT,
  VM_EXEC,
  VM_MAYSHARE,
  VM_READ,
  VM_WRITE,
  VmArea,
  _PAGE_DIRTY,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
} from "../../layout/structs.gen.ts";
import { getU32, getU64, type MemoryViews } from "../../layout/view.ts";

/** What one VMA has, in pages. */
interface Resident {
  size: number;
  rss: number;
  sharedClean: number;
  sharedDirty: number;
  privateClean: number;
  privateDirty: number;
  swap: number;
}

/** How many PTEs map the page of a frame. */
export type MapcountOf = (pfn: number) => number;

const KIB_A_PAGE = 4;
const PAGE_BYTES = 4096;
const UPPER_SHIFTS = [PGD_SHIFT, PUD_SHIFT, PMD_SHIFT];
const TWO_20 = 2 ** 20;

const indexAt = (address: number, shift: number): number =>
  Math.floor(address / 2 ** shift) % PTRS_PER_TABLE;

/** Frame of an entry, given as two words. */
const pfnOf = (low: number, high: number): number => (high & 0xffff) * TWO_20 + (low >>> PTE_SHIFT);

/** The page of PTEs for an address; 0 if there is none. */
function tableFor(memory: MemoryViews, mm: number, address: number): number {
  let table = getU32(memory, mm + MmStruct.pgd);
  for (const shift of UPPER_SHIFTS) {
    const at = table + indexAt(address, shift) * 8;
    const low = getU32(memory, at);
    if (low === 0) return 0;
    table = pfnOf(low, getU32(memory, at + 4)) * PAGE_BYTES;
  }
  return table;
}

/** Counts one entry. */
function count(found: Resident, low: number, high: number, mapcountOf: MapcountOf): void {
  if (low === 0 && high === 0) return;
  if ((low & (_PAGE_PRESENT | _PAGE_PROTNONE)) === 0) {
    found.swap++;
    return;
  }
  found.rss++;
  const dirty = (low & _PAGE_DIRTY) !== 0;
  if (mapcountOf(pfnOf(low, high)) >= 2) found[dirty ? "sharedDirty" : "sharedClean"]++;
  else found[dirty ? "privateDirty" : "privateClean"]++;
}

function residentOf(
  memory: MemoryViews,
  mm: number,
  vma: number,
  mapcountOf: MapcountOf,
): Resident {
  const start = getU64(memory, vma + VmArea.vm_start);
  const end = getU64(memory, vma + VmArea.vm_end);
  const found: Resident = {
    ...{ size: (end - start) / PAGE_BYTES, rss: 0, swap: 0 },
    ...{ sharedClean: 0, sharedDirty: 0, privateClean: 0, privateDirty: 0 },
  };
  const reach = 2 ** PMD_SHIFT;
  for (let address = start; address < end;) {
    const next = Math.min(end, (Math.floor(address / reach) + 1) * reach);
    const table = tableFor(memory, mm, address);
    for (; table !== 0 && address < next; address += PAGE_BYTES) {
      const at = table + indexAt(address, PTE_SHIFT) * 8;
      count(found, getU32(memory, at), getU32(memory, at + 4), mapcountOf);
    }
    address = next;
  }
  return found;
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** The first line: as in /proc/PID/maps. Files have no names here: their number stands where the inode does. */
function mapsLine(memory: MemoryViews, vma: number): string {
  const flags = getU32(memory, vma + VmArea.vm_flags);
  const right = (flag: number, letter: string): string => ((flags & flag) === 0 ? "-" : letter);
  const rights = [right(VM_READ, "r"), right(VM_WRITE, "w"), right(VM_EXEC, "x")].join("");
  const share = (flags & VM_MAYSHARE) === 0 ? "p" : "s";
  const file = getU32(memory, vma + VmArea.vm_file);
  const offset = file === 0 ? 0 : getU64(memory, vma + VmArea.vm_pgoff) * PAGE_BYTES;
  const [start, end] = [VmArea.vm_start, VmArea.vm_end].map((at) => hex(getU64(memory, vma + at)));
  const device = file === 0 ? "00:00" : "00:01";
  return `${start}-${end} ${rights}${share} ${hex(offset)} ${device} ${file}`;
}

/** The file. */
export function smaps(memory: MemoryViews, mm: number, mapcountOf: MapcountOf): string {
  const parts: string[] = [];
  for (let vma = getU32(memory, mm + MmStruct.mmap); vma !== 0;) {
    const found = residentOf(memory, mm, vma, mapcountOf);
    const lines = {
      ...{ Size: found.size, Rss: found.rss },
      ...{ Shared_Clean: found.sharedClean, Shared_Dirty: found.sharedDirty },
      ...{ Private_Clean: found.privateClean, Private_Dirty: found.privateDirty },
      Swap: found.swap,
    };
    parts.push(`${mapsLine(memory, vma)}\n`);
    for (const [name, pages] of Object.entries(lines)) {
      parts.push(`${`${name}:`.padEnd(16)}${String(pages * KIB_A_PAGE).padStart(8)} kB\n`);
    }
    vma = getU32(memory, vma + VmArea.vm_next);
  }
  return parts.join("");
}
