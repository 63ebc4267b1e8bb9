// The locks of the two lists in which the reverse map looks: i_mmap_lock of a file's VMAs, and anon_vma.lock. Who
// changes a list writes, who walks along it reads. Both are spinlocks, for which that is the same, but in mmn-v13
// with patches 08 and 09 of the thread: there they are semaphores, and who holds one may sleep. Linux got them for
// good as i_mmap_mutex and anon_vma->mutex (3.0), then as rwsems under these names (3.8, 3.19).
//
// Callers name a lock by the address of the spinlock in either case. The semaphore lies behind the struct, in an
// object that is larger in those kernels, so that the others lose no memory by it.
//
// Order: i_mmap_lock > anon_vma.lock > page_table_lock. Left out: readers that are told from writers by lockdep.

import { ANON_VMA_SLEEPS, I_MMAP_SLEEPS } from "../notifier/config";
import {
  RwSemaphore,
  down_read,
  down_read_trylock,
  down_write,
  down_write_nest,
  rwsem_is_contended,
  up_read,
  up_write,
  up_write_nest,
} from "./rwsem";
import {
  spin_lock_anon_vma,
  spin_lock_i_mmap,
  spin_lock_nest_anon_vma,
  spin_lock_nest_i_mmap,
  spin_trylock_i_mmap,
  spin_unlock_anon_vma,
  spin_unlock_i_mmap,
  spin_unlock_nest_anon_vma,
  spin_unlock_nest_i_mmap,
} from "./spinlock_classes";

/** From i_mmap_lock of an Inode to its i_mmap_sem; mm/mapping.ts compares. */
export const I_MMAP_SEM_OFFSET: usize = 36;
/** From an AnonVma, whose lock comes first, to its semaphore; mm/anon_vma.ts compares. */
export const ANON_VMA_SEM_OFFSET: usize = 12;

/** i_mmap_sem, by the address of i_mmap_lock. */
@inline
export function i_mmap_sem(lock: usize): RwSemaphore {
  return changetype<RwSemaphore>(lock + I_MMAP_SEM_OFFSET);
}

/** anon_vma->sem. */
@inline
export function anon_vma_sem(anon_vma: usize): RwSemaphore {
  return changetype<RwSemaphore>(anon_vma + ANON_VMA_SEM_OFFSET);
}

/** Takes i_mmap_lock to change the tree of a file's VMAs. Patch 08: sleeps. */
@inline
export function i_mmap_lock_write(lock: usize): void {
  if (I_MMAP_SLEEPS) down_write(i_mmap_sem(lock));
  else spin_lock_i_mmap(lock);
}

/** Ends i_mmap_lock_write(). */
@inline
export function i_mmap_unlock_write(lock: usize): void {
  if (I_MMAP_SLEEPS) up_write(i_mmap_sem(lock));
  else spin_unlock_i_mmap(lock);
}

/** Takes i_mmap_lock to walk along the VMAs of a file. Patch 08: beside others, and sleeps. */
@inline
export function i_mmap_lock_read(lock: usize): void {
  if (I_MMAP_SLEEPS) down_read(i_mmap_sem(lock));
  else spin_lock_i_mmap(lock);
}

/** i_mmap_lock_read() if that needs no waiting. */
@inline
export function i_mmap_trylock_read(lock: usize): bool {
  if (I_MMAP_SLEEPS) return down_read_trylock(i_mmap_sem(lock));
  return spin_trylock_i_mmap(lock);
}

/** Ends i_mmap_lock_read() and i_mmap_trylock_read(). */
@inline
export function i_mmap_unlock_read(lock: usize): void {
  if (I_MMAP_SLEEPS) up_read(i_mmap_sem(lock));
  else spin_unlock_i_mmap(lock);
}

/** True if somebody waits for i_mmap_lock, as far as that can be told: never for a spinlock. */
@inline
export function i_mmap_is_contended(lock: usize): bool {
  return I_MMAP_SLEEPS && rwsem_is_contended(i_mmap_sem(lock));
}

/** Takes anon_vma.lock to change the list. Patch 09: sleeps. */
@inline
export function anon_vma_lock_write(anon_vma: usize): void {
  if (ANON_VMA_SLEEPS) down_write(anon_vma_sem(anon_vma));
  else spin_lock_anon_vma(anon_vma);
}

/** Ends anon_vma_lock_write(). */
@inline
export function anon_vma_unlock_write(anon_vma: usize): void {
  if (ANON_VMA_SLEEPS) up_write(anon_vma_sem(anon_vma));
  else spin_unlock_anon_vma(anon_vma);
}

/** Takes anon_vma.lock to walk along the list. Patch 09: beside others, and sleeps. */
@inline
export function anon_vma_lock_read(anon_vma: usize): void {
  if (ANON_VMA_SLEEPS) down_read(anon_vma_sem(anon_vma));
  else spin_lock_anon_vma(anon_vma);
}

/** Ends anon_vma_lock_read(). */
@inline
export function anon_vma_unlock_read(anon_vma: usize): void {
  if (ANON_VMA_SLEEPS) up_read(anon_vma_sem(anon_vma));
  else spin_unlock_anon_vma(anon_vma);
}

/** Takes one of many i_mmap_locks, whose order somebody else sees to: lockdep is not told. Patch 10: sleeps. */
export function i_mmap_lock_nest(lock: usize): void {
  if (I_MMAP_SLEEPS) down_write_nest(i_mmap_sem(lock));
  else spin_lock_nest_i_mmap(lock);
}

/** Ends i_mmap_lock_nest(). */
export function i_mmap_unlock_nest(lock: usize): void {
  if (I_MMAP_SLEEPS) up_write_nest(i_mmap_sem(lock));
  else spin_unlock_nest_i_mmap(lock);
}

/** Takes one of many anon_vma.locks, likewise. */
export function anon_vma_lock_nest(anon_vma: usize): void {
  if (ANON_VMA_SLEEPS) down_write_nest(anon_vma_sem(anon_vma));
  else spin_lock_nest_anon_vma(anon_vma);
}

/** Ends anon_vma_lock_nest(). */
export function anon_vma_unlock_nest(anon_vma: usize): void {
  if (ANON_VMA_SLEEPS) up_write_nest(anon_vma_sem(anon_vma));
  else spin_unlock_nest_anon_vma(anon_vma);
}
