// What an address space should look like: its regions, page by page and word by word. The model
// lies on the board, since the threads of an address space share it and fork copies it.
//
// Who writes what. A region belongs to a thread, the only one that changes its layout; while it
// does, the region's `seq` (and that of the thread's whole part) is odd. Any thread of the address
// space may load and store in it meanwhile: each has words of its own in every page. `epoch` of a
// page is odd while its content is being dropped, and grows when it was.

import {
  Board,
  MODEL_HEAD,
  PAGES,
  REGIONS,
  REGION_FIELDS,
  REGION_WORDS,
  THREADS,
  WORDS,
  MODEL_WORDS,
  MODEL_FLOATS,
} from "./board.ts";

export const KIND_NONE = 0;
/** Private anonymous memory. */
export const KIND_ANON = 1;
/** A private mapping of a file that nobody writes. */
export const KIND_FILE = 2;
/** A shared mapping of a shared object. */
export const KIND_OBJECT = 3;
/** A shared mapping of a file that nobody writes. */
export const KIND_READ = 4;
/** The heap: as KIND_ANON, moved by brk. */
export const KIND_HEAP = 5;
/** A stack: as KIND_ANON, grows down. */
export const KIND_STACK = 6;
/** Private anonymous memory that copy() writes: its words are not followed. */
export const KIND_SCRATCH = 7;

/** Bits of a page: mapped, and what may be done with it. */
export const PAGE_MAPPED = 1;
export const PAGE_READ = 2;
export const PAGE_WRITE = 4;
export const PAGE_EXEC = 8;

/**
 * Epoch of a word whose store and the dropping of its page overlapped: the store holds, or the page
 * is new.
 */
export const UNCERTAIN = -1;
/** Epoch of a word that was found to be new. */
export const NEW = -2;

const CLAIMED = 0;
const USERS = 1;
const READY = 2;
const DEPTH = 3;
const HOARDING = 4;
const MEETING = 5;
const TURN = 6;
/** First word of the threads. */
const THREAD_BASE = 7;
const THREAD_WORDS = 4;
const ALIVE = 0;
const THREAD_SEQ = 1;
const HAZARD = 2;
const MOVED = 3;

const SEQ = 0;
const KIND = 1;
const IDENTITY = 2;
const COUNT = 3;
const FILE_PAGE = 4;
const SEED = 5;
const SIZE = 6;
const OBJECT = 7;
const SPLIT = 8;
const TAG_PAGE = 9;

/** What a region is made of. */
export interface RegionShape {
  readonly kind: number;
  /** First address; of a stack, the address behind it. */
  readonly base: number;
  /** Pages. */
  readonly count: number;
  /** PAGE_READ and the like, for all pages. */
  readonly protection: number;
  /** First page of the file or object. */
  readonly filePage?: number;
  readonly seed?: number;
  /** Of the file, in bytes. */
  readonly sizeBytes?: number;
  /** Index of the shared object. */
  readonly object?: number;
  /** Number that the first page has in the tags of its words. */
  readonly tagPage?: number;
}

/** One region of an address space. */
export class Region {
  readonly index: number;
  readonly thread: number;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #at: number;
  readonly #baseAt: number;
  readonly #threadSeqAt: number;

  constructor(board: Board, model: number, index: number) {
    this.index = index;
    this.thread = Math.floor(index / REGIONS);
    this.#words = board.words;
    this.#numbers = board.numbers;
    this.#at = board.modelAt(model) + MODEL_HEAD + index * REGION_WORDS;
    this.#baseAt = board.modelNumbersAt(model) + index;
    this.#threadSeqAt =
      board.modelAt(model) + THREAD_BASE + this.thread * THREAD_WORDS + THREAD_SEQ;
  }

