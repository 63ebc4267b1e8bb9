// Operations that use memory: bursts of loads and stores, touch, copy, a look at everything, and
// addresses that nobody maps.

import { TASK_SIZE } from "../../layout/structs.gen.ts";
import { WORDS } from "./board.ts";
import type { Actor } from "./actor.ts";
import {
  certainWord,
  loadPart,
  loadUntouched,
  loadWord,
  ownsWord,
  perform,
  predict,
  storeWord,
  type Outcome,
} from "./access.ts";
import { KIND_NONE, KIND_SCRATCH, type Region } from "./region.ts";
import { resync } from "./unmap-ops.ts";
import { visit, type Visit } from "./visit.ts";
import { ALL_WORDS, joinWord, splitWord, wordOffset, wordText } from "./words.ts";

/** A region to use: mostly one of ours. */
export function chooseRegion(actor: Actor): Region | undefined {
  const { model, random } = actor;
  const others = model.regions.filter(
    (region) => !actor.owns(region.thread) && region.kind !== KIND_NONE,
  );
  const own = actor.ownRegions;
  const choices = others.length > 0 && (own.length === 0 || random.chance(35)) ? others : own;
  return choices.length > 0 ? random.pick(choices) : undefined;
}

/** A page of a region: mostly one that can be read. */
function choosePage(actor: Actor, { region, count }: Visit): number {
  const { random } = actor;
  let page = random.below(count);
  for (let attempt = 0; attempt < 6; attempt++) {
    if (predict(actor, region, page, false) === "ok" || random.chance(3)) break;
    page = random.below(count);
  }
  return page;
}

/** An access below our own stack makes it grow: the page above says how. */
function growStack(actor: Actor, { region, own, address }: Visit, page: number): void {
  if (!own || !region.isStack || region.mapped(page)) return;
  let above = page - 1;
  while (above >= 0 && !region.mapped(above)) above--;
  if (above < 0) return;
  region.beginChange();
  for (let each = above + 1; each <= page; each++) {
    region.setProtection(each, region.protection(above));
  }
  const expected = predict(actor, region, page, false);
  let signal: Outcome | undefined;
  try {
    signal = actor.attempt(() => actor.task.load8(address(page))) ?? "ok";
  } finally {
    // A fork of another thread must not see pages that are not there yet, or never will be.
    if (signal !== expected) resync(actor, region);
    region.endChange();
  }
  if (signal === expected) return;
  // A stack that cannot grow for want of memory ends its process.
  if (signal === "SIGSEGV" && actor.memoryIsLow) actor.task.exit(2);
  actor.fail("ACCESS", `stack that grows to ${actor.place(region, page)}`, expected, signal);
}

/** Words of a page that are ours to store. */
const wordsOf = (actor: Actor, region: Region): number[] =>
  ALL_WORDS.filter((word) => ownsWord(actor, region, word));

function accessPage(actor: Actor, visit: Visit, page: number, mine: readonly number[]): void {
  const { random } = actor;
  growStack(actor, visit, page);
  const kind = random.below(100);
  const writable = predict(actor, visit.region, page, true) === "ok" || random.chance(6);
  if (kind < 45 && mine.length > 0 && writable) storeWord(actor, visit, page, random.pick(mine));
  else if (kind < 80) loadWord(actor, visit, page, random.below(WORDS));
  else if (kind < 90) loadPart(actor, visit, page, random.below(WORDS));
  else loadUntouched(actor, visit, page);
}

/** A burst of loads and stores in one region. */
export function opAccess(actor: Actor): void {
  const region = chooseRegion(actor);
  if (region === undefined) return;
  visit(actor, region, (seen) => {
    if (seen.count === 0) return;
    const mine = wordsOf(actor, region);
    const page = choosePage(actor, seen);
    const usable = predict(actor, region, page, false) === "ok";
    const accesses = actor.random.between(1, usable ? 12 : 2);
    for (let i = 0; i < accesses; i++) {
      accessPage(actor, seen, actor.random.chance(50) ? page : choosePage(actor, seen), mine);
    }
  });
}

