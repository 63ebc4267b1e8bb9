// Processes to measure: built from regions, as src/workload/process-layout describes them. Untimed.

#ifndef TWIN_LAYOUT_H
#define TWIN_LAYOUT_H

#include "machine.h"

#define MAX_REGIONS 65536u

// One mapping: what of it is resident starts at its lower end, in a stack that grows down at its
// upper.
struct region {
  u64 start;
  u64 end;
  u32 vm_flags;
  // Pages touched at all, and of these the pages written to.
  u64 resident;
  u64 written;
  // Number of the file, or 0; and the page of it that is mapped at `start`.
  u32 file;
  u64 offset;
  // Filled by process_create.
  struct vm_area *vma;
};

// The process of the `vma` lines, and that of a command.
struct layout {
  u32 nr;
  // Resident pages of all regions.
  u64 resident;
  struct region *regions;
  struct hot_pages hot;
};
static struct region user_regions[MAX_REGIONS];
static struct region own_regions[8];
static struct layout user_layout = { .regions = user_regions };
static struct layout own_layout = { .regions = own_regions };

static void clear_layout(struct layout *layout) {
  layout->nr = 0;
  layout->resident = 0;
  layout->hot.nr = 0;
}

static void push_region(struct layout *layout, const struct region *region) {
  layout->regions[layout->nr++] = *region;
  layout->resident += region->resident;
}

static u64 vm_page_prot(u32 flags) {
  if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) == 0) return _PAGE_PROTNONE | _PAGE_ACCESSED;
  u64 prot = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;
  if ((flags & (VM_WRITE | VM_SHARED)) == (VM_WRITE | VM_SHARED)) prot |= _PAGE_RW;
  return (flags & VM_EXEC) == 0 ? prot | _PAGE_NX : prot;
}

// Maps a region into `mm`. `inode` is NULL for anonymous memory.
static struct vm_area *
mmap_region(struct mm *mm, const struct region *region, struct inode *inode) {
  struct vm_area *vma = kmem_cache_alloc(CACHE_VM_AREA);
  memset(vma, 0, sizeof *vma);
  vma->vm_mm = REF(mm);
  vma->vm_flags = region->vm_flags;
  vma->vm_start = region->start;
  vma->vm_end = region->end;
  vma->vm_pgoff = inode == NULL ? region->start >> PAGE_SHIFT : region->offset;
  vma->vm_page_prot = vm_page_prot(region->vm_flags);
  vma->vm_file = REF(inode);
  down_write(&mm->mmap_sem);
  spin_lock(&mm->page_table_lock);
  vma_tree_insert(mm, vma);
  spin_unlock(&mm->page_table_lock);
  if (inode != NULL) {
    inode_get(inode);
    vma_link_file(vma);
  }
  mm->total_vm += (u32)vma_pages(vma);
  up_write(&mm->mmap_sem);
  return vma;
}

static void munmap_region(struct mm *mm, struct vm_area *vma) {
  down_write(&mm->mmap_sem);
  struct vm_area *prev = find_vma_before(mm, vma->vm_start);
  const struct vm_area *next = vma_ref(vma->vm_next);
  spin_lock(&mm->page_table_lock);
  vma_tree_erase(mm, vma, prev);
  spin_unlock(&mm->page_table_lock);
  const u64 ceiling = next == NULL ? TASK_SIZE + ((u64)1 << PGD_SHIFT) : next->vm_start;
  unmap_region(mm, vma->vm_start, vma->vm_end, prev == NULL ? 0 : prev->vm_end, ceiling);
  mm->total_vm -= (u32)vma_pages(vma);
  remove_vma(vma);
  up_write(&mm->mmap_sem);
}

// Gives the pages that are there already the rights of `vma`.
static void change_protection(struct mm *mm, const struct vm_area *vma) {
  const u64 end = vma->vm_end;
  spin_lock(&mm->page_table_lock);
  u64 address = next_pte_table(mm, vma->vm_start, end);
  for (; address < end; address = next_pte_table(mm, address + PAGE_SIZE, end)) {
    u64 *ptep = pte_offset(mm, address);
    if (!pte_present(pte_read(ptep))) continue;
    const u64 pte = ptep_get_and_clear(ptep);
    set_pte(ptep, (pte & _PAGE_CHG_MASK) | vma->vm_page_prot);
  }
  flush_tlb_mm(mm);
  spin_unlock(&mm->page_table_lock);
}

