// The page lock: PG_locked, with sleepers on hashed wait queues. Linux: lock_page and unlock_page,
// mm/filemap.c of 2.6.9. Order: mmap_sem > page lock > every spinlock of the page tables.

import { smp_mb } from "../arch/barrier";
import { BUG_UNLOCK_OF_FREE_LOCK, bug_on } from "../arch/bug";
import { FIX_SECOND_LOOK, without } from "../arch/fixes";
import { PAGE_WAIT_TABLE } from "../arch/memory_map";
import {
  WaitQueue,
  cancel_wait,
  prepare_to_wait,
  wait_until_woken,
  wait_queue_init,
} from "../lock/wait_queue";
import { wake_up_all, waitqueue_active } from "../lock/wait_queue";
import { LOCK_IS_PAGE } from "../lock/lock_class";
import { lock_stat_acquired, lock_stat_clock, lock_stat_release } from "../lock/lock_stat";
import { lock_acquire, lock_acquire_tried, lock_release } from "../lock/lockdep";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import {
  PG_locked,
  PG_writeback,
  Page,
  page_clear_flag,
  page_test_and_set_flag,
  page_test_flag,
  page_to_pfn,
} from "./page";

/** Wait queues; a page uses the one its frame number hashes to. */
export const PAGE_WAIT_QUEUES: u32 = 256;
/** Bytes from one to the next. */
export const WAIT_QUEUE_STRIDE: usize = 16;

@inline
function page_waitqueue(page: Page): WaitQueue {
  const hash = (page_to_pfn(page) * 0x9e370001) >>> 24;
  const index = hash & (PAGE_WAIT_QUEUES - 1);
  return changetype<WaitQueue>(PAGE_WAIT_TABLE + index * WAIT_QUEUE_STRIDE);
}

/** Makes all queues empty, at boot. */
export function page_wait_init(): void {
  for (let i: u32 = 0; i < PAGE_WAIT_QUEUES; i++) {
    wait_queue_init(changetype<WaitQueue>(PAGE_WAIT_TABLE + i * WAIT_QUEUE_STRIDE));
  }
}

/** The name that lockdep knows it by. */
@inline
function key_of(page: Page): usize {
  return changetype<usize>(page) | LOCK_IS_PAGE;
}

/** Locks a page that nobody else knows yet: a plain store sets the bit. */
@inline
export function __set_page_locked(page: Page): void {
  page.flags |= PG_locked;
  if (CONFIG_CHECK) lock_acquire_tried(key_of(page));
  if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(page), false, 0);
}

/** Ends __set_page_locked while still nobody else knows the page. */
@inline
export function __clear_page_locked(page: Page): void {
  if (CONFIG_CHECK) lock_release(key_of(page));
  if (CONFIG_LOCK_STAT) lock_stat_release(key_of(page));
  page.flags &= ~PG_locked;
}

/** Locks the page if it is unlocked. */
@inline
export function trylock_page(page: Page): bool {
  const taken = !page_test_and_set_flag(page, PG_locked);
  if (CONFIG_CHECK && taken) lock_acquire_tried(key_of(page));
  if (CONFIG_LOCK_STAT && taken) lock_stat_acquired(key_of(page), false, 0);
  return taken;
}

/** Locks the page; sleeps while somebody else holds it. No spinlock is held. */
export function lock_page(page: Page): void {
  if (CONFIG_CHECK) lock_acquire(key_of(page), 0);
  let since: f64 = 0;
  while (page_test_and_set_flag(page, PG_locked)) {
    if (CONFIG_LOCK_STAT && since == 0) since = lock_stat_clock();
    const queue = page_waitqueue(page);
    spin_lock(changetype<usize>(queue));
    prepare_to_wait(queue);
    // FULL. Pairs with unlock_page(): this CPU is on the queue before it looks at the bit again.
    smp_mb();
    const still_locked = page_test_flag(page, PG_locked) || without(FIX_SECOND_LOOK);
    if (!still_locked) cancel_wait();
    spin_unlock(changetype<usize>(queue));
    if (still_locked) wait_until_woken();
  }
  if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(page), false, since);
}

/** Returns when the page is not being written. Linux: wait_on_page_writeback. */
export function wait_on_page_writeback(page: Page): void {
  while (page_test_flag(page, PG_writeback)) {
    const queue = page_waitqueue(page);
    spin_lock(changetype<usize>(queue));
    prepare_to_wait(queue);
    // FULL. Pairs with end_page_writeback(): this CPU is on the queue before it looks at the bit again.
    smp_mb();
    const still_written = page_test_flag(page, PG_writeback);
    if (!still_written) cancel_wait();
    spin_unlock(changetype<usize>(queue));
    if (still_written) wait_until_woken();
  }
}

/** The page has been written: wakes who waits for a page of its queue. */
export function end_page_writeback(page: Page): void {
  page_clear_flag(page, PG_writeback);
  // FULL. Pairs with wait_on_page_writeback(): the bit is clear before the queue is looked at.
  smp_mb();
  const queue = page_waitqueue(page);
  if (waitqueue_active(queue)) wake_up_all(queue);
}

/** Unlocks the page and wakes who waits for a page of its queue. */
export function unlock_page(page: Page): void {
  bug_on(!page_test_flag(page, PG_locked), BUG_UNLOCK_OF_FREE_LOCK, changetype<usize>(page));
  if (CONFIG_CHECK) lock_release(key_of(page));
  if (CONFIG_LOCK_STAT) lock_stat_release(key_of(page));
  page_clear_flag(page, PG_locked);
  // FULL. Pairs with lock_page(): the bit is clear before the queue is looked at, so no sleeper is
  // missed.
  smp_mb();
  const queue = page_waitqueue(page);
  if (waitqueue_active(queue)) wake_up_all(queue);
}
