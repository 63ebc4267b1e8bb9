// Loads and stores, and what they must find. Every access is predicted from the model: it succeeds
// or raises a signal, and a load gives what the last store of that word put there. Where another
// thread changes the layout at the same time (the region's seq moved during the access) either
// outcome is right, but never a word from anywhere else.

import { THREADS, WORDS } from "./board.ts";
import type { SignalName } from "../../kernel/error.ts";
import type { Actor } from "./actor.ts";
import {
  KIND_FILE,
  KIND_OBJECT,
  KIND_READ,
  KIND_SCRATCH,
  NEW,
  PAGE_EXEC,
  PAGE_MAPPED,
  PAGE_READ,
  PAGE_WRITE,
  UNCERTAIN,
  type Region,
} from "./region.ts";
import { load64, store64 } from "./secondary-access.ts";
import type { SharedObject } from "./objects.ts";
import type { Visit } from "./visit.ts";
import { fileHalf, joinWord, splitWord, tagOf, wordOffset, wordText, type Word } from "./words.ts";

const ANY_ACCESS = PAGE_READ | PAGE_WRITE | PAGE_EXEC;

/** How far the counter of a word moves at a full store: so that parent and child soon differ. */
const COUNTER_STEP = 4096;

/** How an access ends. */
export type Outcome = SignalName | "ok";

/** What an access of a page that stands still must end with. */
export function predict(actor: Actor, region: Region, page: number, write: boolean): Outcome {
  const protection = region.protection(page);
  const needed = write ? PAGE_WRITE : ANY_ACCESS;
  if ((protection & PAGE_MAPPED) === 0 || (protection & needed) === 0) return "SIGSEGV";
  return behindEnd(actor, region, page) ? "SIGBUS" : "ok";
}

/** True for a page of a mapping that lies behind the end of its file. */
function behindEnd(actor: Actor, region: Region, page: number): boolean {
  const start = (region.filePage + page) * 4096;
  if (region.kind === KIND_OBJECT) return start >= (actor.objects[region.object]?.sizeBytes ?? 0);
  return (region.kind === KIND_FILE || region.kind === KIND_READ) && start >= region.sizeBytes;
}

/** What 32 bits of a page hold that nobody has written. */
function baseHalf(actor: Actor, region: Region, page: number, offset: number): number {
  const index = region.filePage + page;
  if (region.kind === KIND_OBJECT) {
    const object = actor.objects[region.object];
    const isFile = region.object < actor.order.sharedFiles.length;
    return object && isFile ? fileHalf(object.seed, object.sizeBytes, index, offset) : 0;
  }
  const isFile = region.kind === KIND_FILE || region.kind === KIND_READ;
  return isFile ? fileHalf(region.seed, region.sizeBytes, index, offset) : 0;
}

/** What 64 bits of a page hold that nobody has written. */
export function baseWord(actor: Actor, region: Region, page: number, offset: number): Word {
  return {
    low: baseHalf(actor, region, page, offset),
    high: baseHalf(actor, region, page, offset + 4),
  };
}

const same = (a: Word, b: Word): boolean => a.low === b.low && a.high === b.high;

const tagIn = (region: Region, page: number, word: number): number =>
  tagOf(region.identity, region.tagPage(page), word);

/** True if this thread is the one that stores a word. */
export function ownsWord(actor: Actor, region: Region, word: number): boolean {
  if (region.kind === KIND_OBJECT) return word === actor.task.cpuId;
  return region.kind !== KIND_READ && region.kind !== KIND_SCRATCH && actor.owns(word % THREADS);
}

/** Does an access of a page and compares how it ended with the prediction. True if it succeeded. */
export function perform(
  actor: Actor,
  { region }: Visit,
  page: number,
  write: boolean,
  access: () => void,
  outcome: () => Outcome = () => predict(actor, region, page, write),
): boolean {
  const { seq } = region;
  // Predicted only now: from here on it counts whether the region stands still.
  const expected = outcome();
  const signal = actor.attempt(access) ?? "ok";
  const still = seq % 2 === 0 && region.seq === seq;
  if (still && signal !== expected) {
    actor.fail(
      "ACCESS",
      `${write ? "write" : "read"} at ${actor.place(region, page)}`,
      expected,
      signal,
    );
  }
  return signal === "ok";
}

/** Loads 64 bits; undefined when that raised the signal that it had to raise. */
function load(actor: Actor, visit: Visit, page: number, offset: number): Word | undefined {
  actor.count("load");
  let value = 0n;
  const address = visit.address(page) + offset;
  const done = perform(actor, visit, page, false, () => {
    value = load64(actor, address);
  });
  if (!done) return undefined;
  actor.count("wordsChecked");
  return splitWord(value);
}

