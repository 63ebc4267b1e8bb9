// Looks into an address space: VMAs, PTEs, pages. Reads memory only, and so works in the middle of anything.

import {
  AnonVma,
  Inode,
  MEM_MAP,
  MmStruct,
  Page,
  PAGE_MAPPING_ANON,
  PERCPU_TLB,
  PG_anon,
  PMD_SHIFT,
  PGD_SHIFT,
  PTE_SHIFT,
  PUD_SHIFT,
  STRUCT_PAGE_SHIFT,
  TLB_ENTRY_SIZE,
  TLB_SETS,
  TLB_WAYS,
  Task,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  VmArea,
} from "../../src/layout/structs.gen.ts";
import { type MemoryViews, getI32, getU32, getU64 } from "../../src/layout/view.ts";

/** One VMA as the kernel has it. */
export interface Vma {
  readonly at: number;
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly pgoff: number;
  readonly file: number;
  readonly anonVma: number;
}

/** The mm of a task. */
export const mmOfTask = (memory: MemoryViews, task: number): number =>
  getI32(memory, task + Task.mm);

/** A field of an mm. */
export const mmField = (memory: MemoryViews, mm: number, field: keyof typeof MmStruct): number =>
  getU32(memory, mm + MmStruct[field]);

/** The VMA list of an mm. */
export function vmasOf(memory: MemoryViews, mm: number): Vma[] {
  const vmas: Vma[] = [];
  let at = getI32(memory, mm + MmStruct.mmap);
  while (at !== 0) {
    vmas.push({
      at,
      start: getU64(memory, at + VmArea.vm_start),
      end: getU64(memory, at + VmArea.vm_end),
      flags: getU32(memory, at + VmArea.vm_flags),
      pgoff: getU64(memory, at + VmArea.vm_pgoff),
      file: getI32(memory, at + VmArea.vm_file),
      anonVma: getI32(memory, at + VmArea.anon_vma),
    });
    at = getI32(memory, at + VmArea.vm_next);
  }
  return vmas;
}

/** The VMAs in the tree of a file, by address of the VMA, in the order of the tree. */
export function fileTree(memory: MemoryViews, file: number): number[] {
  const found: number[] = [];
  const visit = (node: number): void => {
    if (node === 0) return;
    const vma = node - VmArea.shared_parent_color;
    visit(getI32(memory, vma + VmArea.shared_left));
    found.push(vma);
    visit(getI32(memory, vma + VmArea.shared_right));
  };
  visit(getI32(memory, file + Inode.i_mmap));
  return found;
}

/** The VMAs on the list of an anon_vma, by address of the VMA. */
export function anonVmaList(memory: MemoryViews, anonVma: number): number[] {
  const head = anonVma + AnonVma.head_next;
  const found: number[] = [];
  for (let node = getI32(memory, head); node !== head; node = getI32(memory, node)) {
    found.push(node - VmArea.anon_vma_node_next);
  }
  return found;
}

/** "rwxs" as in /proc/PID/maps, and "d" for a stack. */
export function permissions(flags: number): string {
  const bit = (mask: number, letter: string): string => (flags & mask ? letter : "-");
  const rwx = bit(VM_READ, "r") + bit(VM_WRITE, "w") + bit(VM_EXEC, "x");
  return rwx + (flags & VM_SHARED ? "s" : "p") + (flags & VM_GROWSDOWN ? "d" : "");
}

/** VMAs as short lines, with page numbers relative to `base`: "0-4 rw-p". */
export function maps(memory: MemoryViews, mm: number, base = 0): string[] {
  return vmasOf(memory, mm).map(({ start, end, flags }) => {
    const from = (start - base) / 4096;
    return `${from}-${(end - base) / 4096} ${permissions(flags)}`;
  });
}

const entryIndex = (address: number, shift: number): number =>
  Math.floor(address / 2 ** shift) % 512;

/** Address of the PTE of a virtual address, or 0 where no table reaches. */
export function pteAt(memory: MemoryViews, mm: number, address: number): number {
  let table = getU32(memory, mm + MmStruct.pgd);
  for (const shift of [PGD_SHIFT, PUD_SHIFT, PMD_SHIFT]) {
    const entry = getU64(memory, table + entryIndex(address, shift) * 8);
    if (entry === 0) return 0;
    table = Math.floor(entry / 4096) * 4096;
  }
  return table + entryIndex(address, PTE_SHIFT) * 8;
}

/** The PTE of a virtual address: low word and frame, or undefined where no table reaches. NX is left out. */
export function readPte(
  memory: MemoryViews,
  mm: number,
  address: number,
): { bits: number; pfn: number } | undefined {
  const at = pteAt(memory, mm, address);
  if (at === 0) return undefined;
  const low = getU32(memory, at);
  const high = getU32(memory, at + 4) & 0xffff;
  return { bits: low & 0xfff, pfn: high * 2 ** 20 + (low >>> 12) };
}

/** Address of struct page of a frame. */
export const pageAt = (pfn: number): number => MEM_MAP + pfn * 2 ** STRUCT_PAGE_SHIFT;

/** References, PTEs and kind of a page, whatever the kernel. */
export function pageState(
  memory: MemoryViews,
  kernel: string,
  pfn: number,
): { count: number; mapcount: number; anon: boolean; mapping: number; flags: number } {
  const page = pageAt(pfn);
  const flags = getU32(memory, page + Page.flags);
  const word = getI32(memory, page + Page.mapping);
  const count = getI32(memory, page + Page._count) + 1;
  const raw = getI32(memory, page + Page._mapcount);
  if (kernel === "2.6.8") {
    return { count, mapcount: raw, anon: (flags & PG_anon) !== 0, mapping: word, flags };
  }
  const anon = (word & PAGE_MAPPING_ANON) !== 0;
  return { count, mapcount: raw + 1, anon, mapping: word & ~PAGE_MAPPING_ANON, flags };
}

/** Addresses of the four TLB entries that can hold a page. */
export function tlbSet(area: number, address: number): number[] {
  const set = Math.floor(address / 4096) % TLB_SETS;
  const first = area + PERCPU_TLB + set * TLB_WAYS * TLB_ENTRY_SIZE;
  return Array.from({ length: TLB_WAYS }, (_, way) => first + way * TLB_ENTRY_SIZE);
}
