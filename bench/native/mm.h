// The structures of an address space, and its VMAs: a tree by address and a list in the same order.
// Like assembly/mm/mm_types.ts and vma_tree.ts.

#ifndef TWIN_MM_H
#define TWIN_MM_H

#include "rbtree.h"
#include "slab.h"

#define VM_READ 0x1u
#define VM_WRITE 0x2u
#define VM_EXEC 0x4u
#define VM_SHARED 0x8u
#define VM_MAYREAD 0x10u
#define VM_MAYWRITE 0x20u
#define VM_MAYEXEC 0x40u
#define VM_MAYSHARE 0x80u
#define VM_GROWSDOWN 0x100u

// First byte that a program cannot have: one page below 2^47.
#define TASK_SIZE 0x7ffffffff000ull

struct vm_area {
  struct rb_node rb;
  u32 vm_next;
  u64 vm_start;
  u64 vm_end;
  u64 vm_pgoff;
  u64 vm_page_prot;
  u32 vm_mm;
  u32 vm_flags;
  u32 vm_file;
  struct rb_node shared;
  u64 shared_subtree_last;
  u32 anon_vma;
  struct list_head anon_vma_node;
};
SAME_SIZE(struct vm_area, SIZEOF_VM_AREA);

struct mm {
  u32 mmap;
  u32 mm_rb;
  u32 mmap_cache;
  u32 pgd;
  i32 mm_users;
  i32 mm_count;
  u32 map_count;
  u32 page_table_lock;
  struct rw_semaphore mmap_sem;
  u64 cpu_vm_mask;
  struct list_head mmlist;
  i32 rss;
  u32 nr_tables;
  u32 total_vm;
  u32 serial;
  u32 oom_killed;
  u64 free_area_cache;
  u64 start_brk;
  u64 brk;
  u64 start_stack;
  u32 mmu_notifier_mm;
  u32 anonmm;
};
SAME_SIZE(struct mm, SIZEOF_MM);

static ALWAYS_INLINE struct vm_area *vma_ref(u32 ref) {
  return DEREF(struct vm_area, ref);
}

static ALWAYS_INLINE struct mm *mm_ref(u32 ref) {
  return DEREF(struct mm, ref);
}

static ALWAYS_INLINE struct vm_area *vma_of_node(u32 rb) {
  return CONTAINER(struct vm_area, rb, DEREF(struct rb_node, rb));
}

static ALWAYS_INLINE u64 vma_pages(const struct vm_area *vma) {
  return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

static ALWAYS_INLINE u64 linear_page_index(const struct vm_area *vma, u64 address) {
  return ((address - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff;
}

// A VMA whose written pages become private to it.
static ALWAYS_INLINE bool is_cow_mapping(u32 vm_flags) {
  return (vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

// The first VMA that ends after `address`, or NULL, without the hint.
static struct vm_area *first_ending_after(const struct mm *mm, u64 address) {
  struct vm_area *found = NULL;
  for (u32 node = mm->mm_rb; node != 0;) {
    struct vm_area *vma = vma_of_node(node);
    if (address < vma->vm_end) {
      found = vma;
      if (vma->vm_start <= address) break;
      node = vma->rb.child[RB_LEFT];
    } else {
      node = vma->rb.child[RB_RIGHT];
    }
  }
  return found;
}

static ALWAYS_INLINE struct vm_area *find_vma(struct mm *mm, u64 address) {
  struct vm_area *cached = vma_ref(read_once(&mm->mmap_cache));
  if (cached != NULL && cached->vm_start <= address && address < cached->vm_end) return cached;
  struct vm_area *found = first_ending_after(mm, address);
  if (found != NULL) write_once(&mm->mmap_cache, REF(found));
  return found;
}

// The last VMA that ends at `address` or before, or NULL.
static struct vm_area *find_vma_before(const struct mm *mm, u64 address) {
  struct vm_area *found = NULL;
  for (u32 node = mm->mm_rb; node != 0;) {
    struct vm_area *vma = vma_of_node(node);
    if (vma->vm_end <= address) {
      found = vma;
      node = vma->rb.child[RB_RIGHT];
    } else {
      node = vma->rb.child[RB_LEFT];
    }
  }
  return found;
}

static ALWAYS_INLINE void vma_set_next(struct mm *mm, struct vm_area *prev, u32 next) {
  if (prev == NULL) mm->mmap = next;
  else prev->vm_next = next;
}

// Puts `vma`, which overlaps no other, into the tree and the list of `mm`.
static void vma_tree_insert(struct mm *mm, struct vm_area *vma) {
  struct vm_area *prev = NULL;
  struct vm_area *parent = NULL;
  u32 *link = &mm->mm_rb;
  while (*link != 0) {
    parent = vma_of_node(*link);
    if (vma->vm_start < parent->vm_start) {
      link = &parent->rb.child[RB_LEFT];
    } else {
      link = &parent->rb.child[RB_RIGHT];
      prev = parent;
    }
  }
  vma->vm_next = prev == NULL ? mm->mmap : prev->vm_next;
  vma_set_next(mm, prev, REF(vma));
  rb_link_node(&vma->rb, parent == NULL ? NULL : &parent->rb, link);
  rb_insert_augmented(&vma->rb, &mm->mm_rb, no_update);
  mm->map_count++;
}

// Takes `vma` off the tree and the list.
static void vma_tree_erase(struct mm *mm, struct vm_area *vma, struct vm_area *prev) {
  vma_set_next(mm, prev, vma->vm_next);
  rb_erase_augmented(&vma->rb, &mm->mm_rb, no_update);
  mm->map_count--;
  if (read_once(&mm->mmap_cache) == REF(vma)) write_once(&mm->mmap_cache, 0);
}

#endif
