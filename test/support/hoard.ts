// Makes memory scarce: takes frames away from a machine, exactly as many as a test wants.

import { GFP_KERNEL } from "../../src/layout/structs.gen.ts";
import type { Cpu } from "../../src/kernel/load.ts";

/** Leaves `frames` free frames; returns what gives the others back. The CPU's own stores are empty before. */
export function leaveFrames(cpu: Cpu, frames: number): () => void {
  const held: number[] = [];
  for (let page = cpu.k.alloc_pages(GFP_KERNEL, 0); page !== 0;) {
    held.push(page);
    page = cpu.k.alloc_pages(GFP_KERNEL, 0);
  }
  if (held.length < frames) throw new Error(`only ${held.length} frames are free`);
  for (const page of held.splice(0, frames)) cpu.k.free_pages(page, 0);
  return () => {
    for (const page of held) cpu.k.free_pages(page, 0);
  };
}

/** Uses up the VMA objects that lie ready but for `keep`, so that the next one needs a frame. No frame is free. */
export function useUpVmas({ k }: Cpu, keep = 0): () => void {
  const vmas: number[] = [];
  for (let vma = k.vma_alloc(); vma !== 0; vma = k.vma_alloc()) vmas.push(vma);
  for (const vma of vmas.splice(0, keep)) k.vma_free(vma);
  return () => {
    for (const vma of vmas) k.vma_free(vma);
  };
}
