// Operations that make mappings: mmap of every kind and placement, and the heap.

import type { MmapOptions } from "../../syscall/memory.ts";
import { PAGES } from "./board.ts";
import type { Actor } from "./actor.ts";
import {
  KIND_ANON,
  KIND_FILE,
  KIND_HEAP,
  KIND_OBJECT,
  KIND_READ,
  KIND_SCRATCH,
  KIND_STACK,
  PAGE_MAPPED,
  PAGE_READ,
  PAGE_WRITE,
  type Region,
  type RegionShape,
} from "./region.ts";
import {
  freeEntry,
  freeEntryOf,
  isRoaming,
  overlapping,
  placeFor,
  stackIsFree,
  stackTop,
} from "./places.ts";
import { protectionOf, randomProtection } from "./protections.ts";
import { resync, unmapPages } from "./unmap-ops.ts";

/** Pages of a new region: mostly few. */
const randomCount = (actor: Actor): number =>
  actor.random.chance(60) ? actor.random.between(1, 6) : actor.random.between(1, PAGES);

/** A region to be made: what goes to mmap, and what the model will say. */
interface Plan {
  readonly shape: Omit<RegionShape, "base">;
  readonly options: Omit<MmapOptions, "length" | "hint" | "fixed">;
  /** Gives back what the plan took, after mmap: `made` tells whether that succeeded. */
  readonly finish?: (made: boolean) => void;
}

type Planner = (actor: Actor, count: number, bits: number) => Plan | undefined;

function planAnonymous(_: Actor, count: number, bits: number): Plan {
  const shape = { kind: KIND_ANON, count, protection: bits | PAGE_MAPPED };
  return { shape, options: protectionOf(bits) };
}

function planScratch(actor: Actor, count: number): Plan | undefined {
  if (actor.ownRegions.some((region) => region.kind === KIND_SCRATCH)) return undefined;
  const bits = PAGE_READ | PAGE_WRITE;
  const shape = { kind: KIND_SCRATCH, count, protection: bits | PAGE_MAPPED };
  return { shape, options: protectionOf(bits) };
}

/** A private mapping of a file of the run, or of a file that nothing but this mapping will keep. */
function planFile(actor: Actor, count: number, bits: number): Plan | undefined {
  const { random, task } = actor;
  const shared = actor.order.seedFiles;
  let file = random.pick(shared);
  let finish: Plan["finish"];
  if (random.chance(40)) {
    const seed = random.bits();
    const sizeBytes = random.between(1, 40 * 4096);
    let handle = 0;
    const refused = actor.request("createFile", [], () => {
      handle = task.createFile({ sizeBytes, seed });
    });
    if (refused !== undefined) return undefined;
    file = { handle, seed, sizeBytes };
    finish = () => {
      task.closeFile(handle);
    };
  }
  const filePage = random.below(Math.ceil(file.sizeBytes / 4096));
  const kind = random.chance(75) ? KIND_FILE : KIND_READ;
  const { seed, sizeBytes } = file;
  const shape = { kind, count, protection: bits | PAGE_MAPPED, filePage, seed, sizeBytes };
  const options = {
    ...protectionOf(bits),
    ...{ shared: kind === KIND_READ, file: file.handle, offset: filePage * 4096 },
  };
  return finish === undefined ? { shape, options } : { shape, options, finish };
}

function planSharedFile(actor: Actor, count: number, bits: number): Plan {
  const index = actor.random.below(actor.order.sharedFiles.length);
  const file = actor.order.sharedFiles[index] as (typeof actor.order.sharedFiles)[number];
  const object = actor.objects[index];
  const filePage = actor.random.below(Math.ceil(file.sizeBytes / 4096));
  const shape = {
    kind: KIND_OBJECT,
    count,
    protection: bits | PAGE_MAPPED,
    filePage,
    object: index,
  };
  const options = {
    ...protectionOf(bits),
    shared: true,
    file: file.handle,
    offset: filePage * 4096,
  };
  object?.addReference();
  const finish = (made: boolean): void => {
    if (!made) object?.dropReference();
  };
  return { shape, options, finish };
}

function planSharedMemory(actor: Actor, count: number, bits: number): Plan | undefined {
  const identity = actor.board.nextIdentity();
  const object = actor.objects.find((each) => each.claim(identity, count * 4096, 0));
  if (object === undefined) return undefined;
  const shape = { kind: KIND_OBJECT, count, protection: bits | PAGE_MAPPED, object: object.index };
  const finish = (made: boolean): void => {
    if (!made) object.dropReference();
  };
  return { shape, options: { ...protectionOf(bits), shared: true }, finish };
}