  #field(field: number): number {
    return this.#words[this.#at + field] as number;
  }

  /** Even while the layout stands still. */
  get seq(): number {
    return Atomics.load(this.#words, this.#at + SEQ);
  }

  get kind(): number {
    return this.#field(KIND);
  }

  get identity(): number {
    return this.#field(IDENTITY);
  }

  /** Pages that it can have; those that are mapped say so. */
  get count(): number {
    return this.#field(COUNT);
  }

  set count(count: number) {
    this.#words[this.#at + COUNT] = count;
  }

  get filePage(): number {
    return this.#field(FILE_PAGE);
  }

  get seed(): number {
    return this.#field(SEED) >>> 0;
  }

  get sizeBytes(): number {
    return this.#field(SIZE);
  }

  /** Index of its shared object, or -1. */
  get object(): number {
    return this.#field(OBJECT) - 1;
  }

  /** The kernel may have several VMAs for it, although all pages have one protection. */
  get split(): boolean {
    return this.#field(SPLIT) !== 0;
  }

  set split(split: boolean) {
    this.#words[this.#at + SPLIT] = split ? 1 : 0;
  }

  /** Number that a page has in the tags of its words: the one that it was born with. */
  tagPage(page: number): number {
    return this.#field(TAG_PAGE) + page;
  }

  /** First address, or the address behind a stack. */
  get base(): number {
    return this.#numbers[this.#baseAt] as number;
  }

  set base(base: number) {
    this.#numbers[this.#baseAt] = base;
  }

  get isStack(): boolean {
    return this.kind === KIND_STACK;
  }

  /** Address of a page. Pages of a stack are numbered downwards. */
  address(page: number): number {
    return this.isStack ? this.base - (page + 1) * 4096 : this.base + page * 4096;
  }

  /** Lowest address that it can reach. */
  get low(): number {
    return this.isStack ? this.base - this.count * 4096 : this.base;
  }

  /** Address behind all of it. */
  get high(): number {
    return this.isStack ? this.base : this.base + this.count * 4096;
  }

  #pageAt(page: number): number {
    return this.#at + REGION_FIELDS + page * 2;
  }

  /** PAGE_* bits of a page. */
  protection(page: number): number {
    return this.#words[this.#pageAt(page)] as number;
  }

  setProtection(page: number, protection: number): void {
    this.#words[this.#pageAt(page)] = protection;
  }

  mapped(page: number): boolean {
    return (this.protection(page) & PAGE_MAPPED) !== 0;
  }

  epoch(page: number): number {
    return Atomics.load(this.#words, this.#pageAt(page) + 1);
  }

  #wordAt(page: number, word: number): number {
    return this.#at + REGION_FIELDS + PAGES * 2 + (page * WORDS + word) * 3;
  }

  /** The content of a page is about to be dropped. */
  beginDrop(page: number): void {
    Atomics.add(this.#words, this.#pageAt(page) + 1, 1);
  }

  /** The content has been dropped, or has not been after all. */
  endDrop(page: number, dropped: boolean): void {
    Atomics.add(this.#words, this.#pageAt(page) + 1, dropped ? 1 : -1);
  }

  /** The least that the counter of a word can be; 0: it may never have been written. */
  least(page: number, word: number): number {
    return Atomics.load(this.#words, this.#wordAt(page, word));
  }

  /** The most that the counter of a word can be. */
  most(page: number, word: number): number {
    return Atomics.load(this.#words, this.#wordAt(page, word) + 1);
  }

  /** Epoch of the page when the word was stored. */
  wordEpoch(page: number, word: number): number {
    return Atomics.load(this.#words, this.#wordAt(page, word) + 2);
  }

  setMost(page: number, word: number, counter: number): void {
    Atomics.store(this.#words, this.#wordAt(page, word) + 1, counter);
  }

  setWord(page: number, word: number, least: number, most: number, epoch: number): void {
    const at = this.#wordAt(page, word);
    Atomics.store(this.#words, at, least);
    Atomics.store(this.#words, at + 1, most);
    Atomics.store(this.#words, at + 2, epoch);
  }

  /** The layout is about to change. */
  beginChange(): void {
    Atomics.add(this.#words, this.#threadSeqAt, 1);
    Atomics.add(this.#words, this.#at + SEQ, 1);
  }

  /** The layout has changed. */
  endChange(): void {
    Atomics.add(this.#words, this.#at + SEQ, 1);
    Atomics.add(this.#words, this.#threadSeqAt, 1);
  }

  /** A copy that was taken in the middle of a change stands still again. */
  settle(): void {
    if (this.seq % 2 !== 0) Atomics.add(this.#words, this.#at + SEQ, 1);
  }

  /** Makes the region, between beginChange and endChange. Nobody uses the old one any more. */
  become(shape: RegionShape, identity: number): void {
    const { kind, base, count, filePage = 0, seed = 0, sizeBytes = 0 } = shape;
    const { object = -1, tagPage = 0 } = shape;
    this.#words.fill(0, this.#at + REGION_FIELDS, this.#at + REGION_WORDS);
    const fields = [kind, identity, count, filePage, seed, sizeBytes, object + 1, 0, tagPage];
    fields.forEach((value, i) => (this.#words[this.#at + KIND + i] = value));
    this.base = base;
    for (let page = 0; page < count; page++) this.setProtection(page, shape.protection);
  }

  /** Gives a page the content that `page` of another region has. */
  inherit(own: number, from: Region, page: number): void {
    const source = from.#pageAt(page);
    const target = this.#pageAt(own);
    this.#words.copyWithin(target, source, source + 2);
    const words = from.#wordAt(page, 0);
    this.#words.copyWithin(this.#wordAt(own, 0), words, words + WORDS * 3);
  }

  /** The region is no more, between beginChange and endChange. */
  vanish(): void {
    this.#words[this.#at + KIND] = KIND_NONE;
  }
}

/** One address space. */
export class Model {
  readonly board: Board;
  readonly index: number;
  readonly regions: readonly Region[];
  readonly #at: number;

  constructor(board: Board, index: number) {
    this.board = board;
    this.index = index;
    this.#at = board.modelAt(index);
    this.regions = Array.from(
      { length: THREADS * REGIONS },
      (_, region) => new Region(board, index, region),
    );
  }

  #threadAt(thread: number): number {
    return this.#at + THREAD_BASE + thread * THREAD_WORDS;
  }

  /** Takes the model for a new address space; false if it is in use. */
  claim(depth: number): boolean {
    const { words } = this.board;
    if (Atomics.compareExchange(words, this.#at + CLAIMED, 0, 1) !== 0) return false;
    words[this.#at + DEPTH] = depth;
    Atomics.store(words, this.#at + USERS, 1);
    Atomics.store(words, this.#at + READY, 0);
    words[this.#at + HOARDING] = 0;
    words[this.#at + MEETING] = 0;
    words[this.#at + TURN] = 0;
    for (let thread = 0; thread < THREADS; thread++) {
      words.fill(0, this.#threadAt(thread), this.#threadAt(thread) + THREAD_WORDS);
    }
    for (const region of this.regions) region.vanish();
    this.setAlive(0, true);
    return true;
  }

  /** Gives the model back. */
  release(): void {
    Atomics.store(this.board.words, this.#at + CLAIMED, 0);
  }

  get claimed(): boolean {
    return Atomics.load(this.board.words, this.#at + CLAIMED) !== 0;
  }

  /** How many forks it is away from a job. */
  get depth(): number {
    return this.board.words[this.#at + DEPTH] as number;
  }

  /** The address space keeps most of the memory. */
  get hoarding(): boolean {
    return this.board.words[this.#at + HOARDING] !== 0;
  }

  set hoarding(hoarding: boolean) {
    if (hoarding === this.hoarding) return;
    this.board.words[this.#at + HOARDING] = hoarding ? 1 : 0;
    if (hoarding) this.board.beginHoard();
    else this.board.endHoard();
  }

  /** A thread begins to use the address space. */
  addUser(): void {
    Atomics.add(this.board.words, this.#at + USERS, 1);
  }

  /** A thread has ended; true for the last one. */
  dropUser(): boolean {
    return Atomics.sub(this.board.words, this.#at + USERS, 1) === 1;
  }

  /** The parent has finished writing: the child may begin. */
  publish(): void {
    Atomics.store(this.board.words, this.#at + READY, 1);
    Atomics.notify(this.board.words, this.#at + READY);
  }

  /**
   * Waits for publish(), which the parent calls right after fork without a kernel call in between.
   */
  awaitReady(): void {
    while (Atomics.load(this.board.words, this.#at + READY) === 0) {
      Atomics.wait(this.board.words, this.#at + READY, 0, 1);
    }
  }

  isAlive(thread: number): boolean {
    return Atomics.load(this.board.words, this.#threadAt(thread) + ALIVE) !== 0;
  }

  setAlive(thread: number, alive: boolean): void {
    Atomics.store(this.board.words, this.#threadAt(thread) + ALIVE, alive ? 1 : 0);
  }

  /** The thread has begun to run. */
  setRunning(thread: number): void {
    Atomics.store(this.board.words, this.#threadAt(thread) + ALIVE, 2);
  }

  /** True if another thread than `me` has begun to run. */
  hasCompany(me: number): boolean {
    return this.othersThan(me).some(
      (thread) => Atomics.load(this.board.words, this.#threadAt(thread) + ALIVE) === 2,
    );
  }

  /** Waits a moment for the meeting to change. */
  awaitMeeting(proposed: number): void {
    Atomics.wait(this.board.words, this.#at + MEETING, proposed, 0.1);
  }

  /** How far two threads that have met and take turns have come. */
  get turn(): number {
    return Atomics.load(this.board.words, this.#at + TURN);
  }

  /** Nobody takes turns. */
  resetTurns(): void {
    Atomics.store(this.board.words, this.#at + TURN, 0);
  }

  /** The other thread's turn; nothing happens if that is not waiting for it any more. */
  passTurn(from: number, to: number): void {
    Atomics.compareExchange(this.board.words, this.#at + TURN, from, to);
    Atomics.notify(this.board.words, this.#at + TURN);
  }

  /** Waits a moment for the turn to pass. */
  awaitTurn(turn: number): void {
    Atomics.wait(this.board.words, this.#at + TURN, turn, 0.1);
  }

  /** Threads that run, besides `me`. */
  othersThan(me: number): number[] {
    return Array.from({ length: THREADS }, (_, thread) => thread).filter(
      (thread) => thread !== me && this.isAlive(thread),
    );
  }

  /**
   * What a thread proposes to do together: a positive number; negative once another has joined; 0:
   * nothing.
   */
  get meeting(): number {
    return Atomics.load(this.board.words, this.#at + MEETING);
  }

  /** Changes the meeting from one value to another; false if it was not that one any more. */
  changeMeeting(from: number, to: number): boolean {
    const changed =
      Atomics.compareExchange(this.board.words, this.#at + MEETING, from, to) === from;
    if (changed) Atomics.notify(this.board.words, this.#at + MEETING);
    return changed;
  }

  /** Even while the part of a thread stands still. */
  threadSeq(thread: number): number {
    return Atomics.load(this.board.words, this.#threadAt(thread) + THREAD_SEQ);
  }

  /** Fork could not follow what a thread of the parent did: the child unmaps that part. */
  markMoved(thread: number): void {
    this.board.words[this.#threadAt(thread) + MOVED] = 1;
  }

  /** See markMoved. */
  hasMoved(thread: number): boolean {
    return this.board.words[this.#threadAt(thread) + MOVED] !== 0;
  }

  /** Announces that `thread` uses a region of somebody else. */
  setHazard(thread: number, region: Region): void {
    const at = this.board.modelNumbersAt(this.index) + THREADS * REGIONS + thread * 2;
    this.board.numbers[at] = region.low;
    this.board.numbers[at + 1] = region.high;
    Atomics.store(this.board.words, this.#threadAt(thread) + HAZARD, region.index + 1);
  }

  clearHazard(thread: number): void {
    Atomics.store(this.board.words, this.#threadAt(thread) + HAZARD, 0);
  }

  /** True if another thread may still use addresses of [low, high), or this entry of the model. */
  hazardous(me: number, low: number, high: number, entry: number): boolean {
    return this.othersThan(me).some((thread) => {
      const used = Atomics.load(this.board.words, this.#threadAt(thread) + HAZARD);
      if (used === 0) return false;
      const at = this.board.modelNumbersAt(this.index) + THREADS * REGIONS + thread * 2;
      const from = this.board.numbers[at] as number;
      const to = this.board.numbers[at + 1] as number;
      return used === entry + 1 || (low < to && from < high);
    });
  }

  /** Copies all regions of `parent`, whatever they are doing. */
  copyRegions(parent: Model): void {
    const { words, numbers } = this.board;
    const from = parent.board.modelAt(parent.index);
    words.copyWithin(this.#at + MODEL_HEAD, from + MODEL_HEAD, from + MODEL_WORDS);
    const source = parent.board.modelNumbersAt(parent.index);
    const target = this.board.modelNumbersAt(this.index);
    numbers.copyWithin(target, source, source + MODEL_FLOATS);
  }
}