static void touch_edge(const struct region *region, u64 pages, bool write) {
  const u64 bytes = pages << PAGE_SHIFT;
  const u64 start = (region->vm_flags & VM_GROWSDOWN) != 0 ? region->end - bytes : region->start;
  user_touch(start, start + bytes, write);
}

// Touches what a region says is touched, with rights that allow it.
static void populate_region(struct mm *mm, const struct region *region) {
  struct vm_area *vma = region->vma;
  if (region->resident == 0) return;
  vma->vm_flags |= VM_READ | (region->written != 0 ? VM_WRITE : 0);
  vma->vm_page_prot = vm_page_prot(vma->vm_flags);
  touch_edge(region, region->written, true);
  touch_edge(region, region->resident, false);
  if (vma->vm_flags == region->vm_flags) return;
  vma->vm_flags = region->vm_flags;
  vma->vm_page_prot = vm_page_prot(vma->vm_flags);
  change_protection(mm, vma);
}

// The region before number `index` that maps the same file, or NULL.
static const struct region *same_file(const struct region *regions, u32 index) {
  for (u32 i = 0; i < index; i++) {
    if (regions[i].file == regions[index].file) return &regions[i];
  }
  return NULL;
}

// Maps region number `index`; a file that no earlier one maps is made, and kept by its mappings
// alone.
static void map_region(struct mm *mm, struct region *regions, u32 index) {
  struct region *region = &regions[index];
  if (region->file == 0) {
    region->vma = mmap_region(mm, region, NULL);
    return;
  }
  const struct region *earlier = same_file(regions, index);
  struct inode *inode =
    earlier == NULL ? inode_alloc(region->file) : inode_ref(earlier->vma->vm_file);
  region->vma = mmap_region(mm, region, inode);
  if (earlier == NULL) inode_put(inode);
}

// A process that runs on the CPU from here on.
static struct task *process_create(const struct layout *layout) {
  struct mm *mm = mm_alloc();
  struct task *task = task_alloc(NULL, mm);
  task->cpu = this_cpu()->id;
  switch_to(task);
  for (u32 i = 0; i < layout->nr; i++) map_region(mm, layout->regions, i);
  for (u32 i = 0; i < layout->nr; i++) populate_region(mm, &layout->regions[i]);
  lru_add_drain();
  return task;
}

#define RIGHTS_RW (VM_READ | VM_WRITE)
#define RIGHTS_RX (VM_READ | VM_EXEC)
#define MAY_ALL (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define STACK_END 0x7ffffffff000ull
#define BIG_START ((u64)1 << 40)

// Adds to own_layout.
static void
add_region(u64 start, u64 pages, u32 rights, u64 resident, u64 written, u32 file, u64 offset) {
  push_region(
    &own_layout,
    &(struct region){
      .start = start,
      .end = start + (pages << PAGE_SHIFT),
      .vm_flags = rights | MAY_ALL,
      .resident = resident,
      .written = written,
      .file = file,
      .offset = offset,
    }
  );
}

// Nothing but one private anonymous mapping of `pages` pages, all of them written.
static const struct layout *one_region_layout(u64 pages) {
  clear_layout(&own_layout);
  add_region(BIG_START, pages, RIGHTS_RW, pages, pages, 0, 0);
  return &own_layout;
}

// pagesLayout() of src/workload/process-layout/synthetic.ts: text, data, heap, `pages` anonymous
// pages, stack.
static const struct layout *pages_layout(u64 pages) {
  clear_layout(&own_layout);
  add_region(0x400000, 8, RIGHTS_RX, 8, 0, 1, 0);
  add_region(0x408000, 2, RIGHTS_RW, 2, 2, 1, 8);
  add_region(0x10000000, 33, RIGHTS_RW, 2, 2, 0, 0);
  add_region(BIG_START, pages, RIGHTS_RW, pages, pages, 0, 0);
  add_region(STACK_END - 33 * PAGE_SIZE, 33, RIGHTS_RW | VM_GROWSDOWN, 3, 3, 0, 0);
  return &own_layout;
}

#endif
