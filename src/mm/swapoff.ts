// Emptying a swap area: try_to_unuse and sys_swapoff of Linux 2.6.9 (mm/swapfile.c).
//
// Protocol. The area is closed, so no slot of it is taken any more. Each slot that is in use is read into the swap
// cache and locked; then each address space gives up the PTE that names it (assembly/mm/unuse.ts), until only the
// swap cache is left. An address space is kept by a user of its own while it is looked at, without mmlist_lock. One
// that is forking or exiting may hold a slot that was not found: so it goes round until no slot is in use.

import { EINTR, ENOMEM } from "../layout/errno.ts";
import { PG_dirty, PG_swapcache, Page, SWAP_GONE } from "../layout/structs.gen.ts";
import { getU32 } from "../layout/view.ts";
import type { Cpu } from "../kernel/load.ts";
import { mmput } from "./unmap.ts";

/** Rounds without a slot that was emptied, after which swapoff gives up: somebody sleeps with a slot in hand. */
const MOST_ROUNDS = 100_000;

const flagsOf = (cpu: Cpu, page: number): number => getU32(cpu, page + Page.flags);

/** Every address space gives up its PTE of the slot. The page is locked, and is locked again at the end. */
function unuseEverywhere(cpu: Cpu, entry: number, page: number): void {
  const { k } = cpu;
  let mm = k.mmlist_next_user(0);
  while (mm !== 0) {
    const wanted = k.swap_count(entry) > 1;
    if (wanted) k.unuse_process(mm, entry, page);
    // The next one is found from this one, which is on the list as long as it is used.
    const next = wanted ? k.mmlist_next_user(mm) : 0;
    k.unlock_page(page);
    mmput(cpu, mm);
    k.lock_page(page);
    mm = next;
  }
}

/** Takes one slot out of use, as far as it can be found. 0, or -ENOMEM. */
function unuseSlot(cpu: Cpu, entry: number): number {
  const { k } = cpu;
  const page = k.read_swap_cache_async(entry);
  // Freed meanwhile: it will not be used again.
  if (page === SWAP_GONE) return 0;
  if (page === 0) return k.swap_count(entry) === 0 ? 0 : -ENOMEM;
  k.lock_page(page);
  k.wait_on_page_writeback(page);
  if (k.swap_count(entry) > 1) unuseEverywhere(cpu, entry, page);
  const inCache = (): boolean =>
    (flagsOf(cpu, page) & PG_swapcache) !== 0 && getU32(cpu, page + Page.private_) === entry >>> 0;
  if (k.swap_count(entry) > 1 && inCache() && (flagsOf(cpu, page) & PG_dirty) !== 0) {
    k.swap_writepage(page);
    k.lock_page(page);
    k.wait_on_page_writeback(page);
  }
  if (inCache()) k.delete_from_swap_cache(page);
  // PTEs were made clean, and the slot goes: the page is all that holds the content.
  k.set_page_dirty(page);
  k.unlock_page(page);
  k.put_page(page);
  return 0;
}

/** Empties a closed area. 0, -ENOMEM, or -EINTR when somebody does not let go. */
function tryToUnuse(cpu: Cpu, area: number): number {
  const { k } = cpu;
  let rounds = 0;
  let offset = k.find_next_to_unuse(area, 0);
  while (offset !== 0) {
    const entry = k.swap_entry_of(area, offset);
    const error = unuseSlot(cpu, entry);
    if (error !== 0) return error;
    k.take_interrupts();
    if (k.swap_count(entry) === 0) {
      rounds = 0;
    } else {
      // Somebody has it whose address space was not found, or has no PTE for it yet.
      if (rounds++ > MOST_ROUNDS) return -EINTR;
      k.wait_for_slot(entry);
    }
    offset = k.find_next_to_unuse(area, offset);
  }
  return 0;
}

/** Empties a swap area and takes it away. 0, -EINVAL, -ENOMEM or -EINTR; then it is as before. */
export function swapoff(cpu: Cpu, area: number): number {
  const { k } = cpu;
  const closed = k.swapoff_begin(area);
  if (closed !== 0) return closed;
  const error = tryToUnuse(cpu, area);
  if (error === 0) k.swapoff_end(area);
  else k.swapoff_abort(area);
  return error;
}
