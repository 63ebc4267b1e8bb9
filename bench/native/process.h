// What the host does in racier: fork, exit and wait, and the program's own accesses to memory. Like
// src/mm/, src/syscall/ and assembly/arch/mmu.ts, mm/page_fault.ts and mm/uaccess.ts.

#ifndef TWIN_PROCESS_H
#define TWIN_PROCESS_H

#include "copy.h"
#include "fault.h"
#include "task.h"

// Resolves a fault of the running program.
static NOINLINE void do_page_fault(u64 address, bool write) {
  struct percpu *cpu = this_cpu();
  struct task *task = DEREF(struct task, cpu->current);
  struct mm *mm = mm_ref(task->mm);
  down_read(&mm->mmap_sem);
  struct vm_area *vma = find_vma(mm, address);
  const u32 needed = write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXEC;
  const bool allowed = vma != NULL && address >= vma->vm_start && (vma->vm_flags & needed) != 0;
  bug_on(!allowed, "SIGSEGV at this page", address >> PAGE_SHIFT, write);
  handle_mm_fault(mm, vma, address, write);
  up_read(&mm->mmap_sem);
  cpu->pgfault++;
  task->min_flt++;
}

// Walks, sets A (and D), fills the TLB. The PTE, or 0 when a fault must be taken.
static u64 walk(u64 address, bool write) {
  struct percpu *cpu = this_cpu();
  const u64 needed = write ? _PAGE_PRESENT | _PAGE_RW : _PAGE_PRESENT;
  const u64 marks = write ? _PAGE_ACCESSED | _PAGE_DIRTY : _PAGE_ACCESSED;
  cpu->tlb_misses++;
  while (true) {
    u64 *ptep = pte_offset(mm_ref(cpu->active_mm), address);
    if (ptep == NULL) return 0;
    const u64 pte = pte_read(ptep);
    if ((pte & needed) != needed) return 0;
    const u64 marked = pte | marks;
    if (marked != pte && !atomic_cmpxchg64(ptep, pte, marked)) continue;
    tlb_fill(address, marked);
    return marked;
  }
}

static NOINLINE u64 translate_slow(u64 address, bool write) {
  while (true) {
    serve_ipis();
    const u64 pte = walk(address, write);
    if (pte != 0) return pte;
    do_page_fault(address, write);
  }
}

// Where the byte at virtual `address` stands, after whatever faults that takes.
static ALWAYS_INLINE u8 *translate(u64 address, bool write) {
  serve_ipis();
  const struct tlb_entry *entry = tlb_lookup(address);
  u64 pte = entry == NULL ? 0 : entry->pte;
  const u64 writable = _PAGE_RW | _PAGE_DIRTY;
  if (pte == 0 || (write && (pte & writable) != writable)) pte = translate_slow(address, write);
  return (u8 *)pfn_address(pte_pfn(pte)) + (address & PAGE_MASK);
}

// Touches one word of each page of [address, end): reads it, or writes a word derived from its
// address.
static void user_touch(u64 address, u64 end, bool write) {
  for (; address < end; address += PAGE_SIZE) {
    u8 *byte = translate(address, write);
    if (write) write_once((u32 *)byte, (u32)(address >> PAGE_SHIFT));
  }
}

// Copies one VMA of the parent and what it maps to `mm`.
static void dup_vma(struct mm *mm, struct mm *old_mm, const struct vm_area *old) {
  struct vm_area *vma = kmem_cache_alloc(CACHE_VM_AREA);
  memcpy(vma, old, sizeof *vma);
  vma->vm_mm = REF(mm);
  vma->vm_next = 0;
  anon_vma_link(vma);
  if (vma->vm_file != 0) {
    inode_get(inode_ref(vma->vm_file));
    vma_link_file(vma);
  }
  spin_lock(&mm->page_table_lock);
  vma_tree_insert(mm, vma);
  copy_page_range(mm, old_mm, vma);
  spin_unlock(&mm->page_table_lock);
}

static struct mm *dup_mm(struct mm *old_mm) {
  struct mm *mm = mm_alloc();
  down_write(&old_mm->mmap_sem);
  mm->total_vm = old_mm->total_vm;
  mm->free_area_cache = old_mm->free_area_cache;
  mm->start_brk = old_mm->start_brk;
  mm->brk = old_mm->brk;
  mm->start_stack = old_mm->start_stack;
  for (const struct vm_area *vma = vma_ref(old_mm->mmap); vma != NULL;
       vma = vma_ref(vma->vm_next)) {
    dup_vma(mm, old_mm, vma);
  }
  flush_tlb_mm(old_mm);
  up_write(&old_mm->mmap_sem);
  return mm;
}

// The current task's child, ready to run.
static struct task *do_fork(void) {
  struct task *parent = DEREF(struct task, this_cpu()->current);
  struct task *child = task_alloc(parent, dup_mm(mm_ref(parent->mm)));
  memset(child->args, 0, sizeof child->args);
  wake_up_new_task(child);
  return child;
}

// Takes a VMA whose PTEs are gone off its lists and frees it.
static void remove_vma(struct vm_area *vma) {
  struct inode *inode = inode_ref(vma->vm_file);
  if (inode != NULL) vma_unlink_file(vma);
  anon_vma_unlink(vma);
  kmem_cache_free(CACHE_VM_AREA, vma);
  if (inode != NULL) inode_put(inode);
}

static void exit_mm(struct mm *mm) {
  if (!mm_put_user(mm)) return;
  exit_mmap_tables(mm);
  bug_on(mm->rss != 0, "rss is not 0 after exit", mm, (u32)mm->rss);
  bug_on(mm->nr_tables != 0, "page tables are left after exit", mm, mm->nr_tables);
  struct vm_area *vma = vma_ref(mm->mmap);
  mm->mmap = 0;
  mm->mm_rb = 0;
  mm->mmap_cache = 0;
  mm->map_count = 0;
  mm->total_vm = 0;
  while (vma != NULL) {
    struct vm_area *next = vma_ref(vma->vm_next);
    remove_vma(vma);
    vma = next;
  }
  mmdrop(mm);
}

// Ends the current task; the CPU keeps its page tables until it runs another.
static void do_exit(void) {
  struct task *task = DEREF(struct task, this_cpu()->current);
  struct mm *mm = mm_ref(task->mm);
  task->mm = 0;
  exit_mm(mm);
  switch_to(NULL);
  task_exit(task, 0);
}

// Pages that a program writes before and after a fork, as a C library does: addresses.
#define MAX_HOT 64u
struct hot_pages {
  u32 nr;
  u64 addresses[MAX_HOT];
};

static void write_hot(const struct hot_pages *hot) {
  for (u32 i = 0; i < hot->nr; i++) {
    write_once((u32 *)translate(hot->addresses[i] & ~(u64)PAGE_MASK, true), (u32)hot->addresses[i]);
  }
}

// The current task waits for `child`, which runs meanwhile: writes the hot pages and exits.
static void run_child_and_wait(struct task *child, const struct hot_pages *hot) {
  struct task *parent = DEREF(struct task, this_cpu()->current);
  struct task *ended = wait_task_zombie(parent);
  bug_on(ended != NULL || !has_children(parent), "a child ended before it ran", parent, 0);
  bug_on(pick_next_task() != child, "another task ran", child, 0);
  switch_to(child);
  write_hot(hot);
  do_exit();
  switch_to(parent);
  ended = wait_task_zombie(parent);
  bug_on(ended != child, "another task ended", ended, 0);
  kmem_cache_free(CACHE_TASK, ended);
}

#endif
