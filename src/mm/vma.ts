// The fields of a VMA and of an mm, as host code reads and writes them. The caller holds mmap_sem
// of the mm, for writing where a field is set.

import type { Cpu } from "../kernel/load.ts";
import { MmStruct, VmArea } from "../layout/structs.gen.ts";
import { getI32, getU32, getU64, setI32, setU64 } from "../layout/view.ts";

const { vm_start, vm_end, vm_pgoff, vm_flags, vm_next, vm_file, anon_vma, vm_mm } = VmArea;
const { mmap, mmap_sem_0, total_vm, map_count, page_table_lock } = MmStruct;

/** VMAs of one mm, at most: max_map_count of Linux. */
export const MAX_MAP_COUNT = 65_530;

/** First byte. */
export const vmaStart = (cpu: Cpu, vma: number): number => getU64(cpu, vma + vm_start);
/** First byte after it. */
export const vmaEnd = (cpu: Cpu, vma: number): number => getU64(cpu, vma + vm_end);
/** Offset of the first byte in its file or anonymous object, in pages. */
export const vmaPgoff = (cpu: Cpu, vma: number): number => getU64(cpu, vma + vm_pgoff);
/** VM_* bits. */
export const vmaFlags = (cpu: Cpu, vma: number): number => getU32(cpu, vma + vm_flags);
/** The next VMA, or 0. */
export const vmaNext = (cpu: Cpu, vma: number): number => getI32(cpu, vma + vm_next);
/** The inode mapped, or 0. */
export const vmaFile = (cpu: Cpu, vma: number): number => getI32(cpu, vma + vm_file);
/** The anon_vma, or 0. */
export const vmaAnonVma = (cpu: Cpu, vma: number): number => getI32(cpu, vma + anon_vma);
/** The mm it belongs to. */
export const vmaMm = (cpu: Cpu, vma: number): number => getI32(cpu, vma + vm_mm);
/** Length in pages. */
export const vmaPages = (cpu: Cpu, vma: number): number =>
  (vmaEnd(cpu, vma) - vmaStart(cpu, vma)) / 4096;

/** Moves the bounds of a VMA; the locks of vma-adjust.ts are held. */
export function setVmaBounds(
  cpu: Cpu,
  vma: number,
  start: number,
  end: number,
  pgoff: number,
): void {
  setU64(cpu, vma + vm_start, start);
  setU64(cpu, vma + vm_end, end);
  setU64(cpu, vma + vm_pgoff, pgoff);
}

/** Sets the VM_* bits and the protection of PTEs to come. */
export function setVmaFlags(cpu: Cpu, vma: number, flags: number): void {
  setI32(cpu, vma + vm_flags, flags);
  cpu.k.vma_set_page_prot(vma);
}

/** Sets who the VMA belongs to and what it maps. */
export function setVmaOwner(cpu: Cpu, vma: number, mm: number, file: number): void {
  setI32(cpu, vma + vm_mm, mm);
  setI32(cpu, vma + vm_file, file);
}

/** Sets the anon_vma word; linking is the kernel's. */
export function setVmaAnonVma(cpu: Cpu, vma: number, value: number): void {
  setI32(cpu, vma + anon_vma, value);
}

/** The first VMA of an mm, or 0. */
export const firstVma = (cpu: Cpu, mm: number): number => getI32(cpu, mm + mmap);
/** Address of mmap_sem. */
export const mmapSem = (mm: number): number => mm + mmap_sem_0;
/** Address of page_table_lock. */
export const pageTableLock = (mm: number): number => mm + page_table_lock;
/** VMAs of the mm. */
export const mapCount = (cpu: Cpu, mm: number): number => getU32(cpu, mm + map_count);

/** Adds `pages` to the size of the mm. */
export function addTotalVm(cpu: Cpu, mm: number, pages: number): void {
  setI32(cpu, mm + total_vm, getI32(cpu, mm + total_vm) + pages);
}
