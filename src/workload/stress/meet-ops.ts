// Operations that make races likely. Two threads of an address space meet in a page: either both
// use it at the same moment, so that they fault together, or they take turns, so that what one of
// them changes must reach the TLB of the other. And a process forks many children that do nothing,
// so that the mapcounts of shared pages move on several CPUs.

import { PAGES } from "./board.ts";
import { loadWord, ownsWord, storeWord } from "./access.ts";
import type { Actor } from "./actor.ts";
import { KIND_ANON, KIND_FILE, KIND_NONE, PAGE_WRITE, type Region } from "./region.ts";
import { forkIdle, waitForAll } from "./process-ops.ts";
import { visit } from "./visit.ts";
import { ALL_WORDS } from "./words.ts";

/** How long a thread waits for another one to join it, in ms. */
const PATIENCE_MS = 2;
/** How long the one who has joined waits for the other to wake up, in ms. */
const WAKE_MS = 0.3;
/** How long a thread waits for its turn, in ms. */
const TURN_MS = 30;

/** Stores or loads every word of a page that is ours to store or load. */
function usePage(actor: Actor, region: Region, page: number, write: boolean): void {
  if (region.kind === KIND_NONE) return;
  visit(actor, region, (seen) => {
    if (page >= seen.count) return;
    for (const word of ALL_WORDS) {
      if (!write) loadWord(actor, seen, page, word);
      else if (ownsWord(actor, region, word)) storeWord(actor, seen, page, word);
    }
  });
}

/** Uses a page as fast as may be, at the same time as another thread. */
function race(actor: Actor, region: Region, page: number): void {
  for (let round = actor.random.between(1, 4); round > 0; round--) {
    if (actor.random.chance(50)) usePage(actor, region, page, true);
    usePage(actor, region, page, false);
  }
}

/** Waits for a turn; false if the other thread does not come to it. */
function awaitTurn(actor: Actor, turn: number): boolean {
  const { model, task } = actor;
  const deadline = performance.now() + TURN_MS;
  for (;;) {
    const now = model.turn;
    if (now === turn) return true;
    if (performance.now() > deadline) return false;
    task.cpu.k.take_interrupts();
    model.awaitTurn(now);
  }
}

/** The turns of the thread that proposed the meeting: it changes what the other has in its TLB. */
function lead(actor: Actor, region: Region, page: number): void {
  const { model } = actor;
  if (!awaitTurn(actor, 1)) return;
  usePage(actor, region, page, true);
  model.passTurn(1, 2);
  if (awaitTurn(actor, 3)) usePage(actor, region, page, false);
}

/** The turns of the thread that joined. */
function follow(actor: Actor, region: Region, page: number): void {
  const { model } = actor;
  usePage(actor, region, page, false);
  model.passTurn(0, 1);
  if (!awaitTurn(actor, 2)) return;
  usePage(actor, region, page, false);
  usePage(actor, region, page, true);
  model.passTurn(2, 3);
}

/** What is proposed, as one number: the place, and whether to take turns. */
const codeOf = (region: Region, page: number, turns: boolean): number =>
  1 + (region.index * PAGES + page) * 2 + (turns ? 1 : 0);

interface Meeting {
  readonly region: Region;
  readonly page: number;
  readonly turns: boolean;
}

function meetingOf(actor: Actor, code: number): Meeting {
  const place = (code - 1) >> 1;
  const region = actor.model.regions[Math.floor(place / PAGES)] as Region;
  return { region, page: place % PAGES, turns: (code - 1) % 2 === 1 };
}

/** Joins a thread that waits for somebody, if there is one. */
export function joinMeeting(actor: Actor): void {
  const { model, task } = actor;
  const code = model.meeting;
  if (code <= 0 || !model.changeMeeting(code, -code)) return;
  const { region, page, turns } = meetingOf(actor, code);
  if (turns) {
    follow(actor, region, page);
    return;
  }
  const deadline = performance.now() + WAKE_MS;
  while (model.meeting === -code && performance.now() < deadline) task.cpu.k.take_interrupts();
  race(actor, region, page);
}

/** Waits for another thread to join; false if nobody came. */
function propose(actor: Actor, code: number): boolean {
  const { model, task } = actor;
  if (!model.changeMeeting(0, code)) return false;
  const deadline = performance.now() + PATIENCE_MS;
  while (model.meeting === code) {
    // The other one may be on its way, and wait for this CPU to answer.
    task.cpu.k.take_interrupts();
    if (performance.now() > deadline && model.changeMeeting(code, 0)) return false;
    model.awaitMeeting(code);
  }
  return true;
}

/** The page is new, or write-protected by a fork, or as it is. */
function prepare(actor: Actor, region: Region, page: number): void {
  const choice = actor.random.below(100);
  if (choice < 50) dropPage(actor, region, page);
  else if (choice < 80) forkIdle(actor);
}

function dropPage(actor: Actor, region: Region, page: number): void {
  actor.count("madvise");
  region.beginChange();
  region.beginDrop(page);
  actor.task.madviseDontneed(region.address(page), 4096);
  region.endDrop(page, true);
  region.endChange();
}

/** Meets another thread in a page. */
export function opMeet(actor: Actor): void {
  const { random, task, model, thread } = actor;
  if (task.cpus === 1 || !model.hasCompany(thread) || model.meeting !== 0) return;
  const kinds = [KIND_ANON, KIND_FILE];
  const regions = actor.ownRegions.filter((region) => kinds.includes(region.kind));
  if (regions.length === 0) return;
  const region = random.pick(regions);
  const page = random.below(region.count);
  if ((region.protection(page) & PAGE_WRITE) === 0) return;
  prepare(actor, region, page);
  const turns = random.chance(50);
  const code = codeOf(region, page, turns);
  model.resetTurns();
  if (!propose(actor, code)) return;
  actor.count("meetings");
  try {
    // Who has joined a race waits for this, and goes.
    if (!turns) model.changeMeeting(-code, 0);
    if (turns) lead(actor, region, page);
    else race(actor, region, page);
  } finally {
    model.changeMeeting(-code, 0);
  }
}

/** Forks children that do nothing, one after the other. */
export function opForkStorm(actor: Actor): void {
  if (actor.children.size > 0) return;
  const forks = actor.random.between(2, 24);
  for (let i = 0; i < forks && !actor.hasStopped(); i++) {
    if (forkIdle(actor) === undefined) return;
    waitForAll(actor);
  }
}