/** Looks at every word of one of our regions. */
export function opVerify(actor: Actor): void {
  const own = actor.ownRegions;
  if (own.length === 0) return;
  visit(actor, actor.random.pick(own), (seen) => {
    for (let page = 0; page < seen.count; page++) {
      if (predict(actor, seen.region, page, false) !== "ok") continue;
      for (let word = 0; word < WORDS; word++) loadWord(actor, seen, page, word);
    }
  });
}

/** What touching pages in order of their addresses must end with. */
function predictTouch(
  actor: Actor,
  region: Region,
  pages: readonly number[],
  write: boolean,
): Outcome {
  for (const page of pages) {
    const outcome = predict(actor, region, page, write);
    if (outcome !== "ok") return outcome;
  }
  return "ok";
}

/** Touches a range of pages. */
export function opTouch(actor: Actor): void {
  const region = chooseRegion(actor);
  if (region === undefined || region.isStack) return;
  const write = actor.random.chance(60);
  visit(actor, region, (seen) => {
    if (seen.count === 0) return;
    const first = actor.random.below(seen.count);
    const length = actor.random.between(1, seen.count - first);
    const pages = Array.from({ length }, (_, i) => first + i);
    actor.count("touch");
    const touch = (): void => {
      actor.task.touch(seen.address(first), length * 4096, write ? "write" : "read");
    };
    perform(actor, seen, first, write, touch, () => predictTouch(actor, region, pages, write));
  });
}

/** Copies a part of a page to scratch memory and looks at what arrived. */
export function opCopy(actor: Actor): void {
  const scratch = actor.ownRegions.find((region) => region.kind === KIND_SCRATCH);
  const source = chooseRegion(actor);
  if (scratch === undefined || source === undefined || source === scratch || source.isStack) return;
  visit(actor, source, (seen) => {
    if (seen.count === 0) return;
    const page = choosePage(actor, seen);
    const target = actor.random.below(scratch.count);
    if (predict(actor, scratch, target, true) !== "ok") return;
    copyPage(actor, seen, page, scratch.address(target));
  });
}

function copyPage(actor: Actor, seen: Visit, page: number, target: number): void {
  const { random, task } = actor;
  const word = random.below(WORDS);
  const expected = seen.own ? certainWord(actor, seen.region, page, word) : undefined;
  // The bytes around the word, from an offset of their own to another one.
  const from = random.between(0, wordOffset(word) / 8) * 8;
  const length = random.between(wordOffset(word) - from + 8, 4096 - from);
  const to = random.between(0, (4096 - length) >> 3) * 8;
  actor.count("copy");
  const done = perform(actor, seen, page, false, () => {
    task.copy(target + to, seen.address(page) + from, length);
  });
  if (!done || expected === undefined) return;
  const at = target + to + wordOffset(word) - from;
  const found = splitWord(task.load64(at));
  actor.count("wordsChecked");
  if (joinWord(found.high, found.low) === joinWord(expected.high, expected.low)) return;
  const what = `copy of word ${word} at ${actor.place(seen.region, page, wordOffset(word))}`;
  actor.fail("CONTENT", what, wordText(expected), wordText(found));
}

/** Addresses that no program has. */
const NOWHERE = [0, 4096, 0x10000, TASK_SIZE, TASK_SIZE + 4096, 2 ** 47, 2 ** 48 + 4096, 2 ** 52];

/** An access that must raise SIGSEGV: where nobody maps anything. */
export function opProbe(actor: Actor): void {
  const { random, task } = actor;
  const address = random.pick(NOWHERE) + 8 * random.below(8);
  actor.count("probe");
  const signal = actor.attempt(() => {
    if (random.chance(50)) task.load64(address);
    else task.store64(address, 1n);
  });
  if (signal === "SIGSEGV") return;
  actor.fail(
    "ACCESS",
    `address 0x${address.toString(16)}, which nobody maps`,
    "SIGSEGV",
    signal ?? "ok",
  );
}
