// The kernel's spinlock_t: one word, 0 when free for every kind. Which algorithm stands behind it is a
// configuration: CONFIG_SPINLOCK, and for three classes one of their own (spinlock_classes.ts). A lock is named by
// the address of its word.

import { interruptible, local_irq_disable, local_irq_enable } from "../arch/ipi";
import { lock_stat_acquired, lock_stat_clock, lock_stat_release } from "./lock_stat";
import { SINGLE_DEPTH_NESTING, lock_acquire, lock_acquire_tried, lock_release } from "./lockdep";
import { word_is_locked, word_lock, word_trylock, word_unlock } from "./word_lock";

/** Takes a lock behind which `kind` stands, a constant. */
@inline
export function spin_lock_kind(kind: i32, lock: usize, subclass: u32): void {
  if (CONFIG_CHECK) lock_acquire(lock, subclass);
  if (CONFIG_LOCK_STAT) {
    let since: f64 = 0;
    if (!word_trylock(kind, lock)) {
      since = lock_stat_clock();
      word_lock(kind, lock);
    }
    lock_stat_acquired(lock, false, since);
  } else {
    word_lock(kind, lock);
  }
  interruptible();
}

/** Takes a lock behind which `kind` stands if it is free. */
@inline
export function spin_trylock_kind(kind: i32, lock: usize): bool {
  const taken = word_trylock(kind, lock);
  if (CONFIG_CHECK && taken) lock_acquire_tried(lock);
  if (CONFIG_LOCK_STAT && taken) lock_stat_acquired(lock, false, 0);
  return taken;
}

/** Frees a lock behind which `kind` stands. */
@inline
export function spin_unlock_kind(kind: i32, lock: usize): void {
  if (CONFIG_CHECK) lock_release(lock);
  if (CONFIG_LOCK_STAT) lock_stat_release(lock);
  word_unlock(kind, lock);
}

/** Takes the lock; serves IPIs while it waits. */
export function spin_lock(lock: usize): void {
  spin_lock_kind(CONFIG_SPINLOCK, lock, 0);
}

/** spin_lock of the second lock of its class, where the caller knows that they have an order. */
@inline
export function spin_lock_nested(lock: usize): void {
  if (CONFIG_CHECK) spin_lock_kind(CONFIG_SPINLOCK, lock, SINGLE_DEPTH_NESTING);
  else spin_lock(lock);
}

/** Takes the lock if it is free; never waits. */
export function spin_trylock(lock: usize): bool {
  return spin_trylock_kind(CONFIG_SPINLOCK, lock);
}

/** Frees the lock. */
export function spin_unlock(lock: usize): void {
  spin_unlock_kind(CONFIG_SPINLOCK, lock);
}

/** True while somebody holds the lock. */
export function spin_is_locked(lock: usize): bool {
  return word_is_locked(CONFIG_SPINLOCK, lock);
}

/** spin_lock with interrupts off: for locks that an interrupt handler takes too. */
export function spin_lock_irq(lock: usize): void {
  local_irq_disable();
  spin_lock(lock);
}

/** Ends spin_lock_irq. */
export function spin_unlock_irq(lock: usize): void {
  spin_unlock(lock);
  irq_enable();
}

/** Ends local_irq_disable; an interrupt that waits for it comes at once. */
@inline
export function irq_enable(): void {
  local_irq_enable();
  interruptible();
}
