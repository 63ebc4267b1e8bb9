// Operations that make races likely. Two threads of an address space agree on a page and use it at
// the same moment, so that both fault on it; a process forks many children that do nothing, so that
// the mapcounts of shared pages move on several CPUs.

import { PAGES } from "./board.ts";
import { loadWord, ownsWord, storeWord } from "./access.ts";
import type { Actor } from "./actor.ts";
import { KIND_ANON, KIND_FILE, KIND_NONE, PAGE_WRITE, type Region } from "./model.ts";
import { forkIdle, waitForAll } from "./process-ops.ts";
import { visit } from "./visit.ts";
import { ALL_WORDS } from "./words.ts";

/** How long a thread waits for another one to join it, in ms. */
const PATIENCE_MS = 2;
/** How long the one who has joined waits for the other to wake up, in ms. */
const WAKE_MS = 0.3;

/** Stores and loads in one page, as fast as may be. */
function usePage(actor: Actor, region: Region, page: number): void {
  if (region.kind === KIND_NONE) return;
  visit(actor, region, (seen) => {
    if (page >= seen.count) return;
    const mine = ALL_WORDS.filter((word) => ownsWord(actor, region, word));
    for (let round = actor.random.between(1, 4); round > 0; round--) {
      if (actor.random.chance(50)) for (const word of mine) storeWord(actor, seen, page, word);
      for (const word of ALL_WORDS) loadWord(actor, seen, page, word);
    }
  });
}

const code = (region: Region, page: number): number => 1 + region.index * PAGES + page;

/** Joins a thread that waits for somebody, if there is one. */
export function joinMeeting(actor: Actor): void {
  const { model } = actor;
  const proposed = model.meeting;
  if (proposed <= 0 || !model.changeMeeting(proposed, -proposed)) return;
  const deadline = performance.now() + WAKE_MS;
  while (model.meeting === -proposed && performance.now() < deadline) actor.task.cpu.k.serve_ipis();
  const region = model.regions[Math.floor((proposed - 1) / PAGES)] as Region;
  usePage(actor, region, (proposed - 1) % PAGES);
}

/** Waits for another thread to join; false if nobody came. */
function propose(actor: Actor, proposed: number): boolean {
  const { model } = actor;
  if (!model.changeMeeting(0, proposed)) return false;
  const deadline = performance.now() + PATIENCE_MS;
  while (model.meeting === proposed) {
    // The other one may be on its way, and wait for this CPU to answer.
    actor.task.cpu.k.serve_ipis();
    if (performance.now() > deadline && model.changeMeeting(proposed, 0)) return false;
    model.awaitMeeting(proposed);
  }
  model.changeMeeting(-proposed, 0);
  return true;
}

/** Meets another thread in a page that is new, or write-protected by a fork, or as it is. */
export function opMeet(actor: Actor): void {
  const { random, task, model } = actor;
  if (task.cpus === 1 || !model.hasCompany(actor.thread) || model.meeting !== 0) return;
  const regions = actor.ownRegions.filter(
    (region) => region.kind === KIND_ANON || region.kind === KIND_FILE,
  );
  if (regions.length === 0) return;
  const region = random.pick(regions);
  const page = random.below(region.count);
  if ((region.protection(page) & PAGE_WRITE) === 0) return;
  const choice = random.below(100);
  if (choice < 50) dropPage(actor, region, page);
  else if (choice < 80) forkIdle(actor);
  if (!propose(actor, code(region, page))) return;
  actor.count("meetings");
  usePage(actor, region, page);
}

function dropPage(actor: Actor, region: Region, page: number): void {
  actor.count("madvise");
  region.beginChange();
  region.beginDrop(page);
  actor.task.madviseDontneed(region.address(page), 4096);
  region.endDrop(page, true);
  region.endChange();
}

/** Forks children that do nothing, one after the other. */
export function opForkStorm(actor: Actor): void {
  if (actor.children.size > 0) return;
  const forks = actor.random.between(2, 24);
  for (let i = 0; i < forks && !actor.stopped; i++) {
    if (forkIdle(actor) === undefined) return;
    waitForAll(actor);
  }
}
