// What a secondary MMU and the address space that it follows are to each other: struct mmu_notifier and
// struct mmu_notifier_mm. Linux: include/linux/mmu_notifier.h of 2.6.27, and patch 01 of the thread of 2008.
//
//   mmn-v13   mm ──> notifier ──> notifier              the head of the list is a word of the mm
//   2.6.27    mm ──> mmu_notifier_mm ──> notifier ...   made at the first registration, gone with the mm
//
// Never inherited by fork: mm_init() leaves the word 0. The operations are those of a client of the host
// (src/notifier), which has a number; its state follows the struct, in the same frames.

import { read_once } from "../arch/atomic";
import { NOTIFIER_MERGED, NOTIFIER_NONE } from "./config";
import { MmStruct } from "../mm/mm_types";

/** One secondary MMU that follows one address space. What its client keeps follows at NOTIFIER_STATE. */
@unmanaged @final
export class MmuNotifier {
  /** List of all that clients have allocated: the next, or 0. See client.ts. */
  @guarded("clients_lock") alloc_next: usize;
  /** See alloc_next. */
  @guarded("clients_lock") alloc_prev: usize;
  /** Frames of it: 1 << order. */
  order: u32;
  /** CLIENT_MAGIC while it is allocated. */
  magic: u32;
  /** The next notifier of the mm, or 0. Stays when this one is unlinked: a walker may stand here. */
  @guarded("mmu_notifier_mm.lock") next: usize;
  /** Address of the word that points here; 0 when it is on no list. */
  @guarded("mmu_notifier_mm.lock") pprev: usize;
  /** Number of the client in the host's table. */
  ops: u32;
  /** Address space that it follows. */
  mm: usize;
  /** First address of the window that the secondary MMU maps. */
  window_start: u64;
  /** Pages of that window. */
  window_pages: u32;
  /** Who uses it: the process that registered it, and each that has attached. */
  @atomic users: i32;
  /** 1: the process of the address space does not close it: a driver does, or it is unregistered. */
  @guarded("clients_lock") foreign: u32;
  /** 2.6.27: 1 while the registration holds mm_count. */
  registered: u32;
  /** Where the entries lie that the hardware finds by itself, one for each page of the window; 0: nowhere. */
  table: u32;
}

/** Where a client's own fields begin. */
export const NOTIFIER_STATE: u32 = 64;
if (offsetof<MmuNotifier>() > NOTIFIER_STATE)
  ERROR("struct mmu_notifier runs into the client's state");

/** 2.6.27: what an mm has from its first registration on. */
@unmanaged @final
export class MmuNotifierMm {
  /** See MmuNotifier. */
  @guarded("clients_lock") alloc_next: usize;
  /** See MmuNotifier. */
  @guarded("clients_lock") alloc_prev: usize;
  /** See MmuNotifier. */
  order: u32;
  /** See MmuNotifier. */
  magic: u32;
  /** First notifier, or 0. */
  @guarded("lock") first: usize;
  /** Spinlock of the list, against others that change it; walkers use RCU. */
  @atomic lock: u32;
}

/** The word of an mm: its first notifier, or in 2.6.27 its MmuNotifierMm. */
@inline
export function mm_notifier_word(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("mmu_notifier_mm");
}

/** Somebody follows this mm; in 2.6.27 somebody does or did. False, and folded, in kernels without notifiers. */
@inline
export function mm_has_notifiers(mm: MmStruct): bool {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return false;
  // RELAXED. A registration holds every lock under which somebody asks this, so it cannot change meanwhile.
  return read_once<usize>(mm_notifier_word(mm)) != 0;
}

/** Address of the word that points at the first notifier of an mm that has some. */
@inline
export function notifier_list(mm: MmStruct): usize {
  if (CONFIG_MMU_NOTIFIER != NOTIFIER_MERGED) return mm_notifier_word(mm);
  return read_once<usize>(mm_notifier_word(mm)) + offsetof<MmuNotifierMm>("first");
}

/** Address of `next` of a notifier. */
@inline
export function notifier_next(notifier: usize): usize {
  return notifier + offsetof<MmuNotifier>("next");
}
