// Hunger: a process that takes most of the memory that is left, looks whether all of it is there,
// and keeps it for a while, so that requests of everybody are refused and accesses end in SIGKILL;
// then the others go on.

import type { Actor, Hoard } from "./actor.ts";

/** Pages that are taken at once, at most: a large machine stays large. */
const MOST_PAGES = 3000;

/** A page of the hoard holds what touch wrote, and zeros. */
function checkPage(actor: Actor, { base }: Hoard, page: number): void {
  const { task, random } = actor;
  const at = base + page * 4096;
  const values: [found: number, expected: number][] = [
    [task.load32(at), (at / 4096) >>> 0],
    [task.load32(at + 4 + 4 * random.below(1023)), 0],
  ];
  for (const [found, expected] of values) {
    if (found === expected) continue;
    actor.fail("CONTENT", `hoarded page at 0x${at.toString(16)}`, String(expected), String(found));
  }
}

function checkHoard(actor: Actor, hoard: Hoard): void {
  const step = 1 + (hoard.pages >> 5);
  for (let page = actor.random.below(step); page < hoard.pages; page += step) {
    checkPage(actor, hoard, page);
  }
}

/** Takes memory. */
function hoard(actor: Actor): void {
  const { task, random } = actor;
  const left = random.chance(70) ? random.below(120) : -64;
  const pages = Math.min(MOST_PAGES, Math.max(1, actor.freeFrames - left));
  let base = 0;
  actor.count("mmap");
  const refused = actor.request("mmap", [], () => {
    base = task.mmap({ length: pages * 4096, read: true, write: true });
  });
  if (refused !== undefined) return;
  actor.model.hoarding = true;
  actor.count("touch");
  const signal = actor.attempt(() => {
    task.touch(base, pages * 4096);
  });
  if (signal !== undefined) actor.fail("ACCESS", "touch of fresh memory", "ok", signal);
  actor.hoard = { base, pages };
}

/** Takes most of the free memory, or gives it back. */
export function opHoard(actor: Actor): void {
  const { task } = actor;
  const kept = actor.hoard;
  if (kept === undefined) {
    // Only alone: where it is mapped is the kernel's choice.
    if (actor.alone && actor.thread === 0 && actor.random.chance(25)) hoard(actor);
    return;
  }
  checkHoard(actor, kept);
  actor.count("munmap");
  const refused = actor.request("munmap", [], () => {
    task.munmap(kept.base, kept.pages * 4096);
  });
  if (refused !== undefined) return;
  actor.hoard = undefined;
  actor.model.hoarding = false;
}
