// One region of an address space, as the model has it: its pages and their words. The words lie on
// the board. Who writes what is said in model.ts.

import {
  CHANGE_OVER,
  MODEL_HEAD,
  PAGES,
  REGIONS,
  REGION_FIELDS,
  REGION_WORDS,
  THREAD_SEQ,
  WORDS,
  type Board,
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
    this.#threadSeqAt = board.threadAt(model, this.thread) + THREAD_SEQ;
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
    Atomics.add(this.#words, this.#threadSeqAt, CHANGE_OVER - 1);
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
