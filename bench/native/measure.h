// What the twin measures: each function builds its process, runs one untimed round and then the
// rounds asked for, notes what each took, checks every count, and ends the process.

#ifndef TWIN_MEASURE_H
#define TWIN_MEASURE_H

#include "layout.h"

// Of a command; a COW round needs every page twice.
#define MAX_PAGES 100000u
#include "protocol.h"

#define MAX_TABLES (MAX_PAGES / PTRS_PER_TABLE + 2)

static struct mm *task_mm(const struct task *task) {
  return mm_ref(task->mm);
}

// A parent and its child, both with the same pages; the tables of both, for calls that take a
// table.
struct pair {
  struct task *parent;
  struct task *child;
  u32 pages;
  u32 vm_flags;
  u32 nr_tables;
  u64 *src[MAX_TABLES];
  u64 *dst[MAX_TABLES];
};
static struct pair pair;

static u32 pair_count(u32 table) {
  const u32 left = pair.pages - table * PTRS_PER_TABLE;
  return left < PTRS_PER_TABLE ? left : PTRS_PER_TABLE;
}

static void pair_copy(void) {
  struct mm *mm = task_mm(pair.child);
  for (u32 i = 0; i < pair.nr_tables; i++) {
    copy_pte_range(mm, pair.dst[i], pair.src[i], pair_count(i), pair.vm_flags);
  }
}

static void pair_zap(void) {
  tlb_gather_mmu(task_mm(pair.child), false);
  for (u32 i = 0; i < pair.nr_tables; i++) zap_pte_range(pair.dst[i], pair_count(i));
  tlb_finish_mmu();
}

static void pair_create(u32 pages) {
  pair.parent = process_create(one_region_layout(pages));
  pair.child = do_fork();
  pair.pages = pages;
  pair.vm_flags = own_regions[0].vm_flags;
  pair.nr_tables = 0;
  const u64 end = own_regions[0].end;
  for (u64 address = BIG_START; address < end; address = addr_end(address, end, PMD_SHIFT)) {
    pair.src[pair.nr_tables] = pte_offset(task_mm(pair.parent), address);
    pair.dst[pair.nr_tables] = pte_offset(task_mm(pair.child), address);
    pair.nr_tables++;
  }
  check_mm(task_mm(pair.child), 2);
  pair_zap();
}

// ns a PTE of the copy loop, or of the zap loop with its gather; the other one follows untimed.
// Round 0 warms up.
static void measure_pair(u32 pages, u32 nr_rounds, bool zap) {
  pair_create(pages);
  for (u32 round = 0; round <= nr_rounds; round++) {
    const u64 start = now_ns();
    pair_copy();
    const u64 middle = now_ns();
    pair_zap();
    const u64 end = now_ns();
    note_round(round, zap ? end - middle : middle - start, pages);
  }
  check_mm(task_mm(pair.parent), 1);
  pair_copy();
  check_mm(task_mm(pair.child), 2);
  run_child_and_wait(pair.child, &own_layout.hot);
  check_mm(task_mm(pair.parent), 1);
  do_exit();
}

// ns of fork, exit and wait; parent and child write the hot pages.
static void measure_forkexit(const struct layout *layout, u32 nr_rounds) {
  struct mm *mm = task_mm(process_create(layout));
  for (u32 round = 0; round <= nr_rounds; round++) {
    const u64 start = now_ns();
    struct task *child = do_fork();
    write_hot(&layout->hot);
    run_child_and_wait(child, &layout->hot);
    note_round(round, now_ns() - start, 1);
  }
  check_mm(mm, 1);
  do_exit();
}

// ns a page of the first touch of a new mapping.
static void measure_touch(u32 pages, u32 nr_rounds) {
  clear_layout(&own_layout);
  struct mm *mm = task_mm(process_create(&own_layout));
  const struct region *region = one_region_layout(pages)->regions;
  for (u32 round = 0; round <= nr_rounds; round++) {
    struct vm_area *vma = mmap_region(mm, region, NULL);
    const u64 start = now_ns();
    user_touch(vma->vm_start, vma->vm_end, true);
    note_round(round, now_ns() - start, pages);
    bug_on(mm->rss != (i32)pages, "a page was not touched", mm, (u32)mm->rss);
    munmap_region(mm, vma);
    bug_on(mm->nr_tables != 0, "page tables are left after munmap", mm, mm->nr_tables);
  }
  do_exit();
}

// ns a page of a parent's write to pages that it shares with its child.
static void measure_cow(u32 pages, u32 nr_rounds) {
  const struct layout *layout = one_region_layout(pages);
  struct task *parent = process_create(layout);
  for (u32 round = 0; round <= nr_rounds; round++) {
    struct task *child = do_fork();
    const u32 faults = parent->min_flt;
    const u64 start = now_ns();
    user_touch(layout->regions->start, layout->regions->end, true);
    note_round(round, now_ns() - start, pages);
    bug_on(
      parent->min_flt - faults != pages, "a page was not copied", parent, parent->min_flt - faults
    );
    check_mm(task_mm(child), 1);
    run_child_and_wait(child, &layout->hot);
  }
  check_mm(task_mm(parent), 1);
  do_exit();
}

#endif
