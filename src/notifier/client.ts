// A client of MMU notifiers: a secondary MMU, as its author writes it. One object, the same for ours and for those of
// users; loaded on every CPU. See docs/writing-a-notifier.md.

import type { StateFields, StateOf } from "./state.ts";

/** What a client has of one registration: its state, the window that it maps, and the kernel's help. */
export interface Secondary {
  /** Address space that it follows. */
  readonly mm: number;
  /** First address of the window. */
  readonly start: number;
  /** Pages of the window. */
  readonly pages: number;
  /** CPU that asks. */
  readonly cpu: number;
  /** CPUs of the machine. */
  readonly cpus: number;
  /** True unless this machine does without a measure (src/scenario/switches.ts). */
  has(fix: number): boolean;
  /** The page of the window that `address` lies in, from 0; -1 if it lies in none. */
  indexOf(address: number): number;
  /** First and last page of the window in [from, to); first > last if there is none. */
  overlap(from: number, to: number): { readonly first: number; readonly last: number };
  /** Address of a page of the window. */
  addressOf(index: number): number;
  /** Does `body` while mmap_sem is held for reading. Sleeps. */
  withMmapSem<T>(body: () => T): T;
  /** Does `body` while mmap_sem is held for reading, if that can be had at once; else undefined. */
  tryMmapSem<T>(body: () => T): T | undefined;
  /**
   * Does `body` while mmap_sem of the followed address space is held for reading, and that of the process that asks, the
   * one at the lower address first. A kernel without patch 12 holds the first alone. Sleeps.
   */
  withBothMmapSems<T>(body: () => T): T;
  /** Does `body` as a user of the address space, for who is no thread of it; undefined: it has gone. Sleeps. */
  withUser<T>(body: () => T): T | undefined;
  /**
   * The frame behind an address, after whatever faults that takes, with a reference; undefined: the address cannot be
   * accessed. mmap_sem is held.
   */
  getUserPage(address: number, write: boolean): UserPage | undefined;
  /** Drops the reference of getUserPage(). */
  putPage(page: UserPage): void;
  /**
   * Takes the pages from `from` to `to` away from the process, as madvise(DONTNEED) does; mmap_sem is held. Throws
   * ConfigError on a kernel without patch 11.
   */
  zapPages(from: number, to: number): void;
  /** Returns when no CPU is in the middle of an access that began before: entries that were cleared are unused. */
  flush(): void;
  /** One turn of a spin: the word of an atomic field is no longer `seen`, or a while has passed. */
  spinWhile(address: number, seen: number): void;
  /** A method that sleeps here: stops the machine where it must not. */
  mightSleep(): void;
}

/** What the hardware compares before it uses an entry: a word of the state, and what it must hold. */
export interface Tag {
  readonly at: number;
  readonly value: number;
}

/**
 * The access itself, by the hardware: through an entry of the state, by its address. False if the entry does not allow it,
 * or has another tag.
 */
export type Perform = (entry: number, tag?: Tag) => boolean;

/** A page that getUserPage() gave. */
export interface UserPage {
  /** The struct page. */
  readonly page: number;
  readonly pfn: number;
}

/** An entry for a frame: readable, or writable too. */
export const entryFor = ({ pfn }: UserPage, write: boolean): number =>
  ((pfn << 4) | (write ? 3 : 1)) >>> 0;

/** What a client can reach at this moment: for the oracle. */
export interface Translation {
  readonly address: number;
  readonly pfn: number;
  readonly writable: boolean;
}

/** What of a registration a client's own functions are given. */
export type Self<L extends StateFields> = Secondary & StateOf<L>;

/** A client. Methods run in the middle of the kernel, under the locks of docs/notifiers.md. */
export interface NotifierClient<L extends StateFields = StateFields> {
  readonly name: string;
  /** What it is, in one line. */
  readonly title: string;
  readonly state: L;
  /** Most pages that a window may have. */
  readonly maxPages: number;
  /**
   * The field with an entry for each page of the window, in order, that the hardware walks by itself: `access` is
   * called only if that entry does not allow it. @defaultValue none: `access` finds the entry, each time
   */
  readonly table?: string;
  /** A method may sleep: the kernel must allow it. @defaultValue false */
  readonly sleeps?: boolean;
  /** A PTE was cleared; its page is there until this returns. */
  invalidatePage(self: Self<L>, address: number): void;
  /** PTEs of [start, end) are about to change; until rangeEnd no entry may be made for them. */
  rangeStart(self: Self<L>, start: number, end: number): void;
  /** They have changed, and their pages may be gone. */
  rangeEnd(self: Self<L>, start: number, end: number): void;
  /** Whether the page was used since somebody asked last. */
  clearFlushYoung(self: Self<L>, address: number): boolean;
  /** The address space goes: no access when this has returned. */
  release(self: Self<L>): void;
  /**
   * An access of the secondary MMU, outside of the kernel: finds the entry for an address and does the access through it,
   * after whatever faults that takes. False: the primary does not allow it, or is gone.
   */
  access(self: Self<L>, address: number, write: boolean, perform: Perform): boolean;
  /** Work that another CPU can do for it, outside of the kernel; true if there was some. @defaultValue none */
  serve?(self: Self<L>): boolean;
  /** Ranges that have begun and not ended; nobody is in the kernel. */
  underWay(self: Self<L>): number;
  /** What it has counted so far, by name, for reports; only read. @defaultValue nothing */
  counts?(self: Self<L>): Readonly<Record<string, number>>;
  /** Everything that an access could reach now; nobody is in the kernel. */
  translations(self: Self<L>): Iterable<Translation>;
}

/** Gives a client its types. */
export const defineNotifierClient = <L extends StateFields>(
  client: NotifierClient<L> & { readonly table?: keyof L & string },
): NotifierClient => client;
