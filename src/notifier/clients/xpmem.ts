// XPMEM: a process lends a window to other partitions of the machine, whose CPUs map its pages by frame number. An
// invalidation is a message to each partition that is in the middle of an access, and a wait for its answer: the
// methods sleep. Linux: never merged; as Robin Holt described it in the thread of 2008.
//
//   a partition (one CPU)          invalidation
//   0 ─> 1  access begins          entries go, under the lock
//   the access                     1 ─> 2  message to who is inside
//   1 ─> 0  it has ended           sleeps until it is 0
//   2 ─> 0  answers, wakes
//
// A partition that is not inside an access has nothing to answer: its entries are gone. So one that waits for
// mmap_sem, which the invalidation may hold, answers at once. Faults are as in kvm.ts. What maps is no thread of
// the process, so a fault makes it a user of the address space first; it is a page fault of a process of its own, whose
// mmap_sem is held as well, where patch 12 says in which order. Left out: permits, segments of many windows.

import { NR_CPUS, SPTE_SHIFT, SPTE_WRITE } from "../../layout/structs.gen.ts";
import { defineNotifierClient, entryFor, type Self } from "../client.ts";
import { atomic, atomics, entries, spinlock, waitQueue, type AtomicField } from "../state.ts";

const PAGES = 512;
const OUTSIDE = 0;
const INSIDE = 1;
const ASKED = 2;

const state = {
  /** Guards entries, seq and count. */
  lock: spinlock(),
  /** Invalidations that have come to their end. */
  seq: atomic(),
  /** Ranges that are being invalidated. */
  count: atomic(),
  released: atomic(),
  /** Invalidations that wait for answers. */
  queue: waitQueue(),
  /** What the partitions have mapped. */
  remote: entries(PAGES),
  /** Where the partition of each CPU stands: OUTSIDE, INSIDE or ASKED. */
  partitions: atomics(NR_CPUS),
};

type Xpmem = Self<typeof state>;

const partition = (xpmem: Xpmem, cpu: number): AtomicField => xpmem.partitions[cpu] as AtomicField;

/** Asks every partition that is inside an access to leave it, and waits until it has. Sleeps. */
function recall(xpmem: Xpmem): void {
  for (let cpu = 0; cpu < xpmem.cpus; cpu++) {
    const other = partition(xpmem, cpu);
    if (cpu === xpmem.cpu || other.get() === OUTSIDE) continue;
    other.replace(INSIDE, ASKED);
    while (other.get() === ASKED) xpmem.queue.sleepWhile(other.address, ASKED);
  }
}

/** Entries from `first` to `last` go; `change` is what counts it. Sleeps. */
function invalidate(xpmem: Xpmem, first: number, last: number, change: () => void): void {
  xpmem.mightSleep();
  let found = false;
  xpmem.lock.lock();
  change();
  for (let i = first; i <= last; i++) {
    if (xpmem.remote.get(i) === 0) continue;
    xpmem.remote.clear(i);
    found = true;
  }
  xpmem.lock.unlock();
  if (found) recall(xpmem);
}

/** Does `body` as the partition of this CPU. */
function inside<T>(xpmem: Xpmem, body: () => T): T {
  const mine = partition(xpmem, xpmem.cpu);
  mine.replace(OUTSIDE, INSIDE);
  const result = body();
  if (!mine.replace(INSIDE, OUTSIDE)) {
    mine.replace(ASKED, OUTSIDE);
    xpmem.queue.wake();
  }
  return result;
}

type Outcome = "mapped" | "refused" | "retry";

/** One try to map the page at `address`; mmap_sem is held for reading. */
function tryToMap(xpmem: Xpmem, address: number, write: boolean): Outcome {
  const seq = xpmem.seq.get();
  const page = xpmem.getUserPage(address, write);
  if (page === undefined) return "refused";
  xpmem.lock.lock();
  const gone = xpmem.released.get() !== 0;
  const retry = xpmem.count.get() !== 0 || xpmem.seq.get() !== seq;
  const index = xpmem.indexOf(address);
  const writable = (xpmem.remote.get(index) & SPTE_WRITE) !== 0;
  if (!gone && !retry && !writable) xpmem.remote.set(index, entryFor(page, write));
  xpmem.lock.unlock();
  xpmem.putPage(page);
  if (gone) return "refused";
  return retry ? "retry" : "mapped";
}

/** Maps the page at `address`; false when the process may not access it so, or has gone. */
function fault(xpmem: Xpmem, address: number, write: boolean): boolean {
  for (;;) {
    if (xpmem.released.get() !== 0) return false;
    const outcome = xpmem.withUser(() =>
      xpmem.withBothMmapSems(() => tryToMap(xpmem, address, write)),
    );
    if (outcome !== "retry") return outcome === "mapped";
    const count = xpmem.count.get();
    if (count !== 0) xpmem.spinWhile(xpmem.count.address, count);
  }
}

export const xpmem = defineNotifierClient({
  name: "xpmem",
  title: "a window lent to other partitions, which answer messages",
  state,
  maxPages: PAGES,
  sleeps: true,

  invalidatePage(self, address) {
    const index = self.indexOf(address);
    invalidate(self, Math.max(index, 0), index, () => {
      self.seq.add(1);
    });
  },

  rangeStart(self, start, end) {
    const { first, last } = self.overlap(start, end);
    invalidate(self, first, last, () => {
      self.count.add(1);
    });
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
    const young = self.remote.clearYoung(index);
    self.lock.unlock();
    return young;
  },

  release(self) {
    invalidate(self, 0, self.pages - 1, () => {
      if (self.released.get() === 0) self.released.add(1);
    });
  },

  access(self, address, write, perform) {
    const index = self.indexOf(address);
    if (index < 0) return false;
    const entry = self.remote.at(index);
    while (!inside(self, () => perform(entry))) if (!fault(self, address, write)) return false;
    return true;
  },

  underWay: (self) => self.count.get(),

  *translations(self) {
    for (let i = 0; i < self.pages; i++) {
      const entry = self.remote.get(i);
      if (entry === 0) continue;
      const writable = (entry & SPTE_WRITE) !== 0;
      yield { address: self.addressOf(i), pfn: entry >>> SPTE_SHIFT, writable };
    }
  },
});