const PLANNERS: readonly (readonly [Planner, weight: number])[] = [
  [planAnonymous, 44],
  [planFile, 26],
  [planSharedFile, 14],
  [planSharedMemory, 10],
  [planScratch, 6],
];

/** Enters what mmap has made, where no other thread runs. */
function enter(actor: Actor, entry: Region, shape: RegionShape): void {
  entry.beginChange();
  entry.become(shape, actor.board.nextIdentity());
  entry.endChange();
}

/** Where a new mapping goes: exactly there, there if that is free, or where the kernel wants. */
interface Target {
  readonly hint: number;
  readonly fixed: boolean;
}

function chooseTarget(actor: Actor, entry: Region, bytes: number): Target | undefined {
  if (actor.alone && entry.thread === 0 && actor.random.chance(35)) {
    return { hint: 0, fixed: false };
  }
  const hint = placeFor(actor, entry, bytes);
  return hint === undefined ? undefined : { hint, fixed: actor.random.chance(50) };
}

/** Checks the address that mmap gave. */
function checkAddress(actor: Actor, { hint }: Target, base: number, bytes: number): void {
  if (hint !== 0 && base !== hint) {
    actor.fail(
      "PLACE",
      `mmap of ${bytes} bytes`,
      `0x${hint.toString(16)}, which is free`,
      `0x${base.toString(16)}`,
    );
  }
  const taken = overlapping(actor, base, base + bytes)[0];
  if (base % 4096 === 0 && taken === undefined) return;
  const what = taken === undefined ? "no page" : actor.place(taken, 0);
  actor.fail(
    "PLACE",
    `mmap of ${bytes} bytes`,
    "a free range of pages",
    `0x${base.toString(16)}: ${what}`,
  );
}

/** mmap. */
export function opMap(actor: Actor): void {
  const entry = freeEntry(actor);
  if (entry === undefined) return;
  const count = randomCount(actor);
  const target = chooseTarget(actor, entry, count * 4096);
  if (target === undefined) return;
  const planner = actor.random.weighted(PLANNERS);
  const plan = planner(actor, count, randomProtection(actor));
  if (plan === undefined) return;
  actor.count("mmap");
  let base = 0;
  // Begun before: a fork of another thread must not find a mapping that the model lacks.
  entry.beginChange();
  try {
    const error = actor.request("mmap", [], () => {
      base = actor.task.mmap({ ...plan.options, ...target, length: count * 4096 });
    });
    plan.finish?.(error === undefined);
    if (error !== undefined) return;
    checkAddress(actor, target, base, count * 4096);
    entry.become({ ...plan.shape, base }, actor.board.nextIdentity());
  } finally {
    entry.endChange();
  }
}

/** mmap over whole regions: they go, in the same syscall. */
export function opMapOver(actor: Actor): void {
  const victims = actor.ownRegions.filter((region) => !isRoaming(region) && !isFixture(region));
  if (victims.length === 0 || !actor.alone) return;
  const victim = actor.random.pick(victims);
  const entry = freeEntryOf(actor, victim.thread);
  const low = victim.low - actor.random.below(4) * 4096;
  const high = victim.high + actor.random.below(4) * 4096;
  const count = (high - low) / 4096;
  const touched = overlapping(actor, low, high);
  const covers = touched.every((each) => each.low >= low && each.high <= high && !isFixture(each));
  if (entry === undefined || !covers || count > PAGES) return;
  const bits = randomProtection(actor);
  actor.count("mmap");
  const made = unmapPages(actor, low, high, "mmap", () => {
    actor.task.mmap({ ...protectionOf(bits), length: count * 4096, hint: low, fixed: true });
  });
  if (made) {
    enter(actor, entry, { ...planAnonymous(actor, count, bits).shape, base: low });
    return;
  }
  // Whether the old mapping has gone when there was no room for the new one is the kernel's
  // business.
  for (const region of touched) {
    region.beginChange();
    resync(actor, region);
    region.endChange();
  }
}

/** Heap and stack are made in their own ways. */
const isFixture = (region: Region): boolean => region.kind === KIND_HEAP || region.isStack;

/**
 * mmap over some pages of a region, other threads or not: they are new, with another protection.
 */
