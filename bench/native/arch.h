// The hardware under the twin: memory, atomic operations, the state of the one CPU, and the stop
// when a rule is broken. Like assembly/arch/.
//
// Everything the machine owns lies below 4 GiB, because the program is linked at a fixed low
// address (-no-pie): a pointer is kept in 32 bits, as in wasm32, so that every struct has the size
// and the cache footprint of the kernel's.
// Left out: other CPUs, parking, traces, phases.

#ifndef TWIN_ARCH_H
#define TWIN_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;

// A pointer in 32 bits, and back.
#define REF(pointer) ((u32)(uintptr_t)(pointer))
#define DEREF(type, ref) ((type *)(uintptr_t)(ref))
#define CONTAINER(type, field, pointer) ((type *)((char *)(pointer) - offsetof(type, field)))

#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define unlikely(condition) __builtin_expect(!!(condition), 0)

// What the kernel's layout says; bench/native.ts passes the numbers of src/layout/structs.gen.ts,
// so that a struct that has changed there does not compile here.
#ifndef SIZEOF_PAGE
#define SIZEOF_PAGE 64
#define SIZEOF_VM_AREA 92
#define SIZEOF_MM 112
#define SIZEOF_ANON_VMA 12
#define SIZEOF_INODE 84
#define SIZEOF_TASK 96
#define SIZEOF_SLAB 20
#define TLB_SETS 128
#define TLB_WAYS 4
#define FREE_PTE_NR 506
#define PAGEVEC_SIZE 16
#define ARRAY_CACHE_SLOTS 60
#endif

// The kernel's sizes are without the padding that C adds behind the last field.
#define SAME_SIZE(type, kernel_bytes)                                                            \
  _Static_assert(                                                                                \
    (sizeof(type) + 7) / 8 == ((kernel_bytes) + 7) / 8, #type " is not as large as the kernel's" \
  )

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096u
#define PAGE_MASK 4095u

// Frames of the machine: 1 GiB.
#define NR_FRAMES (1u << 18)

// Frame n stands at frames + n * 4096.
static u8 frames[(size_t)NR_FRAMES << PAGE_SHIFT] __attribute__((aligned(4096)));

// A broken rule ends the program: the one that ran it reads the last line of stderr.
static __attribute__((noreturn, cold)) NOINLINE void bug(const char *rule, u32 object, u32 value) {
  fprintf(stderr, "twin: broken rule: %s, at 0x%x: %u\n", rule, object, value);
  exit(3);
}

#define bug_on(condition, rule, object, value)              \
  do {                                                      \
    if (unlikely(condition)) bug(rule, REF(object), value); \
  } while (0)

#define read_once(word) __atomic_load_n(word, __ATOMIC_RELAXED)
#define write_once(word, value) __atomic_store_n(word, value, __ATOMIC_RELAXED)
#define smp_store_release(word, value) __atomic_store_n(word, value, __ATOMIC_RELEASE)
#define atomic_fetch_add(word, delta) __atomic_fetch_add(word, delta, __ATOMIC_SEQ_CST)
#define atomic_inc(word) ((void)__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST))
#define atomic_inc_and_test(word) (__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST) == 0)
#define atomic_dec_and_test(word) (__atomic_sub_fetch(word, 1, __ATOMIC_SEQ_CST) == 0)
#define atomic_dec_negative(word) (__atomic_sub_fetch(word, 1, __ATOMIC_SEQ_CST) < 0)
#define atomic_or(word, mask) ((void)__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST))
#define atomic_and(word, mask) ((void)__atomic_fetch_and(word, mask, __ATOMIC_SEQ_CST))
#define atomic_xchg(word, value) __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST)
// Sets one bit; true if it was set. One lock bts, where a fetched or would be a loop of
// compare-and-exchange.
#define atomic_test_and_set(word, mask) \
  ((__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & (mask)) != 0)

// Stores `value` if the word is `expected`; true if it was.
static ALWAYS_INLINE bool atomic_cmpxchg32(u32 *word, u32 expected, u32 value) {
  return __atomic_compare_exchange_n(
    word, &expected, value, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED
  );
}

static ALWAYS_INLINE bool atomic_cmpxchg64(u64 *word, u64 expected, u64 value) {
  return __atomic_compare_exchange_n(
    word, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED
  );
}

// What the machine was booted with.
struct boot_params {
  u32 nr_cpus;
  u32 lowmem_pfns;
  u32 max_mapnr;
  u32 zero_pfn;
};
static struct boot_params boot = { 1, NR_FRAMES, NR_FRAMES, 0 };

struct tlb_entry {
  u64 tag;
  u64 pte;
};

// Circular doubly linked list, with the head as a node of its own.
struct list_head {
  u32 next;
  u32 prev;
};

// Hot frames of one zone.
struct per_cpu_pages {
  u32 count;
  u32 high;
  u32 batch;
  struct list_head list;
};

// Free objects of one slab cache.
struct array_cache {
  u32 avail;
  u32 allocs;
  u32 frees;
  u32 refills;
  u32 slots[ARRAY_CACHE_SLOTS];
};

#define MAX_NR_ZONES 2
#define NR_CACHES 6

// The area of the CPU.
struct percpu {
  u32 id;
  u32 attention;
  u32 active_mm;
  u32 current;
  u32 tlb_generation;
  u32 tlb_victim;
  u32 irq_disabled;
  i32 nr_mapped;
  u32 pgfault;
  u32 tlb_flushes;
  u32 tlb_misses;
  u32 pagevec_nr;
  u32 barrier;
  struct list_head runqueue;
  u32 runqueue_lock;
  u32 nr_running;
  u32 gather_mm;
  u32 gather_nr;
  u32 gather_freed;
  u32 gather_need_flush;
  u32 gather_fullmm;
  u32 local_pte_chain;
  struct per_cpu_pages pagesets[MAX_NR_ZONES];
  u32 pagevec[PAGEVEC_SIZE];
  u32 gather[FREE_PTE_NR];
  struct array_cache arrays[NR_CACHES];
  struct tlb_entry tlb[TLB_SETS][TLB_WAYS] __attribute__((aligned(64)));
};
static struct percpu cpu0 __attribute__((aligned(64)));

static ALWAYS_INLINE struct percpu *this_cpu(void) {
  return &cpu0;
}

static ALWAYS_INLINE u64 cpu_bit(u32 id) {
  return (u64)1 << id;
}

// Full fence: a locked operation on a word of this CPU, cheaper than mfence.
static ALWAYS_INLINE void smp_mb(void) {
  (void)__atomic_fetch_add(&this_cpu()->barrier, 0, __ATOMIC_SEQ_CST);
}

// Takes the interrupts that are posted: nobody is there to post one.
static ALWAYS_INLINE void serve_ipis(void) {
  bug_on(read_once(&this_cpu()->attention) != 0, "an interrupt came from nowhere", this_cpu(), 0);
}

static ALWAYS_INLINE void local_irq_disable(void) {
  this_cpu()->irq_disabled++;
}

static ALWAYS_INLINE void local_irq_enable(void) {
  this_cpu()->irq_disabled--;
}

#endif