/** What is known of a word of a private page before it is loaded. */
interface Before {
  /** The word was ours already: a thread that ends leaves its words to the first one. */
  readonly mine: boolean;
  readonly epoch: number;
  readonly least: number;
  readonly wordEpoch: number;
}

/** Why a loaded word cannot be; undefined when it can. */
function complaint(
  actor: Actor,
  region: Region,
  page: number,
  word: number,
  found: Word,
  before: Before,
): string | undefined {
  const sure = before.epoch % 2 === 0 && region.epoch(page) === before.epoch;
  const certain = sure && before.wordEpoch === before.epoch;
  const isNew = sure && !certain && before.wordEpoch !== UNCERTAIN;
  const written = region.wordEpoch(page, word) === before.epoch;
  const most = region.most(page, word);
  if (found.high !== tagIn(region, page, word)) {
    const base = baseWord(actor, region, page, wordOffset(word));
    if (!same(found, base)) return `new content (${wordText(base)}) or one of its own`;
    return certain && before.least > 0 ? `counter ${before.least} to ${most}` : undefined;
  }
  if (isNew && before.mine) return "new content, since the page was dropped";
  // Another thread has stored the word since the page was dropped, or is about to say so.
  if (isNew && !written && found.low !== most) return `new content, or counter ${most}`;
  const least = certain ? Math.max(1, before.least) : 1;
  return found.low >= least && found.low <= most ? undefined : `counter ${least} to ${most}`;
}

/** Remembers what a word of ours was found to hold. */
function resolve(region: Region, page: number, word: number, found: Word, epoch: number): void {
  if (epoch % 2 !== 0 || region.epoch(page) !== epoch) return;
  if (found.high === tagIn(region, page, word)) {
    region.setWord(page, word, found.low, found.low, epoch);
  } else {
    region.setWord(page, word, 0, region.most(page, word), NEW);
  }
}

/** Loads a word of a private page and checks it. */
function loadPrivate(actor: Actor, visit: Visit, page: number, word: number): void {
  const { region } = visit;
  const { seq } = region;
  const before = {
    mine: ownsWord(actor, region, word),
    epoch: region.epoch(page),
    least: region.least(page, word),
    wordEpoch: region.wordEpoch(page, word),
  };
  const found = load(actor, visit, page, wordOffset(word));
  if (found === undefined) return;
  const wrong = complaint(actor, region, page, word, found, before);
  if (wrong !== undefined) {
    const what = `word ${word} at ${actor.place(region, page, wordOffset(word))}`;
    actor.fail("CONTENT", what, wrong, wordText(found));
  }
  const still = seq % 2 === 0 && region.seq === seq;
  if (still && before.mine) resolve(region, page, word, found, before.epoch);
}

/** Loads a word of a shared object and checks it. */
function loadShared(actor: Actor, visit: Visit, page: number, word: number): void {
  const { region } = visit;
  const object = actor.objects[region.object] as SharedObject;
  const index = region.filePage + page;
  const followed = index < object.pages;
  const least = followed ? object.stored(index, word) : 0;
  const found = load(actor, visit, page, wordOffset(word));
  if (found === undefined || !followed) return;
  const most = object.intended(index, word);
  const base = baseWord(actor, region, page, wordOffset(word));
  const right =
    found.high === tagOf(object.identity, index, word)
      ? found.low >= least && found.low <= most
      : least === 0 && same(found, base);
  if (right) return;
  const what = `word ${word} of object ${object.identity} at ${actor.place(region, page, wordOffset(word))}`;
  actor.fail("CONTENT", what, `counter ${least} to ${most}`, wordText(found));
}

/** Loads a word that the oracle follows. */
export function loadWord(actor: Actor, visit: Visit, page: number, word: number): void {
  if (visit.region.kind === KIND_OBJECT) loadShared(actor, visit, page, word);
  else if (visit.region.kind !== KIND_SCRATCH) loadPrivate(actor, visit, page, word);
}

/** Loads 64 bits that nobody ever writes: they are as the memory began. */
export function loadUntouched(actor: Actor, visit: Visit, page: number): void {
  const { region } = visit;
  if (region.kind === KIND_SCRATCH) return;
  const offset = wordOffset(actor.random.below(WORDS)) + 8 * actor.random.between(1, 62);
  const found = load(actor, visit, page, offset);
  const base = baseWord(actor, region, page, offset);
  if (found === undefined || same(found, base)) return;
  actor.fail(
    "CONTENT",
    `untouched word at ${actor.place(region, page, offset)}`,
    wordText(base),
    wordText(found),
  );
}

