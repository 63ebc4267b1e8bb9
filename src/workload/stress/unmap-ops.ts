// Operations that take pages away or change what may be done with them: munmap, madvise(DONTNEED),
// mprotect.

import { Task, VmArea } from "../../layout/structs.gen.ts";
import { getI32, getU32, getU64 } from "../../layout/view.ts";
import { mmapSem } from "../../mm/vma.ts";
import type { Actor } from "./actor.ts";
import {
  KIND_HEAP,
  KIND_OBJECT,
  KIND_READ,
  KIND_SCRATCH,
  PAGE_MAPPED,
  type Region,
} from "./region.ts";
import { centreOf, isRoaming, overlapping, windowOf } from "./places.ts";
import { protectionBits, protectionOf, randomProtection } from "./protections.ts";

/** Mapped pages of a region with addresses in [low, high). */
function pagesIn(region: Region, low: number, high: number): number[] {
  const pages: number[] = [];
  for (let page = 0; page < region.count; page++) {
    const address = region.address(page);
    if (address >= low && address < high && region.mapped(page)) pages.push(page);
  }
  return pages;
}

/** Takes pages out of the model, between beginChange and endChange. */
function forgetPages(actor: Actor, region: Region, pages: readonly number[]): void {
  for (const page of pages) region.setProtection(page, 0);
  region.split = true;
  let count = region.count;
  while (count > 0 && !region.mapped(count - 1)) count--;
  if (region.kind === KIND_HEAP) return;
  if (count === 0) actor.dropRegion(region);
  // The kernel may use the addresses for something else.
  else if (isRoaming(region)) region.count = count;
}

/**
 * Does a syscall that unmaps [low, high) and tells whether it did; the model follows. `succeeded`: for a syscall that does
 * not answer with an error.
 */
export function unmapPages(
  actor: Actor,
  low: number,
  high: number,
  what: string,
  syscall: () => void,
  succeeded: () => boolean = () => true,
): boolean {
  const regions = overlapping(actor, low, high).map((region) => ({
    region,
    pages: pagesIn(region, low, high),
  }));
  for (const { region, pages } of regions) {
    region.beginChange();
    for (const page of pages) region.beginDrop(page);
  }
  let done = false;
  try {
    done = actor.request(what, [], syscall) === undefined && succeeded();
  } finally {
    for (const { region, pages } of regions) {
      for (const page of pages) region.endDrop(page, done);
      if (done) forgetPages(actor, region, pages);
      // A refused one may have split it at one end.
      else region.split = true;
      region.endChange();
    }
  }
  return done;
}

/**
 * Reads from the kernel which pages of a region are mapped, where a request failed half way. The
 * caller began the change before the request and ends it after this: in between, nobody may go by
 * the model.
 */
export function resync(actor: Actor, region: Region): void {
  const { cpu, address: task } = actor.task;
  const mm = getI32(cpu, task + Task.mm);
  const lost: number[] = [];
  cpu.k.take_interrupts();
  // Another thread may be changing the tree.
  cpu.k.down_read(mmapSem(mm));
  for (let page = 0; page < region.count; page++) {
    const at = region.address(page);
    const vma = cpu.k.find_vma(mm, at);
    const isMapped = vma !== 0 && getU64(cpu, vma + VmArea.vm_start) <= at;
    if (isMapped && region.mapped(page)) {
      region.setProtection(page, PAGE_MAPPED | protectionBits(getU32(cpu, vma + VmArea.vm_flags)));
    } else if (region.mapped(page)) {
      region.beginDrop(page);
      region.endDrop(page, true);
      lost.push(page);
    }
  }
  cpu.k.up_read(mmapSem(mm));
  region.split = true;
  if (lost.length > 0) forgetPages(actor, region, lost);
}

/** Limits of what may be unmapped around a region: nothing of another thread. */
function limits(region: Region): { low: number; high: number } {
  if (region.base > windowOf(0).low) return windowOf(region.thread);
  return { low: 4096, high: centreOf(0) / 2 };
}

