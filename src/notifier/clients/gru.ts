// GRU: an accelerator with a TLB of its own. What it does not find there is a miss, which some CPU resolves by writing an
// entry (a drop-in): the CPU that waits for the result, or another one that serves misses. Linux:
// drivers/misc/sgi-gru/grutlbpurge.c and grufault.c of 2.6.27.
//
//   drop-in                                    invalidation of a range
//   g := what the hardware has seen so far     range_active + 1
//   range_active != 0: wait on the queue       contexts at work: the hardware drops entries, and notes it (gen)
//   page := get_user_pages                     none at work: asid := 0, a new one at the next use
//   the hardware writes the entry,             end: range_active - 1, wake the queue
//     unless it has dropped entries since g
//
// That last look is the hardware's: it is why no lock holds lookup and drop-in together. Entries are found by
// slot and have a tag, asid and page: an asid that is not used again is a flush of everything that costs nothing. What
// such an entry names may be free long since, so nothing is said about its page when it goes: a page that could be
// written was marked in its PTE by get_user_pages.
// Left out: several accelerators, contexts that are taken away from their owner.

import { SPTE_SHIFT, SPTE_WRITE } from "../../layout/structs.gen.ts";
import { defineNotifierClient, entryFor, type Self } from "../client.ts";
import { atomic, entries, spinlock, u32, waitQueue, words } from "../state.ts";

const PAGES = 1024;
const SLOTS = 16;
/** Bits of a tag for the page. */
const PAGE_BITS = 11;

const state = {
  /** Guards asid and active: the lock of the context. */
  contextLock: spinlock(),
  /** Number of the address space in the TLB; 0: the next use takes a new one. */
  asid: u32(),
  /** The last asid that was given out. */
  lastAsid: u32(),
  /** Accesses that are under way. */
  active: u32(),
  /** Ranges that are being invalidated. */
  rangeActive: atomic(),
  /** Who waits until none is. */
  queue: waitQueue(),
  released: atomic(),
  /** The hardware does one thing at a time. */
  hardware: spinlock(),
  /** Times that the hardware has dropped entries. */
  gen: atomic(),
  /** A miss that nobody has resolved: page + 1, and 65536 if it is for writing; or 0. */
  miss: atomic(),
  tag: words(SLOTS),
  tlb: entries(SLOTS),
};

type Gru = Self<typeof state>;
const WRITE_MISS = 65_536;

/** Begins an access: the asid that it uses. */
function loadContext(gru: Gru): number {
  gru.contextLock.lock();
  gru.active++;
  if (gru.asid === 0) gru.asid = ++gru.lastAsid;
  const { asid } = gru;
  gru.contextLock.unlock();
  return asid;
}

function unloadContext(gru: Gru): void {
  gru.contextLock.lock();
  gru.active--;
  gru.contextLock.unlock();
}

/** The hardware drops the entries of pages from `first` to `last`; true if there was one. */
function dropEntries(gru: Gru, first: number, last: number): boolean {
  let found = false;
  gru.hardware.lock();
  gru.gen.add(1);
  for (let slot = 0; slot < SLOTS; slot++) {
    const page = (gru.tag.get(slot) & ((1 << PAGE_BITS) - 1)) - 1;
    if (page < first || page > last || gru.tlb.get(slot) === 0) continue;
    gru.tlb.set(slot, 0);
    found = true;
  }
  gru.hardware.unlock();
  return found;
}

/** gru_flush_tlb_range. */
function flushRange(gru: Gru, first: number, last: number): void {
  gru.contextLock.lock();
  const idle = gru.active === 0;
  if (idle) {
    gru.asid = 0;
    // A drop-in that is under way has the old asid in its tag.
    gru.gen.add(1);
  }
  gru.contextLock.unlock();
  if (!idle && dropEntries(gru, first, last)) gru.flush();
}

type Outcome = "done" | "refused" | "active" | "busy";

