// The software TLB of the CPU, and its flushes. Like assembly/arch/tlb.ts and mm/tlb_flush.ts.
//
// A tag is the virtual page, and in the place of the offset the generation that it was entered in:
// a full flush counts the generation up, and really clears the TLB when its 12 bits are used up.
// Left out: shootdown; a mask that names another CPU ends the twin.

#ifndef TWIN_TLB_H
#define TWIN_TLB_H

#include "pgtable.h"

#define TLB_GENERATION_MAX PAGE_MASK

static ALWAYS_INLINE u64 tlb_tag(const struct percpu *cpu, u64 address) {
  return (address & ~(u64)TLB_GENERATION_MAX) | cpu->tlb_generation;
}

static ALWAYS_INLINE struct tlb_entry *tlb_set(u64 address) {
  return this_cpu()->tlb[(address >> PAGE_SHIFT) & (TLB_SETS - 1)];
}

// The entry for `address`, or NULL.
static ALWAYS_INLINE struct tlb_entry *tlb_lookup(u64 address) {
  const u64 tag = tlb_tag(this_cpu(), address);
  struct tlb_entry *set = tlb_set(address);
  _Static_assert(TLB_WAYS == 4, "four ways are compared");
  if (set[0].tag == tag) return &set[0];
  if (set[1].tag == tag) return &set[1];
  if (set[2].tag == tag) return &set[2];
  if (set[3].tag == tag) return &set[3];
  return NULL;
}

// Enters a translation; replaces the entry of the same page, else the ways in turn.
static void tlb_fill(u64 address, u64 pte) {
  struct percpu *cpu = this_cpu();
  struct tlb_entry *entry = tlb_lookup(address);
  if (entry == NULL) {
    entry = tlb_set(address) + (cpu->tlb_victim++ & (TLB_WAYS - 1));
    entry->tag = tlb_tag(cpu, address);
  }
  entry->pte = pte;
}

static ALWAYS_INLINE void local_flush_tlb_one(u64 address) {
  struct tlb_entry *entry = tlb_lookup(address);
  if (entry != NULL) entry->tag = 0;
}

static void local_flush_tlb(void) {
  struct percpu *cpu = this_cpu();
  cpu->tlb_flushes++;
  if (unlikely(cpu->tlb_generation == TLB_GENERATION_MAX)) {
    memset(cpu->tlb, 0, sizeof cpu->tlb);
    cpu->tlb_generation = 0;
  }
  cpu->tlb_generation++;
}

static ALWAYS_INLINE void flush_tlb_others(const struct mm *mm) {
  smp_mb();
  const u64 others = read_once(&mm->cpu_vm_mask) & ~cpu_bit(this_cpu()->id);
  bug_on(others != 0, "a TLB of a CPU that does not exist", mm, (u32)others);
}

static ALWAYS_INLINE void flush_tlb_page(const struct mm *mm, u64 address) {
  if (this_cpu()->active_mm == REF(mm)) local_flush_tlb_one(address);
  flush_tlb_others(mm);
}

static ALWAYS_INLINE void flush_tlb_mm(const struct mm *mm) {
  if (this_cpu()->active_mm == REF(mm)) local_flush_tlb();
  flush_tlb_others(mm);
}

#endif
