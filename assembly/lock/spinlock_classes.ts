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
import { word_lock, word_unlock } from "./word_lock";

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

/** Takes one of many i_mmap_locks, whose order another lock sees to: lockdep is not told. */
export function spin_lock_nest_i_mmap(lock: usize): void {
  if (CONFIG_I_MMAP_LOCK == 0) word_lock(CONFIG_SPINLOCK, lock);
  else word_lock(CONFIG_I_MMAP_LOCK, lock);
}

/** Ends spin_lock_nest_i_mmap. */
export function spin_unlock_nest_i_mmap(lock: usize): void {
  if (CONFIG_I_MMAP_LOCK == 0) word_unlock(CONFIG_SPINLOCK, lock);
  else word_unlock(CONFIG_I_MMAP_LOCK, lock);
}

/** Takes one of many anon_vma.locks, whose order another lock sees to: lockdep is not told. */
export function spin_lock_nest_anon_vma(lock: usize): void {
  if (CONFIG_ANON_VMA_LOCK == 0) word_lock(CONFIG_SPINLOCK, lock);
  else word_lock(CONFIG_ANON_VMA_LOCK, lock);
}

/** Ends spin_lock_nest_anon_vma. */
export function spin_unlock_nest_anon_vma(lock: usize): void {
  if (CONFIG_ANON_VMA_LOCK == 0) word_unlock(CONFIG_SPINLOCK, lock);
  else word_unlock(CONFIG_ANON_VMA_LOCK, lock);
}
