// The C twin of racier's kernel: the same machine, the same algorithms, compiled by a C compiler at -O2, to tell what
// wasm costs. One process, one thread, one of the two kernels (RMAP). Commands and answers are lines; see README.md.
//
// Every command builds what it measures, measures it, takes it apart, and proves that the machine is as before.

#include "layout.h"

#define MAX_PAGES 100000u
#include "protocol.h"

// Resident pages of a process that is only forked.
#define MAX_RESIDENT (NR_FRAMES / 4 * 3)
#define MAX_TABLES (MAX_PAGES / PTRS_PER_TABLE + 2)

static struct mm *task_mm(const struct task *task) {
  return mm_ref(task->mm);
}

// A parent and its child, both with the same pages; the tables of both, for calls that take a table.
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
  for (u32 i = 0; i < pair.nr_tables; i++) copy_pte_range(mm, pair.dst[i], pair.src[i], pair_count(i), pair.vm_flags);
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
  for (u64 address = BIG_START; address < own_regions[0].end; address += (u64)PTRS_PER_TABLE << PAGE_SHIFT) {
    pair.src[pair.nr_tables] = pte_offset(task_mm(pair.parent), address);
    pair.dst[pair.nr_tables] = pte_offset(task_mm(pair.child), address);
    pair.nr_tables++;
  }
  check_mm(task_mm(pair.child), 2);
  pair_zap();
}

// ns a PTE of the copy loop, or of the zap loop with its gather; the other one follows untimed. Round 0 warms up.
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
  run_child_and_wait(pair.child);
  check_mm(task_mm(pair.parent), 1);
  do_exit();
}

// ns of fork, exit and wait.
static void measure_forkexit(const struct layout *layout, u32 nr_rounds) {
  struct mm *mm = task_mm(process_create(layout));
  for (u32 round = 0; round <= nr_rounds; round++) {
    const u64 start = now_ns();
    run_child_and_wait(do_fork());
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
    bug_on(parent->min_flt - faults != pages, "a page was not copied", parent, parent->min_flt - faults);
    check_mm(task_mm(child), 1);
    run_child_and_wait(child);
  }
  check_mm(task_mm(parent), 1);
  do_exit();
}

// The rights of `vma`: "rw-p", "r-xs", and a "g" behind them for a stack that grows down.
static u32 parse_flags(const char *text) {
  u32 flags = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  for (; *text != 0; text++) {
    switch (*text) {
      case 'r': flags |= VM_READ; break;
      case 'w': flags |= VM_WRITE; break;
      case 'x': flags |= VM_EXEC; break;
      case 's': flags |= VM_SHARED | VM_MAYSHARE; break;
      case 'g': flags |= VM_GROWSDOWN; break;
      case '-':
      case 'p': break;
      default: return 0;
    }
  }
  return flags;
}

// What is wrong with a region that comes after the others, or NULL.
static const char *region_problem(const struct region *region) {
  const u32 nr = user_layout.nr;
  if (nr == MAX_REGIONS) return "there are too many mappings";
  if (region->vm_flags == 0) return "the rights of a mapping look like rw-p, r-xs or rw-pg";
  if (((region->start | region->end) & PAGE_MASK) != 0 || region->start >= region->end || region->end > TASK_SIZE) {
    return "a mapping has no pages, or is not page aligned, or ends beyond 2^47";
  }
  if (nr > 0 && region->start < user_regions[nr - 1].end) return "mappings must be in ascending order";
  if (region->resident > (region->end - region->start) >> PAGE_SHIFT || region->written > region->resident) {
    return "a mapping has more resident pages than pages, or more written pages than resident ones";
  }
  if ((region->vm_flags & VM_SHARED) != 0 && region->file == 0) return "a shared mapping needs a file";
  if (user_layout.resident + region->resident > MAX_RESIDENT) return "the process is too large: 196608 resident pages fit";
  return NULL;
}

// vma START END RIGHTS RESIDENT WRITTEN FILE OFFSET
static void command_vma(const char *line) {
  struct region region = { 0 };
  unsigned long long start, end, resident, written, offset;
  char rights[8];
  const int found = sscanf(
    line, "vma %llx %llx %7s %llu %llu %u %llu", &start, &end, rights, &resident, &written, &region.file, &offset
  );
  if (found != 7) return answer_error("write: vma START END RIGHTS RESIDENT WRITTEN FILE OFFSET");
  region.start = start;
  region.end = end;
  region.vm_flags = parse_flags(rights);
  region.resident = resident;
  region.written = written;
  region.offset = offset;
  const char *problem = region_problem(&region);
  if (problem != NULL) return answer_error(problem);
  push_region(&user_layout, &region);
  printf("ok\n");
}

static void command_cpus(u32 nr_cpus) {
  if (nr_cpus < 1 || nr_cpus > 64) return answer_error("the number of CPUs must be 1 to 64");
  boot.nr_cpus = nr_cpus;
  printf("ok\n");
}

// forkexit layout R: the process of the `vma` lines.
static void command_forkexit_layout(u32 nr_rounds) {
  if (!good_rounds(nr_rounds)) return;
  if (user_layout.nr == 0) return answer_error("send vma lines first: the layout is empty");
  measure_forkexit(&user_layout, nr_rounds);
  check_machine();
  answer_rounds(nr_rounds);
}

// Runs a command that measures `pages` pages; false if there is no such command.
static bool command_pages(const char *name, u32 pages, u32 nr_rounds) {
  static const char *const names[] = { "copy", "zap", "forkexit anon", "touch", "cow" };
  u32 number = 0;
  while (number < 5 && strcmp(name, names[number]) != 0) number++;
  if (number == 5) return false;
  if (!good_numbers(pages, nr_rounds)) return true;
  switch (number) {
    case 0: measure_pair(pages, nr_rounds, false); break;
    case 1: measure_pair(pages, nr_rounds, true); break;
    case 2: measure_forkexit(pages_layout(pages), nr_rounds); break;
    case 3: measure_touch(pages, nr_rounds); break;
    default: measure_cow(pages, nr_rounds);
  }
  check_machine();
  answer_rounds(nr_rounds);
  return true;
}

// Runs one line; false to end.
static bool run_line(const char *line) {
  char name[16];
  u32 first, second;
  if (strcmp(line, "quit\n") == 0) return false;
  if (strncmp(line, "vma ", 4) == 0) {
    command_vma(line);
  } else if (strcmp(line, "layout\n") == 0) {
    clear_layout(&user_layout);
    printf("ok\n");
  } else if (sscanf(line, "cpus %u", &first) == 1) {
    command_cpus(first);
  } else if (sscanf(line, "forkexit layout %u", &first) == 1) {
    command_forkexit_layout(first);
  } else if (sscanf(line, "forkexit anon %u %u", &first, &second) == 2) {
    command_pages("forkexit anon", first, second);
  } else if (sscanf(line, "%15s %u %u", name, &first, &second) != 3 || !command_pages(name, first, second)) {
    answer_error("no such command: see bench/native/README.md");
  }
  return true;
}

int main(void) {
  machine_boot();
  serve_lines(run_line);
  return 0;
}
