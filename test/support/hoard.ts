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
