// Six locks of assembly/lock/ in C, taken and freed by one thread or by two: what does it cost that they are
// wasm? The same algorithms with the same loops; waits spin on reads as cpu_wait_while() does, without `pause`,
// which wasm does not have. STORE_ORDER: __ATOMIC_RELEASE, a plain store, as a lock in C is freed; or
// __ATOMIC_SEQ_CST, `xchg`, which is all that wasm has. RMW_LOOPS: what V8 makes of fetch_add, and, or.
// Each line of stdin: NAME THREADS OPS ROUNDS, as in README.md.

#include <pthread.h>
#include <stdlib.h>

#define MAX_PAGES 2u
#include "protocol.h"

#define LOAD(word) __atomic_load_n(word, __ATOMIC_ACQUIRE)
#define STORE(word, value) __atomic_store_n(word, value, STORE_ORDER)
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

struct node {
  struct node *next;
  uint32_t waits;
  struct node *mine;
  struct node *before;
} __attribute__((aligned(64)));

// A lock of any kind, on a line of its own; what it protects is on the next.
static struct {
  uint32_t word __attribute__((aligned(64)));
  uint32_t wait_lock;
  struct node *tail;
  volatile uint32_t count __attribute__((aligned(64)));
} lock;

static struct node nodes[2][2], dummy;

INLINE bool cmpxchg(uint32_t *word, uint32_t from, uint32_t to) {
  return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

#ifdef RMW_LOOPS
#define RMW(name, op)                                        \
  INLINE uint32_t fetch_##name(uint32_t *word, uint32_t by) { \
    for (;;) {                                               \
      const uint32_t old = LOAD(word);                       \
      if (cmpxchg(word, old, old op by)) return old;         \
    }                                                        \
  }
#else
#define RMW(name, op)                                        \
  INLINE uint32_t fetch_##name(uint32_t *word, uint32_t by) { \
    return __atomic_fetch_##name(word, by, __ATOMIC_SEQ_CST); \
  }
#endif
RMW(add, +)
RMW(and, &)
RMW(or, |)

// bit_spinlock.ts.
static NOINLINE void bit_slow(void) {
  for (;;) {
    const uint32_t old = LOAD(&lock.word);
    if (old & 1) while (LOAD(&lock.word) == old) continue;
    else if (cmpxchg(&lock.word, old, old | 1)) return;
  }
}
INLINE void bit_lock(struct node *node) {
  (void)node;
  const uint32_t old = LOAD(&lock.word);
  if ((old & 1) || !cmpxchg(&lock.word, old, old | 1)) bit_slow();
}
INLINE void bit_unlock(struct node *node) {
  (void)node;
  fetch_and(&lock.word, ~1u);
}

// ttas.ts.
static NOINLINE void ttas_slow(void) {
  do {
    while (LOAD(&lock.word) != 0) continue;
  } while (!cmpxchg(&lock.word, 0, 1));
}
INLINE void ttas_lock(struct node *node) {
  (void)node;
  if (!cmpxchg(&lock.word, 0, 1)) ttas_slow();
}
INLINE void ttas_unlock(struct node *node) {
  (void)node;
  STORE(&lock.word, 0);
}

// ticket.ts.
static NOINLINE void ticket_slow(uint32_t *word, uint16_t ticket) {
  while (LOAD((uint16_t *)word) != ticket) continue;
}
INLINE void ticket_take(uint32_t *word) {
  const uint32_t old = fetch_add(word, 1u << 16);
  if (old >> 16 != (old & 0xffff)) ticket_slow(word, (uint16_t)(old >> 16));
}
INLINE void ticket_free(uint32_t *word) {
  uint16_t *owner = (uint16_t *)word;
  STORE(owner, (uint16_t)(*owner + 1));
}
INLINE void ticket_lock(struct node *node) {
  (void)node;
  ticket_take(&lock.word);
}
INLINE void ticket_unlock(struct node *node) {
  (void)node;
  ticket_free(&lock.word);
}