/** How a word gets its next counter: all of it, or with as few bytes as change. */
function storer(
  actor: Actor,
  address: number,
  tag: number,
  previous: number,
  narrow: boolean,
): { counter: number; store: () => void } {
  const { task, random } = actor;
  if (!narrow) {
    const counter = previous + 1 + random.below(COUNTER_STEP);
    const value = joinWord(tag, counter);
    return {
      counter,
      store: () => {
        store64(actor, address, value);
      },
    };
  }
  const counter = previous + 1;
  const bits = counter % 256 === 0 ? 32 : random.pick([8, 16, 32]);
  return {
    counter,
    store: () => {
      if (bits === 8) task.store8(address, counter & 0xff);
      else if (bits === 16) task.store16(address, counter & 0xffff);
      else task.store32(address, counter);
    },
  };
}

function storePrivate(actor: Actor, visit: Visit, page: number, word: number): void {
  const { region } = visit;
  const before = region.epoch(page);
  const previous = region.most(page, word);
  const least = region.least(page, word);
  const exact = region.wordEpoch(page, word) === before && least === previous && previous > 0;
  // A part of a word may only be stored where nobody drops the page meanwhile.
  const narrow = exact && visit.own && actor.random.chance(40);
  const address = visit.address(page) + wordOffset(word);
  const { counter, store } = storer(actor, address, tagIn(region, page, word), previous, narrow);
  region.setMost(page, word, counter);
  let stored = false;
  try {
    stored = perform(actor, visit, page, true, store);
  } finally {
    if (!stored) region.setMost(page, word, previous);
  }
  if (!stored) return;
  const sure = before % 2 === 0 && region.epoch(page) === before;
  region.setWord(page, word, counter, counter, sure ? before : UNCERTAIN);
}

function storeShared(actor: Actor, visit: Visit, page: number, word: number): void {
  const { region } = visit;
  const object = actor.objects[region.object] as SharedObject;
  const index = region.filePage + page;
  if (index >= object.pages) return;
  const previous = object.stored(index, word);
  const narrow = previous > 0 && actor.random.chance(40);
  const address = visit.address(page) + wordOffset(word);
  const tag = tagOf(object.identity, index, word);
  const { counter, store } = storer(actor, address, tag, previous, narrow);
  object.intend(index, word, counter);
  if (perform(actor, visit, page, true, store)) object.confirm(index, word, counter);
}

/** Stores a word that is ours to store. */
export function storeWord(actor: Actor, visit: Visit, page: number, word: number): void {
  actor.count("store");
  if (visit.region.kind === KIND_OBJECT) storeShared(actor, visit, page, word);
  else storePrivate(actor, visit, page, word);
}

/** What a word of ours certainly holds; undefined when that is open. */
export function certainWord(
  actor: Actor,
  region: Region,
  page: number,
  word: number,
): Word | undefined {
  if (region.kind === KIND_OBJECT || !ownsWord(actor, region, word)) return undefined;
  const epoch = region.epoch(page);
  const wordEpoch = region.wordEpoch(page, word);
  if (epoch % 2 !== 0 || wordEpoch === UNCERTAIN) return undefined;
  const counter = region.least(page, word);
  if (wordEpoch === epoch && counter !== region.most(page, word)) return undefined;
  if (wordEpoch !== epoch || counter === 0) return baseWord(actor, region, page, wordOffset(word));
  return { low: counter, high: tagIn(region, page, word) };
}

/** Loads 8, 16 or 32 bits out of a word whose content is certain. */
export function loadPart(actor: Actor, visit: Visit, page: number, word: number): void {
  const { region } = visit;
  const whole = visit.own ? certainWord(actor, region, page, word) : undefined;
  if (whole === undefined) return;
  actor.count("load");
  const bits = actor.random.pick([8, 16, 32]);
  const part = actor.random.below(64 / bits);
  const offset = wordOffset(word) + (part * bits) / 8;
  const address = visit.address(page) + offset;
  let value = 0;
  const done = perform(actor, visit, page, false, () => {
    if (bits === 8) value = actor.task.load8(address);
    else if (bits === 16) value = actor.task.load16(address);
    else value = actor.task.load32(address);
  });
  if (!done) return;
  actor.count("wordsChecked");
  const shifted = joinWord(whole.high, whole.low) >> BigInt(part * bits);
  const expected = Number(BigInt.asUintN(bits, shifted));
  if (value === expected) return;
  const what = `${bits} bits at ${actor.place(region, page, offset)}`;
  actor.fail("CONTENT", what, expected.toString(16), value.toString(16));
}
