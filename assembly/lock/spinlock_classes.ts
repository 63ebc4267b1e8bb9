// The three classes of spinlocks that this machine is about, each with a lock of its own if it is
// configured so: CONFIG_PTL_LOCK, CONFIG_ANON_VMA_LOCK and CONFIG_I_MMAP_LOCK. 0 is what all the others have;
// then these are other names of spin_lock and spin_unlock, and cost nothing.

import { SINGLE_DEPTH_NESTING } from "./lockdep";
import {
  spin_lock,
  spin_lock_kind,
  spin_lock_nested,
  spin_trylock,
  spin_trylock_kind,
  spin_unlock,
  spin_unlock_kind,
} from "./spinlock";

/** Takes the page_table_lock of this address. */
@inline
export function spin_lock_ptl(lock: usize): void {
  if (CONFIG_PTL_LOCK == 0) spin_lock(lock);
  else own_spin_lock_ptl(lock);
}

function own_spin_lock_ptl(lock: usize): void {
  spin_lock_kind(CONFIG_PTL_LOCK, lock, 0);
}

/** Takes a second page_table_lock, where the caller knows that they have an order. */
@inline
export function spin_lock_ptl_nested(lock: usize): void {
  if (CONFIG_PTL_LOCK == 0) spin_lock_nested(lock);
  else own_spin_lock_ptl_nested(lock);
}

function own_spin_lock_ptl_nested(lock: usize): void {
  spin_lock_kind(CONFIG_PTL_LOCK, lock, SINGLE_DEPTH_NESTING);
}

/** Takes the page_table_lock of this address if it is free; never waits. */
@inline
export function spin_trylock_ptl(lock: usize): bool {
  if (CONFIG_PTL_LOCK == 0) return spin_trylock(lock);
  return own_spin_trylock_ptl(lock);
}

function own_spin_trylock_ptl(lock: usize): bool {
  return spin_trylock_kind(CONFIG_PTL_LOCK, lock);
}

/** Frees the page_table_lock of this address. */
@inline
export function spin_unlock_ptl(lock: usize): void {
  if (CONFIG_PTL_LOCK == 0) spin_unlock(lock);
  else own_spin_unlock_ptl(lock);
}

function own_spin_unlock_ptl(lock: usize): void {
  spin_unlock_kind(CONFIG_PTL_LOCK, lock);
}

/** Takes the anon_vma.lock of this address. */
@inline
export function spin_lock_anon_vma(lock: usize): void {
  if (CONFIG_ANON_VMA_LOCK == 0) spin_lock(lock);
  else own_spin_lock_anon_vma(lock);
}

function own_spin_lock_anon_vma(lock: usize): void {
  spin_lock_kind(CONFIG_ANON_VMA_LOCK, lock, 0);
}

/** Frees the anon_vma.lock of this address. */
@inline
export function spin_unlock_anon_vma(lock: usize): void {
  if (CONFIG_ANON_VMA_LOCK == 0) spin_unlock(lock);
  else own_spin_unlock_anon_vma(lock);
}

function own_spin_unlock_anon_vma(lock: usize): void {
  spin_unlock_kind(CONFIG_ANON_VMA_LOCK, lock);
}

/** Takes the i_mmap_lock of this address. */
@inline
export function spin_lock_i_mmap(lock: usize): void {
  if (CONFIG_I_MMAP_LOCK == 0) spin_lock(lock);
  else own_spin_lock_i_mmap(lock);
}

function own_spin_lock_i_mmap(lock: usize): void {
  spin_lock_kind(CONFIG_I_MMAP_LOCK, lock, 0);
}

/** Takes the i_mmap_lock of this address if it is free; never waits. */
@inline
export function spin_trylock_i_mmap(lock: usize): bool {
  if (CONFIG_I_MMAP_LOCK == 0) return spin_trylock(lock);
  return own_spin_trylock_i_mmap(lock);
}

function own_spin_trylock_i_mmap(lock: usize): bool {
  return spin_trylock_kind(CONFIG_I_MMAP_LOCK, lock);
}

/** Frees the i_mmap_lock of this address. */
@inline
export function spin_unlock_i_mmap(lock: usize): void {
  if (CONFIG_I_MMAP_LOCK == 0) spin_unlock(lock);
  else own_spin_unlock_i_mmap(lock);
}

function own_spin_unlock_i_mmap(lock: usize): void {
  spin_unlock_kind(CONFIG_I_MMAP_LOCK, lock);
}
