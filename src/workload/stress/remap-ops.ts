// mremap: a region, or a run of its pages, is resized in place or moved.

import { overlapsVma } from "../../mm/map.ts";
import { mmapSem } from "../../mm/vma.ts";
import { mmOf } from "../../syscall/memory.ts";
import { PAGES } from "./board.ts";
import type { Actor } from "./actor.ts";
import { KIND_HEAP, KIND_OBJECT, PAGE_MAPPED, type Region } from "./region.ts";
import { freeEntry, isRoaming, isUnused, overlapping, placeFor } from "./places.ts";
import { resync } from "./unmap-ops.ts";

/** What is asked for. */
interface Request {
  readonly region: Region;
  /** Pages before and after. */
  readonly before: number;
  readonly after: number;
  /** Where to, or undefined: where there is room. */
  readonly target: number | undefined;
}

/** Pages [0, count) are mapped and have one protection. */
function isUniform(region: Region, first: number, count: number): boolean {
  const bits = region.protection(first);
  for (let page = first; page < first + count; page++) {
    if (region.protection(page) !== bits) return false;
  }
  return (bits & PAGE_MAPPED) !== 0;
}

/** Regions that mremap can be asked to change as a whole. */
const candidates = (actor: Actor): Region[] =>
  actor.ownRegions.filter(
    (region) =>
      region.kind !== KIND_HEAP &&
      !region.isStack &&
      region.count > 0 &&
      isUniform(region, 0, region.count),
  );

/** True if the addresses behind a region can be mapped without harm to anybody. */
function canGrow(actor: Actor, region: Region, after: number): boolean {
  const low = region.high;
  const high = region.base + after * 4096;
  if (high <= low) return true;
  const others = overlapping(actor, low, high).filter((each) => each !== region);
  return others.length === 0 && isUnused(actor, low, high, region);
}

function choose(actor: Actor): Request | undefined {
  const regions = candidates(actor);
  if (regions.length === 0) return undefined;
  const { random } = actor;
  const region = random.pick(regions);
  const before = region.count;
  const after = random.chance(30) ? before : random.between(1, PAGES);
  if (random.chance(50)) {
    const target = placeFor(actor, region, after * 4096);
    return target === undefined ? undefined : { region, before, after, target };
  }
  return canGrow(actor, region, after) ? { region, before, after, target: undefined } : undefined;
}

/**
 * The model after mremap went well: pages behind the new end have gone, new ones are as the memory
 * began.
 */
function follow({ region, before, after }: Request, base: number): void {
  const bits = region.protection(0);
  region.base = base;
  region.count = after;
  for (let page = Math.min(before, after); page < Math.max(before, after); page++) {
    region.beginDrop(page);
    region.endDrop(page, true);
    region.setProtection(page, page < after ? bits : 0);
  }
}

/** Checks where mremap has put the region. */
function checkResult(actor: Actor, request: Request, base: number): void {
  const { region, before, after, target } = request;
  const mustStay = target === undefined && after <= before;
  const wanted = target ?? (mustStay ? region.base : base);
  const others = overlapping(actor, base, base + after * 4096).filter((each) => each !== region);
  if (base === wanted && others.length === 0) return;
  const what = `mremap of ${actor.place(region, 0)} from ${before} to ${after} pages`;
  actor.fail("PLACE", what, `0x${wanted.toString(16)}, free`, `0x${base.toString(16)}`);
}

/** Does what was chosen, between beginChange and endChange. */
function remap(actor: Actor, request: Request): void {
  const { region, before, after, target } = request;
  // The kernel chooses addresses only for what belongs to the first thread.
  const mayMove = target !== undefined || (actor.alone && region.thread === 0);
  actor.count("mremap");
  const allowed = region.split ? ["EFAULT"] : [];
  if (!mayMove && after > before) allowed.push("ENOMEM");
  const { task } = actor;
  const from = region.base;
  const options = target === undefined ? { mayMove } : { fixedAt: target };
  let base = 0;
  const error = actor.request("mremap", allowed, () => {
    base = task.mremap(region.base, before * 4096, after * 4096, options);
  });
  if (error === undefined) {
    checkResult(actor, request, base);
    follow(request, base);
    if (base !== from) clearSource(actor, from, before);
  } else {
    recover(actor, request);
  }
}

