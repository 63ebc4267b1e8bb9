// Mapping a range: do_mmap_pgoff, do_brk and vma_link of Linux 2.6.9 (mm/mmap.c). mmap_sem is held
// for writing. Left out: overcommit accounting, locked memory, resource limits but for the number
// of VMAs.

import { EINVAL, ENOMEM } from "../layout/errno.ts";
import {
  FILE_ZERO,
  Inode,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from "../layout/structs.gen.ts";
import type { Cpu } from "../kernel/load.ts";
import { doMunmap, validRange } from "./unmap.ts";
import { vmaMerge, type MergeRequest } from "./vma-adjust.ts";
import {
  MAX_MAP_COUNT,
  addTotalVm,
  mapCount,
  setVmaBounds,
  setVmaFlags,
  setVmaOwner,
  vmaAnonVma,
  vmaFile,
  vmaStart,
} from "./vma.ts";

const { i_mmap_lock } = Inode;

/** Every permission that mprotect may grant later. */
export const VM_MAY_ALL = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
/** Flags of data that a program writes: heap, stack, anonymous memory. */
export const VM_DATA_FLAGS = VM_READ | VM_WRITE | VM_MAY_ALL;

/** What may be done with mapped memory. */
export interface Protection {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly exec?: boolean;
}

/** VM_* bits of a protection. */
export function protectionFlags(prot: Protection): number {
  return (prot.read ? VM_READ : 0) | (prot.write ? VM_WRITE : 0) | (prot.exec ? VM_EXEC : 0);
}

/** VM_* bits of a new mapping. */
export function mappingFlags(prot: Protection, shared: boolean, growsDown: boolean): number {
  const kind = (shared ? VM_SHARED | VM_MAYSHARE : 0) | (growsDown ? VM_GROWSDOWN : 0);
  return protectionFlags(prot) | VM_MAY_ALL | kind;
}

/** Makes a VMA findable: tree and list, file, anon_vma; in the order of locks of the kernel. */
export function vmaLink(cpu: Cpu, mm: number, vma: number): void {
  const k = cpu.k;
  const file = vmaFile(cpu, vma);
  const anonVma = vmaAnonVma(cpu, vma);
  if (file !== 0) k.i_mmap_lock_write(file + i_mmap_lock);
  if (anonVma !== 0) k.anon_vma_lock_write(anonVma);
  k.vma_tree_insert(mm, vma);
  k.__anon_vma_link(vma);
  if (file !== 0) k.__vma_link_file(vma);
  if (anonVma !== 0) k.anon_vma_unlock_write(anonVma);
  if (file !== 0) k.i_mmap_unlock_write(file + i_mmap_lock);
}

/** A new VMA for a free range, or a neighbour that grew over it. 0, or -ENOMEM. */
function insertRange(cpu: Cpu, mm: number, want: MergeRequest): number {
  const k = cpu.k;
  const prev = k.find_vma_before(mm, want.start);
  const pages = (want.end - want.start) / 4096;
  if (vmaMerge(cpu, mm, prev, want) === 0) {
    if (mapCount(cpu, mm) >= MAX_MAP_COUNT) return -ENOMEM;
    const vma = k.vma_alloc();
    if (vma === 0) return -ENOMEM;
    setVmaOwner(cpu, vma, mm, want.file);
    setVmaBounds(cpu, vma, want.start, want.end, want.pgoff);
    setVmaFlags(cpu, vma, want.flags);
    if (want.file !== 0) k.inode_get(want.file);
    vmaLink(cpu, mm, vma);
  }
  addTotalVm(cpu, mm, pages);
  return 0;
}

/** A mapping to be made. */
export interface MapRequest {
  /** Bytes, a multiple of the page size, above 0. */
  readonly length: number;
  /** VM_* bits, see mappingFlags. */
  readonly flags: number;
  /** Inode, or 0 for anonymous memory. */
  readonly file: number;
  /** First page of the file. */
  readonly pgoff: number;
  /** Where to look for room first; with `fixed`, where it must be. 0: anywhere. */
  readonly hint: number;
  /** Exactly at `hint`, unmapping what is there. */
  readonly fixed: boolean;
}

/** Maps a range; returns its address, or a negative errno. mmap_sem is held for writing. */
export function doMmap(cpu: Cpu, mm: number, request: MapRequest): number {
  const { flags, file, length } = request;
  if (length === 0 || !validRange(0, length)) return -EINVAL;
  if ((flags & VM_SHARED) === 0 || file !== 0) return mapRange(cpu, mm, request);

  // Shared memory belongs to nobody's anon_vma: it is a file that only its mappings know
  // (shmem_zero_setup).
  const memory = cpu.k.inode_alloc(FILE_ZERO, 0, length, 0);
  if (memory === 0) return -ENOMEM;
  const result = mapRange(cpu, mm, { ...request, file: memory, pgoff: 0 });
  cpu.k.inode_close(memory);
  return result;
}

/** doMmap for what has a file or is private. */
function mapRange(cpu: Cpu, mm: number, request: MapRequest): number {
  const { length, hint, fixed, file, flags } = request;
  if (flags & VM_GROWSDOWN && file !== 0) return -EINVAL;
  if (fixed && !validRange(hint, length)) return hint % 4096 === 0 ? -ENOMEM : -EINVAL;
  const start = fixed ? hint : cpu.k.get_unmapped_area(mm, length, hint);
  if (start === 0 && !fixed) return -ENOMEM;
  if (fixed) {
    const error = doMunmap(cpu, mm, start, length);
    if (error !== 0) return error;
  }
  const pgoff = file === 0 ? start / 4096 : request.pgoff;
  const want = { start, end: start + length, flags, anonVma: 0, file, pgoff };
  const error = insertRange(cpu, mm, want);
  return error === 0 ? start : error;
}

/** True if a VMA overlaps [start, end). */
export function overlapsVma(cpu: Cpu, mm: number, start: number, end: number): boolean {
  const vma = cpu.k.find_vma(mm, start);
  return vma !== 0 && vmaStart(cpu, vma) < end;
}

/** Extends anonymous data at [start, end), which is free: do_brk. 0 or -ENOMEM. */
export function doBrk(cpu: Cpu, mm: number, start: number, end: number): number {
  const pgoff = start / 4096;
  return insertRange(cpu, mm, { start, end, flags: VM_DATA_FLAGS, anonVma: 0, file: 0, pgoff });
}
