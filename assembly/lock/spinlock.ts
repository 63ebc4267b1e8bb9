// The kernel's spinlock_t: one word, 0 when free for every kind. Which algorithm stands behind it
// is a configuration; this file is the switch and nothing else. A lock is named by the address of
// its word.

import { local_irq_disable, local_irq_enable } from "../arch/ipi";
import { SPINLOCK_TICKET, SPINLOCK_TTAS } from "../config";
import { SINGLE_DEPTH_NESTING, lock_acquire, lock_acquire_tried, lock_release } from "./lockdep";
import { ticket_is_locked, ticket_lock, ticket_trylock, ticket_unlock } from "./ticket";
import { ttas_is_locked, ttas_lock, ttas_trylock, ttas_unlock } from "./ttas";

@inline
function take(lock: usize): void {
  if (CONFIG_SPINLOCK == SPINLOCK_TTAS) ttas_lock(lock);
  else if (CONFIG_SPINLOCK == SPINLOCK_TICKET) ticket_lock(lock);
  else ERROR("CONFIG_SPINLOCK names no spinlock");
}

@inline
function try_to_take(lock: usize): bool {
  if (CONFIG_SPINLOCK == SPINLOCK_TTAS) return ttas_trylock(lock);
  else if (CONFIG_SPINLOCK == SPINLOCK_TICKET) return ticket_trylock(lock);
  else ERROR("CONFIG_SPINLOCK names no spinlock");
  return false;
}

/** Takes the lock; serves IPIs while it waits. */
export function spin_lock(lock: usize): void {
  if (CONFIG_CHECK) lock_acquire(lock, 0);
  take(lock);
}

/** spin_lock of the second lock of its class, where the caller knows that they have an order. */
@inline
export function spin_lock_nested(lock: usize): void {
  if (CONFIG_CHECK) {
    lock_acquire(lock, SINGLE_DEPTH_NESTING);
    take(lock);
  } else {
    spin_lock(lock);
  }
}

/** Takes the lock if it is free; never waits. */
export function spin_trylock(lock: usize): bool {
  const taken = try_to_take(lock);
  if (CONFIG_CHECK && taken) lock_acquire_tried(lock);
  return taken;
}

/** Frees the lock. */
export function spin_unlock(lock: usize): void {
  if (CONFIG_CHECK) lock_release(lock);
  if (CONFIG_SPINLOCK == SPINLOCK_TTAS) ttas_unlock(lock);
  else if (CONFIG_SPINLOCK == SPINLOCK_TICKET) ticket_unlock(lock);
  else ERROR("CONFIG_SPINLOCK names no spinlock");
}

/** True while somebody holds the lock. */
export function spin_is_locked(lock: usize): bool {
  if (CONFIG_SPINLOCK == SPINLOCK_TTAS) return ttas_is_locked(lock);
  else if (CONFIG_SPINLOCK == SPINLOCK_TICKET) return ticket_is_locked(lock);
  else ERROR("CONFIG_SPINLOCK names no spinlock");
  return false;
}

/** spin_lock with interrupts off: for locks that an interrupt handler takes too. */
export function spin_lock_irq(lock: usize): void {
  local_irq_disable();
  spin_lock(lock);
}

/** Ends spin_lock_irq. */
export function spin_unlock_irq(lock: usize): void {
  spin_unlock(lock);
  local_irq_enable();
}
