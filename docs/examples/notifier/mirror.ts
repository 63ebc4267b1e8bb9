// A client of MMU notifiers to begin with: a table with an entry for each page of the window, under one lock. It is right
// as it stands; docs/writing-a-notifier.md says what each part is for.

import { atomic, defineNotifierClient, entries, entryFor, spinlock } from "racier";
import type { Self } from "racier";

const PAGES = 64;

const state = {
  /** Guards the entries, seq and count. */
  lock: spinlock(),
  /** Invalidations that have come to their end. */
  seq: atomic(),
  /** Ranges that are being invalidated. */
  count: atomic(),
  /** The process has gone. */
  released: atomic(),
  entry: entries(PAGES),
};

type Mirror = Self<typeof state>;

/** Drops the entries from `first` to `last`, and says so by `change`, in one step. */
function drop(self: Mirror, first: number, last: number, change: () => void): void {
  let found = false;
  self.lock.lock();
  change();
  for (let i = first; i <= last; i++) {
    if (self.entry.get(i) === 0) continue;
    self.entry.clear(i);
    found = true;
  }
  self.lock.unlock();
  // No access that has seen an entry is under way when this returns.
  if (found) self.flush();
}

/** One try to make an entry; true when the access can be tried again, undefined when it is refused. */
function tryToMap(self: Mirror, address: number, write: boolean): true | undefined {
  const seq = self.seq.get();
  const page = self.getUserPage(address, write);
  if (page === undefined) return undefined;
  self.lock.lock();
  const gone = self.released.get() !== 0;
  const changed = self.count.get() !== 0 || self.seq.get() !== seq;
  if (!gone && !changed) self.entry.set(self.indexOf(address), entryFor(page, write));
  self.lock.unlock();
  self.putPage(page);
  return gone ? undefined : true;
}

export default defineNotifierClient({
  name: "mirror",
  title: "a table of entries under one lock",
  state,
  maxPages: PAGES,
  table: "entry",

  invalidatePage(self, address) {
    const index = self.indexOf(address);
    drop(self, Math.max(index, 0), index, () => self.seq.add(1));
  },

  rangeStart(self, start, end) {
    const { first, last } = self.overlap(start, end);
    drop(self, first, last, () => self.count.add(1));
  },

  rangeEnd(self) {
    self.lock.lock();
    self.seq.add(1);
    self.count.add(-1);
    self.lock.unlock();
  },

  clearFlushYoung(self, address) {
    const index = self.indexOf(address);
    if (index < 0) return false;
    self.lock.lock();
    const young = self.entry.clearYoung(index);
    self.lock.unlock();
    return young;
  },

  release(self) {
    drop(self, 0, self.pages - 1, () => self.released.add(1));
  },

  access(self, address, write, perform) {
    const index = self.indexOf(address);
    if (index < 0) return false;
    while (!perform(self.entry.at(index))) {
      const mapped = self.withUser(() => self.withMmapSem(() => tryToMap(self, address, write)));
      if (mapped === undefined) return false;
      const count = self.count.get();
      if (count !== 0) self.spinWhile(self.count.address, count);
    }
    return true;
  },

  underWay: (self) => self.count.get(),

  *translations(self) {
    for (let i = 0; i < self.pages; i++) {
      const entry = self.entry.get(i);
      if (entry === 0) continue;
      yield { address: self.addressOf(i), pfn: entry >>> 4, writable: (entry & 2) !== 0 };
    }
  },
});
