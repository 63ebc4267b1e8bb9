// Memory that address spaces share on purpose: the shared files of the run, and shared anonymous
// memory. Each CPU stores only to words of its own, so that each word has one writer; every CPU
// loads all.

import { Board, OBJECTS, OBJECT_WORDS, PAGES, WORDS, type StressFile } from "./board.ts";

const IDENTITY = 0;
const REFERENCES = 1;
const SIZE = 2;
const SEED = 3;
const HEAD = 4;

/** One shared object. */
export class SharedObject {
  readonly index: number;
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(board: Board, index: number) {
    this.index = index;
    this.#words = board.words;
    this.#at = board.objectAt(index);
  }

  get identity(): number {
    return this.#words[this.#at + IDENTITY] as number;
  }

  get sizeBytes(): number {
    return this.#words[this.#at + SIZE] as number;
  }

  get seed(): number {
    return (this.#words[this.#at + SEED] as number) >>> 0;
  }

  /** One mapping more. */
  addReference(): void {
    Atomics.add(this.#words, this.#at + REFERENCES, 1);
  }

  /** One mapping less; the object is free after the last. */
  dropReference(): void {
    Atomics.sub(this.#words, this.#at + REFERENCES, 1);
  }

  /** Takes a free object for memory of `sizeBytes`; false if it is in use. */
  claim(identity: number, sizeBytes: number, seed: number): boolean {
    if (Atomics.compareExchange(this.#words, this.#at + REFERENCES, 0, 1) !== 0) return false;
    this.#words.fill(0, this.#at + HEAD, this.#at + OBJECT_WORDS);
    this.#words[this.#at + IDENTITY] = identity;
    this.#words[this.#at + SIZE] = sizeBytes;
    this.#words[this.#at + SEED] = seed;
    return true;
  }

  #wordAt(page: number, word: number): number {
    return this.#at + HEAD + (page * WORDS + word) * 2;
  }

  /** Counter of a word that has certainly been stored. */
  stored(page: number, word: number): number {
    return Atomics.load(this.#words, this.#wordAt(page, word));
  }

  /** Counter of a word that may have been stored. */
  intended(page: number, word: number): number {
    return Atomics.load(this.#words, this.#wordAt(page, word) + 1);
  }

  /** The next store of a word will carry `counter`. */
  intend(page: number, word: number, counter: number): void {
    Atomics.store(this.#words, this.#wordAt(page, word) + 1, counter);
  }

  /** The word holds `counter`. */
  confirm(page: number, word: number, counter: number): void {
    Atomics.store(this.#words, this.#wordAt(page, word), counter);
  }

  /** Pages of it, at most PAGES. */
  get pages(): number {
    return Math.min(PAGES, Math.ceil(this.sizeBytes / 4096));
  }
}

/** All shared objects of a run; the first ones are its shared files. */
export function sharedObjects(board: Board): SharedObject[] {
  return Array.from({ length: OBJECTS }, (_, index) => new SharedObject(board, index));
}

/** Enters the shared files of a run, which nobody ever drops. */
export function enterFiles(board: Board, files: readonly StressFile[]): void {
  const objects = sharedObjects(board);
  files.forEach((file, index) => {
    objects[index]?.claim(board.nextIdentity(), file.sizeBytes, file.seed);
  });
}