// mcs.ts.
static NOINLINE void mcs_wait(struct node *before, struct node *node) {
  node->waits = 1;
  STORE(&before->next, node);
  while (LOAD(&node->waits) != 0) continue;
}
INLINE void mcs_lock(struct node *node) {
  node->next = NULL;
  struct node *before = __atomic_exchange_n(&lock.tail, node, __ATOMIC_SEQ_CST);
  if (before != NULL) mcs_wait(before, node);
}
static NOINLINE struct node *mcs_newcomer(struct node *node) {
  struct node *next;
  while ((next = LOAD(&node->next)) == NULL) continue;
  return next;
}
INLINE void mcs_unlock(struct node *node) {
  struct node *next = LOAD(&node->next);
  if (next == NULL) {
    struct node *self = node;
    if (__atomic_compare_exchange_n(
          &lock.tail, &self, NULL, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
    next = mcs_newcomer(node);
  }
  STORE(&next->waits, 0);
}

// clh.ts; a node knows its cell, which is a node too.
INLINE void clh_lock(struct node *node) {
  node->mine->waits = 1;
  node->before = __atomic_exchange_n(&lock.tail, node->mine, __ATOMIC_SEQ_CST);
  while (LOAD(&node->before->waits) != 0) continue;
}
INLINE void clh_unlock(struct node *node) {
  struct node *cell = node->mine;
  node->mine = node->before;
  STORE(&cell->waits, 0);
}

// rwlock.ts, for writing.
static NOINLINE void rwlock_slow(void) {
  ticket_take(&lock.wait_lock);
  if (!(LOAD(&lock.word) == 0 && cmpxchg(&lock.word, 0, 0xff))) {
    fetch_or(&lock.word, 0x100);
    while (LOAD(&lock.word) != 0x100 || !cmpxchg(&lock.word, 0x100, 0xff)) continue;
  }
  ticket_free(&lock.wait_lock);
}
INLINE void rwlock_lock(struct node *node) {
  (void)node;
  if (!cmpxchg(&lock.word, 0, 0xff)) rwlock_slow();
}
INLINE void rwlock_unlock(struct node *node) {
  (void)node;
  STORE((uint8_t *)&lock.word, 0);
}

// One thread's part: takes the lock `ops` times and counts under it.
#define HAMMER(name)                                                    \
  static NOINLINE void hammer_##name(struct node *node, unsigned ops) { \
    for (unsigned i = 0; i < ops; i++) {                                \
      name##_lock(node);                                                \
      lock.count = lock.count + 1;                                      \
      name##_unlock(node);                                              \
    }                                                                   \
  }
HAMMER(bit)
HAMMER(ttas)
HAMMER(ticket)
HAMMER(mcs)
HAMMER(clh)
HAMMER(rwlock)

static const struct kind {
  const char *name;
  void (*hammer)(struct node *, unsigned);
} kinds[] = {
  {"bit", hammer_bit}, {"ttas", hammer_ttas}, {"ticket", hammer_ticket},
  {"mcs", hammer_mcs}, {"clh", hammer_clh},   {"rwlock", hammer_rwlock},
};

static struct {
  void (*hammer)(struct node *, unsigned);
  unsigned ops;
  pthread_barrier_t begin;
} job;

static void *second_thread(void *arg) {
  (void)arg;
  pthread_barrier_wait(&job.begin);
  job.hammer(nodes[1], job.ops);
  return NULL;
}

// ns an operation of all threads, from the meeting of the threads to the end of the last.
static void run_round(unsigned round, unsigned threads) {
  memset(&lock, 0, sizeof lock);
  memset(nodes, 0, sizeof nodes);
  dummy.waits = 0;
  nodes[0][0].mine = &nodes[0][1];
  nodes[1][0].mine = &nodes[1][1];
  if (job.hammer == hammer_clh) lock.tail = &dummy;
  pthread_t other;
  pthread_barrier_init(&job.begin, NULL, threads);
  if (threads == 2 && pthread_create(&other, NULL, second_thread, NULL) != 0) exit(1);
  pthread_barrier_wait(&job.begin);
  const uint64_t begin = now_ns();
  job.hammer(nodes[0], job.ops);
  if (threads == 2) pthread_join(other, NULL);
  note_round(round, now_ns() - begin, threads * job.ops);
  pthread_barrier_destroy(&job.begin);
  if (lock.count == threads * job.ops) return;
  fprintf(stderr, "locks: counts were lost: %u of %u\n", lock.count, threads * job.ops);
  exit(3);
}

static bool run_line(const char *line) {
  char name[16];
  unsigned threads, ops, nr_rounds;
  if (strcmp(line, "quit\n") == 0) return false;
  if (sscanf(line, "%15s %u %u %u", name, &threads, &ops, &nr_rounds) != 4) {
    answer_error("no such command: see bench/native/README.md");
    return true;
  }
  job.hammer = NULL;
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].name, name) == 0) job.hammer = kinds[i].hammer;
  }
  job.ops = ops;
  if (job.hammer == NULL) {
    answer_error("there is no such lock");
  } else if (good_numbers(threads, nr_rounds)) {
    for (unsigned round = 0; round <= nr_rounds; round++) run_round(round, threads);
    answer_rounds(nr_rounds);
  }
  return true;
}

int main(void) {
  serve_lines(run_line);
  return 0;
}