export function opMapInside(actor: Actor): void {
  const regions = actor.ownRegions.filter(
    (region) => region.kind === KIND_ANON && !isRoaming(region) && region.count > 0,
  );
  if (regions.length === 0) return;
  const region = actor.random.pick(regions);
  const first = actor.random.below(region.count);
  const pages = actor.random.between(1, region.count - first);
  const bits = randomProtection(actor);
  actor.count("mmap");
  region.beginChange();
  for (let page = first; page < first + pages; page++) region.beginDrop(page);
  const error = actor.request("mmap", [], () => {
    const place = { length: pages * 4096, hint: region.address(first), fixed: true };
    actor.task.mmap({ ...protectionOf(bits), ...place });
  });
  for (let page = first; page < first + pages; page++) {
    region.endDrop(page, error === undefined);
    if (error === undefined) region.setProtection(page, bits | PAGE_MAPPED);
  }
  region.split = true;
  if (error !== undefined) resync(actor, region);
  region.endChange();
}

/** A new stack: a few pages that grow down when the page below is touched. */
export function opMapStack(actor: Actor): void {
  const entry = freeEntry(actor);
  if (entry === undefined || !stackIsFree(actor, entry)) return;
  const pages = actor.random.between(1, 4);
  const base = stackTop(entry.thread);
  const length = pages * 4096;
  actor.count("mmap");
  const options = {
    read: true,
    write: true,
    growsDown: true,
    length,
    hint: base - length,
    fixed: true,
  };
  entry.beginChange();
  const error = actor.request("mmap", [], () => {
    actor.task.mmap(options);
  });
  if (error === undefined) {
    const protection = PAGE_MAPPED | PAGE_READ | PAGE_WRITE;
    entry.become({ kind: KIND_STACK, base, count: PAGES, protection }, actor.board.nextIdentity());
    for (let page = pages; page < PAGES; page++) entry.setProtection(page, 0);
  }
  entry.endChange();
}

/** Maps private memory into a hole of a region, so that its parts can become one VMA again. */
export function opFillHole(actor: Actor): void {
  const holed = actor.ownRegions.filter(
    (region) => region.kind === KIND_ANON && !isRoaming(region) && firstHole(region) !== undefined,
  );
  if (holed.length === 0) return;
  const region = actor.random.pick(holed);
  const first = firstHole(region) as number;
  let last = first;
  while (last + 1 < region.count && !region.mapped(last + 1)) last++;
  const beside = first > 0 ? region.protection(first - 1) : PAGE_READ | PAGE_WRITE;
  const bits = actor.random.chance(60) ? beside & ~PAGE_MAPPED : randomProtection(actor);
  const length = (last - first + 1) * 4096;
  const hint = region.address(first);
  actor.count("mmap");
  region.beginChange();
  const error = actor.request("mmap", [], () => {
    actor.task.mmap({ ...protectionOf(bits), length, hint, fixed: true });
  });
  for (let page = first; page <= last && error === undefined; page++) {
    region.setProtection(page, bits | PAGE_MAPPED);
  }
  region.split = true;
  region.endChange();
}

function firstHole(region: Region): number | undefined {
  for (let page = 0; page < region.count; page++) if (!region.mapped(page)) return page;
  return undefined;
}

/** Enters the heap of a new address space, which is empty. */
export function enterHeap(actor: Actor, start: number): void {
  const entry = actor.model.regions[0] as Region;
  entry.beginChange();
  entry.become(
    { kind: KIND_HEAP, base: start, count: PAGES, protection: 0 },
    actor.board.nextIdentity(),
  );
  entry.endChange();
}

/** Moves the end of the heap. */
export function opBrk(actor: Actor): void {
  const heap = actor.ownRegions.find((region) => region.kind === KIND_HEAP);
  if (heap === undefined || actor.thread !== 0) return;
  const { task, random } = actor;
  const before = task.brk(0);
  const wanted = heap.base + random.below(PAGES * 4096 + 1);
  const oldPages = Math.ceil((before - heap.base) / 4096);
  const newPages = Math.ceil((wanted - heap.base) / 4096);
  actor.count("brk");
  let after = 0;
  const move = (): void => {
    after = task.brk(wanted);
  };
  if (newPages < oldPages) {
    unmapPages(
      actor,
      heap.base + newPages * 4096,
      heap.base + oldPages * 4096,
      "brk",
      move,
      () => after === wanted,
    );
  } else {
    heap.beginChange();
    move();
    for (let page = oldPages; page < newPages && after === wanted; page++) {
      heap.setProtection(page, PAGE_MAPPED | PAGE_READ | PAGE_WRITE);
    }
    heap.endChange();
  }
  if (after === wanted) return;
  actor.count("ENOMEM");
  actor.expectLowMemory(`brk to 0x${wanted.toString(16)}`, `0x${after.toString(16)}`);
  if (after !== before) {
    actor.fail("SYSCALL", "brk that was refused", String(before), String(after));
  }
}
