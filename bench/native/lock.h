// Locks: test-and-test-and-set spinlock, bit spinlock, reader-writer semaphore. Like
// assembly/lock/, with the cheapest instructions that C has for them: an acquire
// compare-and-exchange or lock bts, a plain store to release.
// Left out: waiting. The twin has one thread, so a lock that is held ends it.

#ifndef TWIN_LOCK_H
#define TWIN_LOCK_H

#include "list.h"

static NOINLINE __attribute__((noreturn, cold)) void lock_slow(void *lock) {
  bug("a lock is held already, and nobody is there to free it", REF(lock), 0);
}

static ALWAYS_INLINE void spin_lock(u32 *lock) {
  // ACQUIRE. Pairs with spin_unlock(): what the last holder wrote is visible from here on.
  if (unlikely(!atomic_cmpxchg32(lock, 0, 1))) lock_slow(lock);
}

static ALWAYS_INLINE void spin_unlock(u32 *lock) {
  // RELEASE. Pairs with spin_lock(): the critical section is visible before the lock looks free.
  smp_store_release(lock, 0u);
}

static ALWAYS_INLINE void spin_lock_irq(u32 *lock) {
  local_irq_disable();
  spin_lock(lock);
}

static ALWAYS_INLINE void spin_unlock_irq(u32 *lock) {
  spin_unlock(lock);
  local_irq_enable();
}

// Takes bit `mask` of a word whose other bits change meanwhile.
static ALWAYS_INLINE void bit_spin_lock(u32 mask, u32 *word) {
  // ACQUIRE. Pairs with bit_spin_unlock(): what the last holder wrote is visible from here on.
  if (unlikely(atomic_test_and_set(word, mask))) lock_slow(word);
}

static ALWAYS_INLINE void bit_spin_unlock(u32 mask, u32 *word) {
  // RELEASE. Pairs with bit_spin_lock(): the critical section is visible before the bit looks free.
  atomic_and(word, ~mask);
}

// activity: 0 free, n > 0 readers, -1 one writer.
struct rw_semaphore {
  u32 wait_lock;
  i32 activity;
  struct list_head wait_list;
};

static ALWAYS_INLINE void init_rwsem(struct rw_semaphore *sem) {
  sem->wait_lock = 0;
  sem->activity = 0;
  list_init(&sem->wait_list);
}

static ALWAYS_INLINE void down_read(struct rw_semaphore *sem) {
  spin_lock(&sem->wait_lock);
  if (unlikely(sem->activity < 0 || !list_empty(&sem->wait_list))) lock_slow(sem);
  sem->activity++;
  spin_unlock(&sem->wait_lock);
}

static ALWAYS_INLINE void down_write(struct rw_semaphore *sem) {
  spin_lock(&sem->wait_lock);
  if (unlikely(sem->activity != 0 || !list_empty(&sem->wait_list))) lock_slow(sem);
  sem->activity = -1;
  spin_unlock(&sem->wait_lock);
}

// Lets the waiters in: there are none.
static ALWAYS_INLINE void rwsem_do_wake(struct rw_semaphore *sem) {
  if (unlikely(!list_empty(&sem->wait_list))) lock_slow(sem);
}

static ALWAYS_INLINE void up_read(struct rw_semaphore *sem) {
  spin_lock(&sem->wait_lock);
  bug_on(sem->activity <= 0, "unlock of a free semaphore", sem, 0);
  if (--sem->activity == 0) rwsem_do_wake(sem);
  spin_unlock(&sem->wait_lock);
}

static ALWAYS_INLINE void up_write(struct rw_semaphore *sem) {
  spin_lock(&sem->wait_lock);
  bug_on(sem->activity != -1, "unlock of a semaphore without writer", sem, 0);
  sem->activity = 0;
  rwsem_do_wake(sem);
  spin_unlock(&sem->wait_lock);
}

#endif
