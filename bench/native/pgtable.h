// Page-table entries and the four levels: allocate and walk. Like assembly/arch/pte.ts and
// mm/pgtable.ts.
//
// A page of tables is allocated with page_table_lock dropped, and given back if another thread was
// faster.

#ifndef TWIN_PGTABLE_H
#define TWIN_PGTABLE_H

#include "mm.h"

#define _PAGE_PRESENT 0x001ull
#define _PAGE_RW 0x002ull
#define _PAGE_USER 0x004ull
#define _PAGE_ACCESSED 0x020ull
#define _PAGE_DIRTY 0x040ull
#define _PAGE_PROTNONE 0x080ull
#define _PAGE_NX 0x8000000000000000ull
#define PTE_PFN_MASK 0x0000fffffffff000ull
#define _PAGE_CHG_MASK (PTE_PFN_MASK | _PAGE_ACCESSED | _PAGE_DIRTY)
#define _PAGE_TABLE (_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY)

#define PTRS_PER_TABLE 512u
#define PGD_SHIFT 39
#define PUD_SHIFT 30
#define PMD_SHIFT 21
#define PTE_SHIFT 12

static ALWAYS_INLINE u64 pte_read(const u64 *ptep) {
  return read_once(ptep);
}

// Writes an entry that the walker cannot race with.
static ALWAYS_INLINE void set_pte(u64 *ptep, u64 pte) {
  write_once(ptep, pte);
}

static ALWAYS_INLINE bool pte_present(u64 pte) {
  return (pte & (_PAGE_PRESENT | _PAGE_PROTNONE)) != 0;
}

static ALWAYS_INLINE u32 pte_pfn(u64 pte) {
  return (u32)((pte & PTE_PFN_MASK) >> PAGE_SHIFT);
}

static ALWAYS_INLINE u64 pfn_pte(u32 pfn, u64 prot) {
  return ((u64)pfn << PAGE_SHIFT) | prot;
}

// Takes the entry away in one step, so that no A or D bit is lost.
static ALWAYS_INLINE u64 ptep_get_and_clear(u64 *ptep) {
  return atomic_xchg(ptep, 0ull);
}

static ALWAYS_INLINE void ptep_set_wrprotect(u64 *ptep) {
  atomic_and(ptep, ~_PAGE_RW);
}

static ALWAYS_INLINE void ptep_set_bits(u64 *ptep, u64 bits) {
  atomic_or(ptep, bits);
}

static ALWAYS_INLINE u64 *table_entry(u64 *table, u64 address, u32 shift) {
  return table + ((address >> shift) & (PTRS_PER_TABLE - 1));
}

// The table below `entry`, or NULL.
static ALWAYS_INLINE u64 *table_below(const u64 *entry) {
  const u64 value = pte_read(entry);
  return value == 0 ? NULL : pfn_address(pte_pfn(value));
}

// A frame of zeros to be used as a table.
static u64 *alloc_table(void) {
  struct page *page = alloc_page(GFP_KERNEL | GFP_ZERO);
  page_set_flag(page, PG_table);
  return page_address(page);
}

static void free_table(u64 *table) {
  struct page *page = virt_to_page(table);
  page_clear_flag(page, PG_table);
  free_page(page);
}

static NOINLINE u64 *table_alloc_slow(struct mm *mm, u64 *entry) {
  spin_unlock(&mm->page_table_lock);
  u64 *table = alloc_table();
  spin_lock(&mm->page_table_lock);
  u64 *raced = table_below(entry);
  if (raced != NULL) {
    free_table(table);
    return raced;
  }
  set_pte(entry, pfn_pte(page_to_pfn(virt_to_page(table)), _PAGE_TABLE));
  mm->nr_tables++;
  return table;
}

static ALWAYS_INLINE u64 *table_alloc(struct mm *mm, u64 *entry) {
  u64 *below = table_below(entry);
  return below != NULL ? below : table_alloc_slow(mm, entry);
}

// The PTE for `address`, with all tables above it allocated. Locked; drops the lock to allocate.
static u64 *pte_alloc_map(struct mm *mm, u64 address) {
  u64 *pud_table = table_alloc(mm, table_entry(DEREF(u64, mm->pgd), address, PGD_SHIFT));
  u64 *pmd_table = table_alloc(mm, table_entry(pud_table, address, PUD_SHIFT));
  u64 *pte_table = table_alloc(mm, table_entry(pmd_table, address, PMD_SHIFT));
  return table_entry(pte_table, address, PTE_SHIFT);
}

// The PTE for `address`, or NULL where no table reaches.
static ALWAYS_INLINE u64 *pte_offset(const struct mm *mm, u64 address) {
  u64 *pud_table = table_below(table_entry(DEREF(u64, mm->pgd), address, PGD_SHIFT));
  if (pud_table == NULL) return NULL;
  u64 *pmd_table = table_below(table_entry(pud_table, address, PUD_SHIFT));
  if (pmd_table == NULL) return NULL;
  u64 *pte_table = table_below(table_entry(pmd_table, address, PMD_SHIFT));
  return pte_table == NULL ? NULL : table_entry(pte_table, address, PTE_SHIFT);
}

// First address after `address` that lies in another entry of a level, but not beyond `end`.
static ALWAYS_INLINE u64 addr_end(u64 address, u64 end, u32 shift) {
  const u64 boundary = ((address >> shift) + 1) << shift;
  return boundary < end ? boundary : end;
}

// First address at or after `address`, before `end`, that has a table of PTEs; `end` if there is
// none. Locked.
static u64 next_pte_table(const struct mm *mm, u64 address, u64 end) {
  while (address < end) {
    u64 *pud_table = table_below(table_entry(DEREF(u64, mm->pgd), address, PGD_SHIFT));
    if (pud_table == NULL) {
      address = addr_end(address, end, PGD_SHIFT);
      continue;
    }
    u64 *pmd_table = table_below(table_entry(pud_table, address, PUD_SHIFT));
    if (pmd_table == NULL) {
      address = addr_end(address, end, PUD_SHIFT);
      continue;
    }
    if (table_below(table_entry(pmd_table, address, PMD_SHIFT)) != NULL) return address;
    address = addr_end(address, end, PMD_SHIFT);
  }
  return end;
}

#endif