/** mremap of a whole region. */
export function opRemap(actor: Actor): void {
  const request = choose(actor);
  if (request === undefined) return;
  const { region, before, after, target } = request;
  region.beginChange();
  try {
    // A visitor may have come since the region was chosen. Whoever comes now sees that it changes;
    // whoever came before has announced it, and goes on using the old addresses.
    const stays = target === undefined && after <= before;
    if (stays || isUnused(actor, 0, 0, region)) remap(actor, request);
  } finally {
    region.endChange();
  }
}

/**
 * After a refused move, before the change ends: the region may have lost its end, and what may be
 * left at the new place, for want of memory, goes, or else the process.
 */
function recover(actor: Actor, { region, after, target }: Request): void {
  resync(actor, region);
  if (target !== undefined) unmapOrEnd(actor, target, after);
}

/**
 * After a move, before the change ends: nothing is left at the old place, but for want of memory to
 * split it off, and then it goes, or else the process.
 */
function clearSource(actor: Actor, from: number, pages: number): void {
  const { cpu, address } = actor.task;
  const sem = mmapSem(mmOf(cpu, address));
  cpu.k.take_interrupts();
  cpu.k.down_read(sem);
  const left = overlapsVma(cpu, mmOf(cpu, address), from, from + pages * 4096);
  cpu.k.up_read(sem);
  if (!left) return;
  actor.expectLowMemory(`mremap away from 0x${from.toString(16)}`, "a mapping that stayed there");
  unmapOrEnd(actor, from, pages);
}

/** Unmaps what is in nobody's model; without memory for that the process ends. */
function unmapOrEnd(actor: Actor, base: number, pages: number): void {
  const error = actor.request("munmap", [], () => {
    actor.task.munmap(base, pages * 4096);
  });
  if (error !== undefined) actor.task.exit(1);
}

/** mremap of a part of a region: the pages go to a region of their own. */
export function opRemapPart(actor: Actor): void {
  const entry = freeEntry(actor);
  const regions = candidates(actor).filter((region) => region.count > 1 && !isRoaming(region));
  if (entry === undefined || regions.length === 0 || !actor.alone) return;
  const region = actor.random.pick(regions);
  const first = actor.random.below(region.count);
  const count = actor.random.between(1, region.count - first);
  const target = placeFor(actor, entry, count * 4096);
  if (target === undefined || count === region.count) return;
  actor.count("mremap");
  region.beginChange();
  entry.beginChange();
  try {
    const error = actor.request("mremap", region.split ? ["EFAULT"] : [], () => {
      const bytes = count * 4096;
      actor.task.mremap(region.address(first), bytes, bytes, { fixedAt: target });
    });
    if (error === undefined) {
      movePages(actor, region, entry, first, count, target);
      clearSource(actor, region.address(first), count);
    } else {
      recover(actor, { region, before: count, after: count, target });
    }
  } finally {
    entry.endChange();
    region.split = true;
    region.endChange();
  }
}

/** Pages [first, first + count) of `region` become the region `entry` at `base`. */
function movePages(
  actor: Actor,
  region: Region,
  entry: Region,
  first: number,
  count: number,
  base: number,
): void {
  const { kind, seed, sizeBytes, object } = region;
  const filePage = region.filePage + first;
  const shape = { kind, base, count, protection: 0, filePage, seed, sizeBytes, object };
  entry.become({ ...shape, tagPage: region.tagPage(first) }, region.identity);
  if (kind === KIND_OBJECT) actor.objects[object]?.addReference();
  for (let page = 0; page < count; page++) {
    entry.inherit(page, region, first + page);
    region.beginDrop(first + page);
    region.endDrop(first + page, true);
    region.setProtection(first + page, 0);
  }
}
