// The slabs: which objects exist, and whether the books of each cache say the same. A slab is found
// by the PG_slab flag of its frame; an object is in use if it is neither on the chain of free
// objects of its slab nor in the array of a CPU.

import {
  ARRAY_CACHE_SIZE,
  ArrayCache,
  BUFCTL_END,
  CACHE_STRIDE,
  CACHE_TABLE,
  KmemCache,
  NR_CACHES,
  OBJECT_ALIGN,
  PAGE_SIZE,
  PERCPU_ARRAY_CACHES,
  PG_slab,
  PerCpu,
  RCU_FREE_SLAB,
  RcuHead,
  Slab,
} from "../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../layout/view.ts";
import { hex } from "./findings.ts";
import { listNodes } from "./lists.ts";
import { ROLE_SLAB, areaOf, flagsOf, type World } from "./world.ts";

const RULE = "SLAB";

/** Names of the caches, by number. */
export const CACHE_NAMES = [
  ...["vm_area", "mm", "anon_vma", "inode", "radix_node", "task"],
  ...["pte_chain", "anonmm", "module"],
] as const;

interface SlabRecord {
  readonly address: number;
  readonly cacheId: number;
  /** Indices of free objects. */
  readonly free: Set<number>;
}

/** A field of a cache. */
export const cacheField = (memory: MemoryViews, cacheId: number, offset: number): number =>
  getU32(memory, CACHE_TABLE + cacheId * CACHE_STRIDE + offset);

const field = (world: World, cacheId: number, offset: number): number =>
  cacheField(world.memory, cacheId, offset);

const cacheName = (cacheId: number): string => `cache ${CACHE_NAMES[cacheId] ?? cacheId}`;

/** Address of the first object of a slab. */
export function firstObject(memory: MemoryViews, slab: number, cacheId: number): number {
  const end = slab + Slab.SIZE + cacheField(memory, cacheId, KmemCache.num) * 2;
  return Math.ceil(end / OBJECT_ALIGN) * OBJECT_ALIGN;
}

function readSlab(world: World, pfn: number): SlabRecord | undefined {
  const address = pfn * PAGE_SIZE;
  const cacheId = world.u32(address + Slab.cache_id);
  if (cacheId >= NR_CACHES) {
    world.findings.add(RULE, `slab ${hex(address)}`, "the number of a cache", cacheId);
    return undefined;
  }
  const num = field(world, cacheId, KmemCache.num);
  const free = new Set<number>();
  let index = world.u32(address + Slab.free);
  while (index !== BUFCTL_END && index < num && !free.has(index)) {
    free.add(index);
    index = world.memory.u16[(address + Slab.SIZE + index * 2) >>> 1] as number;
  }
  const name = `slab ${hex(address)} of ${cacheName(cacheId)}`;
  if (index !== BUFCTL_END) {
    world.findings.add(RULE, name, "a chain of free objects", `index ${index}`);
  }
  world.findings.equal(RULE, `${name}, inuse`, num - free.size, world.u32(address + Slab.inuse));
  return { address, cacheId, free };
}

/** The free objects of a cache that lie in the arrays of CPUs. */
function arrayObjects(world: World, cacheId: number, slabs: readonly SlabRecord[]): Set<number> {
  const found = new Set<number>();
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    const array = areaOf(cpu) + PERCPU_ARRAY_CACHES + cacheId * ARRAY_CACHE_SIZE;
    const avail = world.u32(array + ArrayCache.avail);
    for (let slot = 0; slot < avail; slot++) {
      const object = world.u32(array + ArrayCache.SIZE + slot * 4);
      const name = `object ${hex(object)} in the array of ${cacheName(cacheId)} of CPU ${cpu}`;
      const index = indexOf(world, object, slabs);
      if (found.has(object)) {
        world.findings.add(RULE, name, "once in an array", "twice");
      } else if (index === undefined) {
        world.findings.add(RULE, name, "an object of the cache", "none");
      } else if (index < 0) {
        world.findings.add(RULE, name, "not on the chain of its slab", "on it");
      }
      found.add(object);
    }
  }
  return found;
}

/**
 * Index of an object in its slab; -1 if it is free there; undefined if it is no object of these
 * slabs.
 */
function indexOf(world: World, object: number, slabs: readonly SlabRecord[]): number | undefined {
  const slab = slabs.find((one) => one.address === object - (object % PAGE_SIZE));
  if (slab === undefined) return undefined;
  const size = field(world, slab.cacheId, KmemCache.object_size);
  const index = (object - firstObject(world.memory, slab.address, slab.cacheId)) / size;
  if (!Number.isInteger(index) || index < 0) return undefined;
  return slab.free.has(index) ? -1 : index;
}

