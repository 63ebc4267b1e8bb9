// Locks of one word, by number: what can stand behind a spinlock_t. `kind` is a constant wherever these are called,
// so that one lock is left of each. A word of 0 is free for every kind.

import {
  SPINLOCK_BACKOFF,
  SPINLOCK_BIT,
  SPINLOCK_HEMLOCK,
  SPINLOCK_MCS,
  SPINLOCK_QSPINLOCK,
  SPINLOCK_TAS,
  SPINLOCK_TICKET,
  SPINLOCK_TICKET_PROP,
  SPINLOCK_TTAS,
} from "../config";
import { backoff_is_locked, backoff_lock, backoff_trylock, backoff_unlock } from "./backoff";
import { bit_is_locked, bit_lock, bit_trylock, bit_unlock } from "./bit_spinlock";
import { hemlock_is_locked, hemlock_lock, hemlock_trylock, hemlock_unlock } from "./hemlock";
import { mcs_is_locked, mcs_lock, mcs_trylock, mcs_unlock } from "./mcs";
import { qspin_is_locked, qspin_lock, qspin_trylock, qspin_unlock } from "./qspinlock";
import { tas_is_locked, tas_lock, tas_trylock, tas_unlock } from "./tas";
import { ticket_is_locked, ticket_lock, ticket_trylock, ticket_unlock } from "./ticket";
import {
  ticket_prop_is_locked,
  ticket_prop_lock,
  ticket_prop_trylock,
  ticket_prop_unlock,
} from "./ticket_prop";
import { ttas_is_locked, ttas_lock, ttas_trylock, ttas_unlock } from "./ttas";

/** Takes the lock; serves IPIs while it waits. */
@inline
export function word_lock(kind: i32, lock: usize): void {
  if (kind == SPINLOCK_TTAS) ttas_lock(lock);
  else if (kind == SPINLOCK_TICKET) ticket_lock(lock);
  else if (kind == SPINLOCK_MCS) mcs_lock(lock);
  else if (kind == SPINLOCK_TAS) tas_lock(lock);
  else if (kind == SPINLOCK_BACKOFF) backoff_lock(lock);
  else if (kind == SPINLOCK_TICKET_PROP) ticket_prop_lock(lock);
  else if (kind == SPINLOCK_HEMLOCK) hemlock_lock(lock);
  else if (kind == SPINLOCK_QSPINLOCK) qspin_lock(lock);
  else if (kind == SPINLOCK_BIT) bit_lock(lock);
}

/** Takes the lock if it is free; never waits. */
@inline
export function word_trylock(kind: i32, lock: usize): bool {
  if (kind == SPINLOCK_TTAS) return ttas_trylock(lock);
  else if (kind == SPINLOCK_TICKET) return ticket_trylock(lock);
  else if (kind == SPINLOCK_MCS) return mcs_trylock(lock);
  else if (kind == SPINLOCK_TAS) return tas_trylock(lock);
  else if (kind == SPINLOCK_BACKOFF) return backoff_trylock(lock);
  else if (kind == SPINLOCK_TICKET_PROP) return ticket_prop_trylock(lock);
  else if (kind == SPINLOCK_HEMLOCK) return hemlock_trylock(lock);
  else if (kind == SPINLOCK_QSPINLOCK) return qspin_trylock(lock);
  else if (kind == SPINLOCK_BIT) return bit_trylock(lock);
  return false;
}

/** Frees the lock. */
@inline
export function word_unlock(kind: i32, lock: usize): void {
  if (kind == SPINLOCK_TTAS) ttas_unlock(lock);
  else if (kind == SPINLOCK_TICKET) ticket_unlock(lock);
  else if (kind == SPINLOCK_MCS) mcs_unlock(lock);
  else if (kind == SPINLOCK_TAS) tas_unlock(lock);
  else if (kind == SPINLOCK_BACKOFF) backoff_unlock(lock);
  else if (kind == SPINLOCK_TICKET_PROP) ticket_prop_unlock(lock);
  else if (kind == SPINLOCK_HEMLOCK) hemlock_unlock(lock);
  else if (kind == SPINLOCK_QSPINLOCK) qspin_unlock(lock);
  else if (kind == SPINLOCK_BIT) bit_unlock(lock);
}

/** True while somebody holds the lock. */
@inline
export function word_is_locked(kind: i32, lock: usize): bool {
  if (kind == SPINLOCK_TTAS) return ttas_is_locked(lock);
  else if (kind == SPINLOCK_TICKET) return ticket_is_locked(lock);
  else if (kind == SPINLOCK_MCS) return mcs_is_locked(lock);
  else if (kind == SPINLOCK_TAS) return tas_is_locked(lock);
  else if (kind == SPINLOCK_BACKOFF) return backoff_is_locked(lock);
  else if (kind == SPINLOCK_TICKET_PROP) return ticket_prop_is_locked(lock);
  else if (kind == SPINLOCK_HEMLOCK) return hemlock_is_locked(lock);
  else if (kind == SPINLOCK_QSPINLOCK) return qspin_is_locked(lock);
  else if (kind == SPINLOCK_BIT) return bit_is_locked(lock);
  return false;
}
