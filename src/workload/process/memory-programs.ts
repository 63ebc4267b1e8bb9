// What the reverse map costs in memory: counted on a machine that has nothing else to do. Slab objects are counted
// where they lie, by the checker's walk, with the room that each takes.

import {
  CACHE_ANONMM,
  CACHE_ANON_VMA,
  CACHE_MM,
  CACHE_PTE_CHAIN,
  CACHE_VM_AREA,
  KmemCache,
  PerCpu,
} from "../../layout/structs.gen.ts";
import { getU32 } from "../../layout/view.ts";
import { readWorld } from "../../machine/invariants/check.ts";
import { cacheField } from "../../machine/invariants/walk-slabs.ts";
import type { ProgramTask } from "../../machine/task.ts";
import type { MemoryCost } from "./memory-cost.ts";

const PAGE = 4096;
const VMAS = 64;
const PAGES = 128;
const CHILDREN = 16;
const RMAP_CACHES = [CACHE_ANON_VMA, CACHE_PTE_CHAIN, CACHE_ANONMM];

/** Bytes that the objects of some caches take. */
function bytesIn(task: ProgramTask, caches: readonly number[]): number {
  const { objects } = readWorld(task.cpu);
  const sizeOf = (cache: number): number => cacheField(task.cpu, cache, KmemCache.object_size);
  // The element that the CPU keeps is nobody's.
  const kept = getU32(task.cpu, task.cpu.area + PerCpu.local_pte_chain) === 0 ? 0 : 1;
  const countOf = (cache: number): number =>
    (objects[cache]?.size ?? 0) - (cache === CACHE_PTE_CHAIN ? kept : 0);
  return caches.reduce((sum, cache) => sum + countOf(cache) * sizeOf(cache), 0);
}

/** Bytes that `body` adds to the caches. */
function added(task: ProgramTask, caches: readonly number[], body: () => void): number {
  const before = bytesIn(task, caches);
  body();
  return bytesIn(task, caches) - before;
}

/** A child that only holds what it has inherited, until it runs. */
export function memoryChild(): void {
  // Its parent has counted by then.
}

/** Counts on a fresh machine; no child runs before all is counted. */
export function measureMemory(task: ProgramTask): MemoryCost {
  const write = { read: true, write: true };
  const vma = added(task, [CACHE_VM_AREA, CACHE_ANON_VMA], () => {
    for (let i = 0; i < VMAS; i++) {
      task.store32(
        task.mmap({ length: PAGE, hint: 2 ** 30 + i * 4 * PAGE, fixed: true, ...write }),
        1,
      );
    }
  });
  const at = task.mmap({ length: PAGES * PAGE, ...write });
  task.store32(at, 1);
  const first = added(task, RMAP_CACHES, () => {
    task.touch(at, PAGES * PAGE);
  });
  const pages = PAGES + VMAS;
  const fork = (): void => void task.fork("memoryChild");
  const process = added(task, [CACHE_MM, CACHE_ANONMM], fork);
  // That child's mappings are there too: the second ones of each page.
  const others = added(task, [CACHE_PTE_CHAIN], () => {
    for (let i = 1; i < CHILDREN; i++) fork();
  });
  const chains = bytesIn(task, [CACHE_PTE_CHAIN]);
  for (let i = 0; i < CHILDREN; i++) task.wait();
  return {
    vma: vma / VMAS,
    firstMapping: first / PAGES,
    secondMapping: (chains - others - first) / pages,
    manyMappings: chains / (pages * (CHILDREN + 1)),
    process,
  };
}