function objectsInUse(world: World, cacheId: number, slabs: readonly SlabRecord[]): Set<number> {
  const cached = arrayObjects(world, cacheId, slabs);
  const size = field(world, cacheId, KmemCache.object_size);
  const num = field(world, cacheId, KmemCache.num);
  const used = new Set<number>();
  for (const slab of slabs) {
    const first = firstObject(world.memory, slab.address, cacheId);
    for (let index = 0; index < num; index++) {
      const object = first + index * size;
      if (!slab.free.has(index) && !cached.has(object)) used.add(object);
    }
  }
  return used;
}

/** Each slab is on the list that its state asks for, and the counts of the cache are right. */
function checkCache(world: World, cacheId: number, slabs: readonly SlabRecord[]): void {
  const cache = CACHE_TABLE + cacheId * CACHE_STRIDE;
  const num = field(world, cacheId, KmemCache.num);
  const lists = [
    { name: "full", at: KmemCache.full_next, holds: (free: number) => free === 0 },
    {
      name: "partial",
      at: KmemCache.partial_next,
      holds: (free: number) => free > 0 && free < num,
    },
    { name: "free", at: KmemCache.free_next, holds: (free: number) => free === num },
  ];
  for (const { name, at, holds } of lists) {
    const what = `${name} list of ${cacheName(cacheId)}`;
    const listed = new Set(listNodes(world, cache + at, RULE, what));
    for (const slab of slabs) {
      const expected = holds(slab.free.size) ? "on it" : "not on it";
      const found = listed.has(slab.address + Slab.list_next) ? "on it" : "not on it";
      world.findings.equal(RULE, `${what}, slab ${hex(slab.address)}`, expected, found);
    }
    const held = slabs.filter((slab) => holds(slab.free.size)).length;
    world.findings.equal(RULE, `length of the ${what}`, held, listed.size);
  }
  const free = slabs.reduce((sum, slab) => sum + slab.free.size, 0);
  const count = (offset: number): number => field(world, cacheId, offset);
  world.findings.equal(
    RULE,
    `nr_slabs of ${cacheName(cacheId)}`,
    slabs.length,
    count(KmemCache.nr_slabs),
  );
  world.findings.equal(
    RULE,
    `free_objects of ${cacheName(cacheId)}`,
    free,
    count(KmemCache.free_objects),
  );
}

/** Frames of slabs. */
export function slabFrames(world: World): number[] {
  const frames: number[] = [];
  for (let pfn = 0; pfn < world.lowmemPfns; pfn++) {
    if (flagsOf(world, pfn) & PG_slab) frames.push(pfn);
  }
  return frames;
}

/** Slabs that have left their cache and wait for a grace period: their descriptors are RCU heads. */
function dyingSlabs(world: World): Set<number> {
  const found = new Set<number>();
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    for (const list of [PerCpu.rcu_new_first, PerCpu.rcu_cur_first, PerCpu.rcu_done_first]) {
      let head = world.u32(areaOf(cpu) + list);
      while (head !== 0) {
        if (found.has(head)) {
          world.findings.add("RCU", `callback ${hex(head)}`, "once on a list", "twice");
          break;
        }
        if (world.u32(head + RcuHead.func) === RCU_FREE_SLAB) found.add(head);
        head = world.u32(head + RcuHead.next);
      }
    }
  }
  return found;
}

/** Finds every object in use and checks the books. Fills world.objects. */
export function walkSlabs(world: World): void {
  const slabs: SlabRecord[][] = Array.from({ length: NR_CACHES }, () => []);
  const dying = dyingSlabs(world);
  for (const pfn of slabFrames(world)) {
    world.use(pfn, ROLE_SLAB, 1);
    if (dying.has(pfn * PAGE_SIZE)) continue;
    const slab = readSlab(world, pfn);
    if (slab !== undefined) slabs[slab.cacheId]?.push(slab);
  }
  slabs.forEach((own, cacheId) => {
    world.objects[cacheId] = objectsInUse(world, cacheId, own);
    checkCache(world, cacheId, own);
  });
}

/** Slabs of each cache, as the caches count them. */
export function slabCounts(memory: World["memory"]): number[] {
  return Array.from({ length: NR_CACHES }, (_, cacheId) =>
    cacheField(memory, cacheId, KmemCache.nr_slabs),
  );
}
