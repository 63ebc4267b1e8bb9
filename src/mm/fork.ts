// Copying an address space: dup_mmap of Linux 2.6.9 (kernel/fork.c).
//
// Protocol: the parent's mmap_sem is held for writing. For each VMA: the copy is on its anon_vma's
// list and in its file's tree *before* the first PTE is copied, so that no PTE exists that a
// reverse-map walker cannot find; list, tree and PTEs under the child's page_table_lock. The
// parent's PTEs were write-protected on the way: its TLBs are flushed once, at the end.

import { ENOMEM } from "../layout/errno.ts";
import { FIX_LINK_FIRST, MmStruct, PHASE_VMAS, VmArea } from "../layout/structs.gen.ts";
import { getI32, getU64, setI32, setU64 } from "../layout/view.ts";
import type { Cpu } from "../kernel/load.ts";
import { mmput } from "./unmap.ts";
import { firstVma, mmapSem, pageTableLock, vmaFile, vmaNext } from "./vma.ts";

const { vm_mm, vm_next } = VmArea;
const { total_vm, free_area_cache, start_brk, brk, start_stack } = MmStruct;

/** Makes a VMA findable from its pages: on its anon_vma's list, in its file's tree. */
function linkForRmap(cpu: Cpu, vma: number): void {
  cpu.k.anon_vma_link(vma);
  if (vmaFile(cpu, vma) !== 0) cpu.k.vma_link_file(vma);
}

/** Copies one VMA and its PTEs into the child. 0 or -ENOMEM. */
function dupVma(cpu: Cpu, child: number, parent: number, vma: number, linksFirst: boolean): number {
  const k = cpu.k;
  const copy = k.vma_dup(vma);
  if (copy === 0) return -ENOMEM;
  setI32(cpu, copy + vm_mm, child);
  setI32(cpu, copy + vm_next, 0);
  const file = vmaFile(cpu, copy);
  if (file !== 0) k.inode_get(file);
  if (linksFirst) linkForRmap(cpu, copy);
  const ptl = pageTableLock(child);
  k.spin_lock_ptl(ptl);
  k.vma_tree_insert(child, copy);
  const error = k.copy_page_range(child, parent, vma);
  k.spin_unlock_ptl(ptl);
  if (!linksFirst) linkForRmap(cpu, copy);
  return error;
}

function copyNumbers(cpu: Cpu, child: number, parent: number): void {
  for (const field of [free_area_cache, start_brk, brk, start_stack]) {
    setU64(cpu, child + field, getU64(cpu, parent + field));
  }
}

/**
 * A copy of `parent`, write-protected on both sides where private; 0 when out of memory, and then
 * nothing has changed.
 */
export function dupMm(cpu: Cpu, parent: number): number {
  const k = cpu.k;
  const phase = k.phase_enter(PHASE_VMAS);
  const child = k.mm_alloc_child(parent);
  if (child === 0) {
    k.phase_leave(phase);
    return 0;
  }
  k.down_write(mmapSem(parent));
  copyNumbers(cpu, child, parent);
  const linksFirst = k.has_fix(FIX_LINK_FIRST) !== 0;
  let error = 0;
  for (let vma = firstVma(cpu, parent); vma !== 0 && error === 0; vma = vmaNext(cpu, vma)) {
    error = dupVma(cpu, child, parent, vma, linksFirst);
  }
  if (error === 0) setI32(cpu, child + total_vm, getI32(cpu, parent + total_vm));
  k.flush_tlb_mm(parent);
  k.up_write(mmapSem(parent));
  k.phase_leave(phase);
  if (error === 0) return child;
  mmput(cpu, child);
  return 0;
}
