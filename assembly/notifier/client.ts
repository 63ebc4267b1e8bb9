// What clients of the host allocate and wait with. A client is TypeScript, its state is not: it lies in frames of
// its own, so that every CPU sees it, and so that the explorer can take it back. All that is allocated is on one
// list, for those who count frames.
//
// Waiting is sleeping, except wait_while_equal: might_sleep() stops the machine where a method must not.

import { atomic_cmpxchg, atomic_fetch_add, read_once } from "../arch/atomic";
import { BUG_BAD_NOTIFIER, bug_on } from "../arch/bug";
import { KERNEL_GLOBALS } from "../arch/memory_map";
import { PERCPU_CLIENT_SLEEPS, this_cpu_base } from "../arch/percpu";
import { cpu_wait_while } from "../arch/wait";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import {
  WaitQueue,
  prepare_to_wait,
  wait_queue_init,
  wait_until_woken,
  wake_up_all,
} from "../lock/wait_queue";
import { page_address, virt_to_page } from "../mm/page";
import { GFP_KERNEL, GFP_ZERO, alloc_pages, free_pages } from "../mm/page_alloc";
import { NOTIFIER_NONE } from "./config";
import { might_sleep } from "./context";
import { MmuNotifier } from "./types";

/** What an allocated block has at its third word: "mmun". */
export const CLIENT_MAGIC: u32 = 0x6e756d6d;

/** Spinlock of the list of all blocks; its head follows. */
export const CLIENTS_LOCK: usize = KERNEL_GLOBALS + 0x200;
export const CLIENTS_LIST: usize = KERNEL_GLOBALS + 0x204;

/** `bytes` of zeros that begin like a MmuNotifier, or 0 when out of memory. */
export function client_alloc(bytes: u32): usize {
  let order: u32 = 0;
  while (((<u32>4096) << order) < bytes) order++;
  const page = alloc_pages(GFP_KERNEL | GFP_ZERO, order);
  if (changetype<usize>(page) == 0) return 0;
  const block = page_address(page);
  const header = changetype<MmuNotifier>(block);
  header.order = order;
  header.magic = CLIENT_MAGIC;
  spin_lock(CLIENTS_LOCK);
  const next = load<usize>(CLIENTS_LIST);
  header.alloc_next = next;
  if (next != 0) changetype<MmuNotifier>(next).alloc_prev = block;
  store<usize>(CLIENTS_LIST, block);
  spin_unlock(CLIENTS_LOCK);
  return block;
}

/** Frees what client_alloc() gave. */
export function client_free(block: usize): void {
  const header = changetype<MmuNotifier>(block);
  bug_on(header.magic != CLIENT_MAGIC || header.pprev != 0, BUG_BAD_NOTIFIER, block, header.magic);
  spin_lock(CLIENTS_LOCK);
  unlink_block(header);
  spin_unlock(CLIENTS_LOCK);
  header.magic = 0;
  free_pages(virt_to_page(block), header.order);
}

function unlink_block(header: MmuNotifier): void {
  const next = header.alloc_next;
  const prev = header.alloc_prev;
  if (prev == 0) store<usize>(CLIENTS_LIST, next);
  else changetype<MmuNotifier>(prev).alloc_next = next;
  if (next != 0) changetype<MmuNotifier>(next).alloc_prev = prev;
}

/** True for a notifier that the process of `mm` itself has registered. */
@inline
function is_own(block: usize, mm: usize): bool {
  return changetype<MmuNotifier>(block).mm == mm && changetype<MmuNotifier>(block).foreign == 0;
}

/** A notifier that the process of `mm` has registered, or 0: for who closes what it has left open. */
export function client_of_mm(mm: usize): usize {
  if (CONFIG_MMU_NOTIFIER == NOTIFIER_NONE) return 0;
  spin_lock(CLIENTS_LOCK);
  let block = load<usize>(CLIENTS_LIST);
  while (block != 0 && !is_own(block, mm)) block = changetype<MmuNotifier>(block).alloc_next;
  spin_unlock(CLIENTS_LOCK);
  return block;
}

/** A notifier was unregistered: nobody closes it any more when its process ends. */
export function client_disown(block: usize): void {
  spin_lock(CLIENTS_LOCK);
  changetype<MmuNotifier>(block).foreign = 1;
  spin_unlock(CLIENTS_LOCK);
}

/** Makes an empty wait queue of three words. */
export function client_queue_init(queue: WaitQueue): void {
  wait_queue_init(queue);
}

/** Sleeps on `queue` unless the word at `word` is no longer `seen`. Who changes it wakes the queue. */
export function client_sleep(queue: WaitQueue, word: usize, seen: u32): void {
  might_sleep();
  spin_lock(changetype<usize>(queue));
  if (read_once<u32>(word) != seen) {
    spin_unlock(changetype<usize>(queue));
    return;
  }
  prepare_to_wait(queue);
  spin_unlock(changetype<usize>(queue));
  // For the host, to which this CPU would look idle.
  store<u32>(this_cpu_base() + PERCPU_CLIENT_SLEEPS, 1);
  wait_until_woken();
  store<u32>(this_cpu_base() + PERCPU_CLIENT_SLEEPS, 0);
}

/** Wakes everybody on `queue`. */
export function client_wake(queue: WaitQueue): void {
  wake_up_all(queue);
}

/** One turn of a spin on a word: it is no longer `seen`, or a while has passed. */
export function client_spin(word: usize, seen: u32): void {
  cpu_wait_while<u32>(word, seen);
}

/** Stops the machine if a method must not sleep here. */
export function client_might_sleep(): void {
  might_sleep();
}

/** Adds to a word that several CPUs change; returns what was there. */
export function client_fetch_add(word: usize, delta: i32): i32 {
  return atomic_fetch_add<i32>(word, delta);
}

/** Stores `value` if the word is `expected`; returns what was there. */
export function client_cmpxchg(word: usize, expected: u32, value: u32): u32 {
  return atomic_cmpxchg<u32>(word, expected, value);
}

/** A word that others change without a lock. */
export function client_read(word: usize): u32 {
  return read_once<u32>(word);
}
