// ftruncate, against faults, writeback and reclaim. Two kinds of files: one that this operation makes, maps and
// follows word by word; and the cut files of the run, which everybody maps, stores to and cuts to any length at any
// time. What a word of those may hold does not depend on who was faster: what the file was made of, zero, or what
// every store of that word writes. So a word from anywhere else is found.

import type { Actor } from "./actor.ts";
import type { StressFile } from "./board.ts";

const PAGE = 4096;
const WORDS = PAGE / 4;
/** Pages of a file of one's own. */
const MOST_PAGES = 24;
/** Steps with one file. */
const STEPS = 14;

/** What every store of a word of a cut file writes. */
const markOf = (page: number, word: number): number => 0x7a00_0000 + page * WORDS + word;

/** Reclaims the page at an address, if it lies on a list of the LRU; others do the same at any time. */
function evict(actor: Actor, address: number): void {
  const { k } = actor.task.cpu;
  const page = k.follow_page(address);
  if (page !== 0) k.shrink_page(page);
}

/** A file that nobody else knows: its length, and what was stored. */
class OwnFile {
  readonly #actor: Actor;
  readonly #seed: number;
  readonly #handle: number;
  readonly #base: number;
  readonly #pages: number;
  readonly #stored = new Map<number, number>();
  #length: number;
  #seedEnd: number;

  constructor(actor: Actor, handle: number, base: number, pages: number, seed: number) {
    this.#actor = actor;
    this.#handle = handle;
    this.#base = base;
    this.#pages = pages;
    this.#seed = seed;
    this.#length = pages * PAGE;
    this.#seedEnd = this.#length;
  }

  #expected(index: number): number {
    const { k } = this.#actor.task.cpu;
    const stored = this.#stored.get(index);
    if (stored !== undefined) return stored;
    if (index * 4 >= this.#seedEnd) return 0;
    return k.seed_word(this.#seed, Math.floor(index / WORDS), index % WORDS) >>> 0;
  }

  /** Any word, behind the end too. */
  access(): void {
    const { random, task } = this.#actor;
    const index = random.below(this.#pages * WORDS);
    const address = this.#base + index * 4;
    const ok = index * 4 < Math.ceil(this.#length / PAGE) * PAGE;
    const write = index * 4 < this.#length && random.chance(50);
    const value = random.bits();
    let found = 0;
    const signal = this.#actor.attempt(() => {
      if (write) task.store32(address, value);
      else found = task.load32(address);
    });
    const what = `word ${index} of a file of ${this.#length} bytes`;
    if (signal !== (ok ? undefined : "SIGBUS")) {
      this.#actor.fail("ACCESS", what, ok ? "ok" : "SIGBUS", signal ?? "ok");
    }
    if (!ok) return;
    if (write) {
      this.#stored.set(index, value >>> 0);
    } else if (found !== this.#expected(index)) {
      this.#actor.fail("CONTENT", what, this.#expected(index).toString(16), found.toString(16));
    }
  }

  /** Another length: what is cut off reads as zeros when it comes back. */
  cut(): void {
    const { random, task } = this.#actor;
    const length = random.below(this.#pages * WORDS + 1) * 4;
    this.#actor.count("ftruncate");
    task.ftruncate(this.#handle, length);
    for (const index of [...this.#stored.keys()]) {
      if (index * 4 >= length) this.#stored.delete(index);
    }
    this.#length = length;
    this.#seedEnd = Math.min(this.#seedEnd, length);
  }

  evict(): void {
    evict(this.#actor, this.#base + this.#actor.random.below(this.#pages) * PAGE);
  }
}

/** Makes a file and maps it; undefined when there was no memory for it. */
function openOwn(actor: Actor): { file: OwnFile; close: () => void } | undefined {
  const { random, task } = actor;
  const pages = random.between(1, MOST_PAGES);
  const seed = random.bits();
  let handle = 0;
  let base = 0;
  const sizeBytes = pages * PAGE;
  const refused = actor.request("createFile", [], () => {
    handle = task.createFile({ sizeBytes, seed });
  });
  if (refused !== undefined) return undefined;
  const options = { length: sizeBytes, read: true, write: true, shared: true, file: handle };
  const unmapped = actor.request("mmap", [], () => {
    base = task.mmap(options);
  });
  if (unmapped !== undefined) {
    task.closeFile(handle);
    return undefined;
  }
  const close = (): void => {
    task.closeFile(handle);
    actor.request("munmap", [], () => {
      task.munmap(base, sizeBytes);
    });
  };
  return { file: new OwnFile(actor, handle, base, pages, seed), close };
}

function useOwn(actor: Actor): void {
  const own = openOwn(actor);
  if (own === undefined) return;
  try {
    for (let step = actor.random.between(3, STEPS); step > 0; step--) {
      const choice = actor.random.below(10);
      if (choice < 2) own.file.cut();
      else if (choice < 4) own.file.evict();
      else own.file.access();
    }
  } finally {
    own.close();
  }
}

/** One word of a cut file: whoever cuts it meanwhile. */
function useCutWord(actor: Actor, file: StressFile, base: number): void {
  const { random, task } = actor;
  const page = random.below(Math.ceil(file.sizeBytes / PAGE));
  const word = random.below(WORDS);
  const address = base + page * PAGE + word * 4;
  const mark = markOf(page, word);
  let found = mark;
  const write = random.chance(50);
  const signal = actor.attempt(() => {
    if (write) task.store32(address, mark);
    else found = task.load32(address);
  });
  const what = `word ${word} of page ${page} of a cut file`;
  if (signal === "SIGSEGV") actor.fail("ACCESS", what, "ok or SIGBUS", signal);
  if (signal !== undefined || write || found === mark || found === 0) return;
  const made = task.cpu.k.seed_word(file.seed, page, word) >>> 0;
  if (found === made) return;
  const expected = `0, ${mark.toString(16)} or ${made.toString(16)}`;
  actor.fail("CONTENT", what, expected, found.toString(16));
}

/** Maps a file that others cut, and uses and cuts it. */
function useCut(actor: Actor): void {
  const { random, task } = actor;
  const file = random.pick(actor.order.cutFiles);
  const length = Math.ceil(file.sizeBytes / PAGE) * PAGE;
  let base = 0;
  const options = { length, read: true, write: true, shared: random.chance(70), file: file.handle };
  const refused = actor.request("mmap", [], () => {
    base = task.mmap(options);
  });
  if (refused !== undefined) return;
  try {
    for (let step = random.between(3, STEPS); step > 0; step--) {
      const choice = random.below(10);
      if (choice < 7) {
        useCutWord(actor, file, base);
      } else if (choice < 9) {
        evict(actor, base + random.below(length / PAGE) * PAGE);
      } else {
        actor.count("ftruncate");
        task.ftruncate(file.handle, random.below(file.sizeBytes / 4 + 1) * 4);
      }
    }
  } finally {
    actor.request("munmap", [], () => {
      task.munmap(base, length);
    });
  }
}

/** Files and their lengths. Only alone: where a file is mapped is the kernel's choice. */
export function opTruncate(actor: Actor): void {
  if (!actor.alone || actor.thread !== 0) return;
  if (actor.random.chance(50)) useOwn(actor);
  else useCut(actor);
}