/** A range of addresses around some page of a region: all of it, a part, or more than it. */
function chooseRange(actor: Actor, region: Region): { low: number; high: number } {
  const { random } = actor;
  const choice = random.below(100);
  if (choice < 35) return { low: region.low, high: region.high };
  if (isRoaming(region)) {
    return { low: region.address(random.below(region.count)), high: region.high };
  }
  const bounds = limits(region);
  const low = region.low + random.below(region.count) * 4096;
  const pages = choice < 80 ? random.between(1, 6) : random.between(1, 64);
  const high = low + pages * 4096;
  if (choice < 80) return { low, high: Math.min(high, region.high) };
  return {
    low: Math.max(low - random.below(8) * 4096, bounds.low),
    high: Math.min(high, bounds.high),
  };
}

/** munmap. */
export function opUnmap(actor: Actor): void {
  const regions = actor.ownRegions.filter((region) => region.count > 0);
  if (regions.length === 0) return;
  const { low, high } = chooseRange(actor, actor.random.pick(regions));
  actor.count("munmap");
  unmapPages(actor, low, high, "munmap", () => {
    actor.task.munmap(low, high - low);
  });
}

/** Pages of a region in order of their addresses, some of them in a row. */
function chooseRun(actor: Actor, region: Region): number[] {
  const first = actor.random.below(region.count);
  const length = actor.random.between(1, region.count - first);
  const pages = Array.from({ length }, (_, i) => first + i);
  return region.isStack ? pages.reverse() : pages;
}

/** madvise(DONTNEED): private pages are new afterwards, shared ones as they were. */
export function opDontneed(actor: Actor): void {
  const regions = actor.ownRegions.filter((region) => region.count > 0);
  if (regions.length === 0) return;
  const region = actor.random.pick(regions);
  const run = chooseRun(actor, region);
  const mapped = run.filter((page) => region.mapped(page));
  const drops = region.kind === KIND_OBJECT || region.kind === KIND_READ ? [] : mapped;
  const expected = mapped.length < run.length ? "ENOMEM" : undefined;
  actor.count("madvise");
  region.beginChange();
  for (const page of drops) region.beginDrop(page);
  const low = region.address(run[0] as number);
  const found = actor.request("madvise", ["ENOMEM"], () => {
    actor.task.madviseDontneed(low, run.length * 4096);
  });
  for (const page of drops) region.endDrop(page, true);
  region.endChange();
  if (found !== expected) {
    actor.fail(
      "SYSCALL",
      `madvise of ${actor.place(region, run[0] as number)}`,
      expected ?? "success",
      found ?? "success",
    );
  }
}

/** mprotect: up to the first hole, where it answers with ENOMEM. */
export function opProtect(actor: Actor): void {
  const regions = actor.ownRegions.filter(
    (region) => region.count > 0 && region.kind !== KIND_SCRATCH,
  );
  if (regions.length === 0) return;
  const region = actor.random.pick(regions);
  const run = chooseRun(actor, region);
  const hole = run.findIndex((page) => !region.mapped(page));
  const reached = hole < 0 ? run : run.slice(0, hole);
  const bits = randomProtection(actor);
  actor.count("mprotect");
  region.beginChange();
  const found = actor.request("mprotect", hole < 0 ? [] : ["ENOMEM"], () => {
    actor.task.mprotect(region.address(run[0] as number), run.length * 4096, protectionOf(bits));
  });
  const refused = found !== undefined && hole < 0;
  if (!refused) for (const page of reached) region.setProtection(page, bits | PAGE_MAPPED);
  region.split = true;
  // It may have run out of memory before or after it reached the hole.
  if (found !== undefined) resync(actor, region);
  region.endChange();
  if (hole >= 0 && found === undefined) {
    actor.fail(
      "SYSCALL",
      `mprotect over a hole of ${actor.place(region, run[hole] as number)}`,
      "ENOMEM",
      "success",
    );
  }
}