/** gru_try_dropin; mmap_sem is held for reading. */
function dropIn(gru: Gru, asid: number, index: number, write: boolean): Outcome {
  const gen = gru.gen.get();
  if (gru.released.get() !== 0) return "refused";
  if (gru.rangeActive.get() !== 0) return "active";
  const page = gru.getUserPage(gru.addressOf(index), write);
  if (page === undefined) return "refused";
  gru.hardware.lock();
  // Ignored by the hardware, when it has dropped entries since.
  if (gru.gen.get() === gen) {
    const slot = index % SLOTS;
    gru.tlb.set(slot, 0);
    gru.tag.set(slot, tagOf(asid, index));
    gru.tlb.set(slot, entryFor(page, write));
  }
  gru.hardware.unlock();
  gru.putPage(page);
  return "done";
}

const tagOf = (asid: number, index: number): number => ((asid << PAGE_BITS) | (index + 1)) >>> 0;

/** The user waits for its access, and resolves the miss itself: gru_user_dropin. False: it may not be. */
function resolve(gru: Gru, asid: number, index: number, write: boolean): boolean {
  gru.miss.replace(0, index + 1 + (write ? WRITE_MISS : 0));
  const outcome = gru.withUser(() => gru.withMmapSem(() => dropIn(gru, asid, index, write)));
  if (outcome === undefined || outcome === "refused") return false;
  if (outcome === "active") {
    const count = gru.rangeActive.get();
    if (count !== 0) gru.queue.sleepWhile(gru.rangeActive.address, count);
  }
  return true;
}

export const gru = defineNotifierClient({
  name: "gru",
  title: "an accelerator with a TLB of its own",
  state,
  maxPages: PAGES,

  invalidatePage(self, address) {
    const index = self.indexOf(address);
    if (index >= 0) flushRange(self, index, index);
  },

  rangeStart(self, start, end) {
    const { first, last } = self.overlap(start, end);
    self.rangeActive.add(1);
    if (first <= last) flushRange(self, first, last);
  },

  rangeEnd(self) {
    self.rangeActive.add(-1);
    self.queue.wake();
  },

  clearFlushYoung(self, address) {
    const index = self.indexOf(address);
    if (index < 0) return false;
    self.hardware.lock();
    const slot = index % SLOTS;
    const mine = (self.tag.get(slot) & ((1 << PAGE_BITS) - 1)) === index + 1;
    const young = mine && self.tlb.clearYoung(slot);
    self.hardware.unlock();
    return young;
  },

  release(self) {
    if (self.released.get() === 0) self.released.add(1);
    flushRange(self, 0, self.pages - 1);
    self.queue.wake();
  },

  access(self, address, write, perform) {
    const index = self.indexOf(address);
    if (index < 0) return false;
    const slot = index % SLOTS;
    for (;;) {
      const asid = loadContext(self);
      const done = perform(self.tlb.at(slot), { at: self.tag.at(slot), value: tagOf(asid, index) });
      unloadContext(self);
      if (done) return true;
      if (!resolve(self, asid, index, write)) return false;
    }
  },

  serve(self) {
    const miss = self.miss.get();
    if (miss === 0) return false;
    self.contextLock.lock();
    const { asid } = self;
    self.contextLock.unlock();
    if (asid === 0 || !self.miss.replace(miss, 0)) return false;
    const write = miss >= WRITE_MISS;
    const index = (miss % WRITE_MISS) - 1;
    // An interrupt must not wait: what is busy is left to the user.
    const outcome = self.withUser(() => self.tryMmapSem(() => dropIn(self, asid, index, write)));
    return outcome === "done";
  },

  underWay: (self) => self.rangeActive.get(),

  *translations(self) {
    for (let slot = 0; slot < SLOTS; slot++) {
      const entry = self.tlb.get(slot);
      const tag = self.tag.get(slot);
      if (entry === 0 || self.asid === 0 || tag >>> PAGE_BITS !== self.asid) continue;
      const index = (tag & ((1 << PAGE_BITS) - 1)) - 1;
      const writable = (entry & SPTE_WRITE) !== 0;
      yield { address: self.addressOf(index), pfn: entry >>> SPTE_SHIFT, writable };
    }
  },
});
