// KVM: a guest's memory is a window of the process, and the guest reaches it through shadow page tables, never
// through the own page tables of the process. Linux: virt/kvm/kvm_main.c of 2.6.27.
//
//   guest fault                       invalidation
//   s := seq                          lock mmu_lock
//   page := get_user_pages            seq + 1, or for a range count + 1
//   lock mmu_lock                     sptes go
//   count != 0, or seq != s: again    unlock; no CPU is left in the middle of an access
//   spte := page
//   unlock, put_page                  end of a range: lock, seq + 1, then count - 1, unlock
//
// count: an invalidation is under way. seq: one has come to its end since s. The guest holds no reference to what
// it maps. Left out: large pages, the page tables of the guest itself (its addresses are those of the window).

import {
  FIX_RETRY_COUNT,
  FIX_RETRY_LOCKED,
  FIX_RETRY_SEQ,
  FIX_SEQ_LOCKED,
  SPTE_SHIFT,
  SPTE_WRITE,
} from "../../layout/structs.gen.ts";
import { defineNotifierClient, entryFor, type Self } from "../client.ts";
import { atomic, entries, spinlock, u32 } from "../state.ts";

const PAGES = 1024;

const state = {
  /** Guards sptes, seq, count, and what is counted. */
  mmuLock: spinlock(),
  /** mmu_notifier_seq. */
  seq: atomic(),
  /** mmu_notifier_count. */
  count: atomic(),
  /** The process is gone. */
  released: atomic(),
  /** Faults of the guest, each try. */
  faults: u32(),
  /** Tries that were in vain since an invalidation came between. */
  retries: u32(),
  /** Shadow page table: one entry for each page of the window. */
  spte: entries(PAGES),
};

type Kvm = Self<typeof state>;

/** Drops the sptes from `first` to `last`; true if there was one. mmu_lock is held. */
function zap(kvm: Kvm, first: number, last: number): boolean {
  let found = false;
  for (let i = first; i <= last; i++) {
    if (kvm.spte.get(i) === 0) continue;
    kvm.spte.clear(i);
    found = true;
  }
  return found;
}

function mustRetry(kvm: Kvm, seq: number): boolean {
  if (kvm.has(FIX_RETRY_COUNT) && kvm.count.get() !== 0) return true;
  return kvm.has(FIX_RETRY_SEQ) && kvm.seq.get() !== seq;
}

/** One try to map the page at `address`; mmap_sem is held for reading. */
function tryToMap(kvm: Kvm, address: number, write: boolean): "mapped" | "refused" | "retry" {
  const seq = kvm.seq.get();
  const page = kvm.getUserPage(address, write);
  if (page === undefined) return "refused";
  const locked = kvm.has(FIX_RETRY_LOCKED);
  let retry = !locked && mustRetry(kvm, seq);
  kvm.mmuLock.lock();
  if (locked) retry = mustRetry(kvm, seq);
  kvm.faults++;
  if (retry) kvm.retries++;
  const gone = kvm.released.get() !== 0;
  if (!retry && !gone) setSpte(kvm, kvm.indexOf(address), entryFor(page, write));
  kvm.mmuLock.unlock();
  kvm.putPage(page);
  if (gone) return "refused";
  return retry ? "retry" : "mapped";
}

/** Another CPU of the guest may have mapped it for writing meanwhile. */
function setSpte(kvm: Kvm, index: number, entry: number): void {
  const present = kvm.spte.get(index);
  if (present >>> SPTE_SHIFT === entry >>> SPTE_SHIFT && (present & SPTE_WRITE) !== 0) return;
  kvm.spte.set(index, entry);
}

/** Maps the page at `address`; false when the process may not access it so. */
function fault(kvm: Kvm, address: number, write: boolean): boolean {
  for (;;) {
    const outcome = kvm.withUser(() => kvm.withMmapSem(() => tryToMap(kvm, address, write)));
    if (outcome !== "retry") return outcome === "mapped";
    const count = kvm.count.get();
    if (count !== 0) kvm.spinWhile(kvm.count.address, count);
  }
}

export const kvm = defineNotifierClient({
  name: "kvm",
  title: "shadow page tables of a guest",
  state,
  maxPages: PAGES,
  table: "spte",

  invalidatePage(self, address) {
    const late = !self.has(FIX_SEQ_LOCKED);
    const index = self.indexOf(address);
    self.mmuLock.lock();
    if (!late) self.seq.add(1);
    const found = index >= 0 && zap(self, index, index);
    self.mmuLock.unlock();
    if (late) self.seq.add(1);
    if (found) self.flush();
  },

  rangeStart(self, start, end) {
    const { first, last } = self.overlap(start, end);
    self.mmuLock.lock();
    self.count.add(1);
    const found = zap(self, first, last);
    self.mmuLock.unlock();
    if (found) self.flush();
  },

  rangeEnd(self) {
    self.mmuLock.lock();
    self.seq.add(1);
    self.count.add(-1);
    self.mmuLock.unlock();
  },

  clearFlushYoung(self, address) {
    const index = self.indexOf(address);
    if (index < 0) return false;
    self.mmuLock.lock();
    const young = self.spte.clearYoung(index);
    self.mmuLock.unlock();
    return young;
  },

  release(self) {
    self.mmuLock.lock();
    if (self.released.get() === 0) self.released.add(1);
    const found = zap(self, 0, self.pages - 1);
    self.mmuLock.unlock();
    if (found) self.flush();
  },

  access(self, address, write, perform) {
    const index = self.indexOf(address);
    if (index < 0) return false;
    const entry = self.spte.at(index);
    // The hardware has found none that allows it.
    do if (!fault(self, address, write)) return false;
    while (!perform(entry));
    return true;
  },

  underWay: (self) => self.count.get(),

  counts: ({ faults, retries }) => ({ faults, retries }),

  *translations(self) {
    for (let i = 0; i < self.pages; i++) {
      const entry = self.spte.get(i);
      if (entry === 0) continue;
      const writable = (entry & SPTE_WRITE) !== 0;
      yield { address: self.addressOf(i), pfn: entry >>> SPTE_SHIFT, writable };
    }
  },
});
