// mmap_sem, and what stands behind it: CONFIG_MMAP_SEM. Names and promises are those of rwsem.ts, which is what 2.6
// has there; who waits sleeps, and may hold it while it sleeps.
//
//   rwsem       in order of arrival; a lock is handed over to who is woken            rwsem.ts
//   rwsem-spin  who waits spins for a while first; who is awake may be faster         rwsem_spin.ts, Linux 3.16
//   mutex       one at a time, readers too, in order of arrival                       mutex.ts
//
// Left out: recursion of readers, which a mutex could not have; lockdep refuses it for all.

import { MMAP_SEM_MUTEX, MMAP_SEM_RWSEM, MMAP_SEM_RWSEM_SPIN } from "../config";
import { LOCK_IS_SLEEPING } from "./lock_class";
import { lock_stat_acquired, lock_stat_clock, lock_stat_release } from "./lock_stat";
import { lock_acquire, lock_acquire_tried, lock_release } from "./lockdep";
import { Mutex, mutex_init, mutex_lock, mutex_trylock, mutex_unlock } from "./mutex";
import * as fifo from "./rwsem";
import { RwSemaphore } from "./rwsem";
import * as spins from "./rwsem_spin";

/** The name that lockdep knows it by. */
@inline
function key_of(sem: RwSemaphore): usize {
  return changetype<usize>(sem) | LOCK_IS_SLEEPING;
}

@inline
function word_of(sem: RwSemaphore): usize {
  return changetype<usize>(sem);
}

@inline
function mutex_of(sem: RwSemaphore): Mutex {
  return changetype<Mutex>(word_of(sem));
}

/** Makes a free semaphore. */
export function init_rwsem(sem: RwSemaphore): void {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) fifo.init_rwsem(sem);
  else if (CONFIG_MMAP_SEM == MMAP_SEM_MUTEX) mutex_init(mutex_of(sem));
  else spins.rwsem_spin_init(word_of(sem));
}

/** Takes the semaphore for reading; sleeps while a writer is inside or waits. */
export function down_read(sem: RwSemaphore): void {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) {
    fifo.down_read(sem);
  } else if (CONFIG_MMAP_SEM == MMAP_SEM_MUTEX) {
    mutex_lock(mutex_of(sem));
  } else {
    if (CONFIG_CHECK) lock_acquire(key_of(sem), 0);
    let since: f64 = 0;
    if (!CONFIG_LOCK_STAT || !spins.rwsem_spin_try_read(word_of(sem))) {
      if (CONFIG_LOCK_STAT) since = lock_stat_clock();
      spins.rwsem_spin_down_read(word_of(sem));
    }
    if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(sem), true, since);
  }
}

/** Takes the semaphore for reading if that needs no waiting. */
export function down_read_trylock(sem: RwSemaphore): bool {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) return fifo.down_read_trylock(sem);
  if (CONFIG_MMAP_SEM == MMAP_SEM_MUTEX) return mutex_trylock(mutex_of(sem));
  return tried(sem, spins.rwsem_spin_try_read(word_of(sem)), true);
}

/** Takes the semaphore for writing; sleeps while anybody is inside. */
export function down_write(sem: RwSemaphore): void {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) {
    fifo.down_write(sem);
  } else if (CONFIG_MMAP_SEM == MMAP_SEM_MUTEX) {
    mutex_lock(mutex_of(sem));
  } else {
    if (CONFIG_CHECK) lock_acquire(key_of(sem), 0);
    let since: f64 = 0;
    if (!CONFIG_LOCK_STAT || !spins.rwsem_spin_try_write(word_of(sem))) {
      if (CONFIG_LOCK_STAT) since = lock_stat_clock();
      spins.rwsem_spin_down_write(word_of(sem));
    }
    if (CONFIG_LOCK_STAT) lock_stat_acquired(key_of(sem), false, since);
  }
}

/** Takes the semaphore for writing if it is free. */
export function down_write_trylock(sem: RwSemaphore): bool {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) return fifo.down_write_trylock(sem);
  if (CONFIG_MMAP_SEM == MMAP_SEM_MUTEX) return mutex_trylock(mutex_of(sem));
  return tried(sem, spins.rwsem_spin_try_write(word_of(sem)), false);
}

/** Tells who wants to know that the semaphore was taken without waiting, if it was. */
@inline
function tried(sem: RwSemaphore, taken: bool, reads: bool): bool {
  if (CONFIG_CHECK && taken) lock_acquire_tried(key_of(sem));
  if (CONFIG_LOCK_STAT && taken) lock_stat_acquired(key_of(sem), reads, 0);
  return taken;
}

/** Leaves as a reader. */
export function up_read(sem: RwSemaphore): void {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) {
    fifo.up_read(sem);
  } else if (CONFIG_MMAP_SEM == MMAP_SEM_MUTEX) {
    mutex_unlock(mutex_of(sem));
  } else {
    if (CONFIG_CHECK) lock_release(key_of(sem));
    if (CONFIG_LOCK_STAT) lock_stat_release(key_of(sem));
    spins.rwsem_spin_up_read(word_of(sem));
  }
}

/** Leaves as the writer. */
export function up_write(sem: RwSemaphore): void {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) {
    fifo.up_write(sem);
  } else if (CONFIG_MMAP_SEM == MMAP_SEM_MUTEX) {
    mutex_unlock(mutex_of(sem));
  } else {
    if (CONFIG_CHECK) lock_release(key_of(sem));
    if (CONFIG_LOCK_STAT) lock_stat_release(key_of(sem));
    spins.rwsem_spin_up_write(word_of(sem));
  }
}

/** Turns the writer into a reader without letting another writer in between. A mutex stays as it is. */
export function downgrade_write(sem: RwSemaphore): void {
  if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM) fifo.downgrade_write(sem);
  else if (CONFIG_MMAP_SEM == MMAP_SEM_RWSEM_SPIN) spins.rwsem_spin_downgrade(word_of(sem));
}
