// Who keeps an anon_vma that is counted: mmn-v13 with patch 09 of the thread of 2008, where its lock is a semaphore.
//
// Who comes from a page finds the anon_vma in a read section of RCU, and may not sleep there. So he takes a reference,
// leaves the section, and then waits for the semaphore. Each VMA on the list has a reference too. One that nobody
// refers to is free, or about to be: inc_not_zero does not bring it back. Linux got this for good with 2.6.36.
//
// Left out: a reference for KSM and migration.

import { atomic_cmpxchg, atomic_dec_and_test, atomic_inc, read_once } from "../arch/atomic";
import { TRACE_ANON_VMA_FREE, trace } from "../arch/trace";
import { ANON_VMA_SEM_OFFSET } from "../lock/rmap_locks";
import { RwSemaphore } from "../lock/rwsem";
import { ANON_VMA_SLEEPS } from "../notifier/config";
import { kmem_cache_free } from "./slab";
import { CACHE_ANON_VMA } from "./slab_types";

/** Patch 09: what lies behind an AnonVma. Free ones are constructed: nobody is inside, nobody refers to them. */
@unmanaged @final
export class AnonVmaSem {
  /** The words of sem, an RwSemaphore. */
  anon_vma_sem_0: u32;
  /** See anon_vma_sem_0. */
  anon_vma_sem_1: u32;
  /** See anon_vma_sem_0. */
  anon_vma_sem_2: u32;
  /** See anon_vma_sem_0. */
  anon_vma_sem_3: u32;
  /** VMAs on the list, and those who come from a page. */
  @atomic refcount: i32;
}
if (offsetof<AnonVmaSem>("refcount") != offsetof<RwSemaphore>())
  ERROR("AnonVmaSem has the words of a semaphore");

/** Address of the count of references. */
@inline
export function anon_vma_refcount(anon_vma: usize): usize {
  return anon_vma + ANON_VMA_SEM_OFFSET + offsetof<AnonVmaSem>("refcount");
}

/** One VMA more is on the list. Its lock is held, and somebody has a reference, or it is fresh. */
@inline
export function get_anon_vma(anon_vma: usize): void {
  if (ANON_VMA_SLEEPS) atomic_inc(anon_vma_refcount(anon_vma));
}

/** A reference, unless nobody has one any more. In a read section of RCU, in which its memory stays an anon_vma's. */
export function get_anon_vma_not_zero(anon_vma: usize): bool {
  const refcount = anon_vma_refcount(anon_vma);
  while (true) {
    const count = read_once<i32>(refcount);
    if (count == 0) return false;
    if (atomic_cmpxchg<i32>(refcount, count, count + 1) == count) return true;
  }
}

/** Drops a reference; the last one frees the anon_vma. Its lock is not held. */
export function put_anon_vma(anon_vma: usize): void {
  if (!atomic_dec_and_test(anon_vma_refcount(anon_vma))) return;
  trace(TRACE_ANON_VMA_FREE, 0, anon_vma);
  kmem_cache_free(CACHE_ANON_VMA, anon_vma);
}
