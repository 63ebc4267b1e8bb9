// The C twin of racier's kernel: the same machine, the same algorithms, compiled by a C compiler at
// -O2, to tell what wasm costs. One process, one thread, one of the two kernels (RMAP). Commands
// and answers are lines; see README.md.
//
// Every command builds what it measures, measures it, takes it apart, and proves that the machine
// is as before.

#include "measure_rmap.h"

// Resident pages of a process of `vma` lines, which is only forked.
#define MAX_RESIDENT (NR_FRAMES / 4 * 3)

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

// What is wrong with the pages of a region, or NULL.
static const char *pages_problem(const struct region *region) {
  const u64 size = (region->end - region->start) >> PAGE_SHIFT;
  if (((region->start | region->end) & PAGE_MASK) != 0) return "a mapping is not page aligned";
  if (region->start >= region->end) return "a mapping has no pages";
  if (region->end > TASK_SIZE) return "a mapping ends beyond 2^47";
  if (region->resident > size) return "a mapping has more resident pages than pages";
  if (region->written > region->resident) return "a mapping has more written pages than resident";
  if (user_layout.resident + region->resident > MAX_RESIDENT) return "the process is too large";
  return NULL;
}

// What is wrong with a region that comes after the others, or NULL.
static const char *region_problem(const struct region *region) {
  const u32 nr = user_layout.nr;
  if (nr == MAX_REGIONS) return "there are too many mappings";
  if (region->vm_flags == 0) return "the rights of a mapping look like rw-p, r-xs or rw-pg";
  if (nr > 0 && region->start < user_regions[nr - 1].end) return "mappings must be in order";
  const bool shared = (region->vm_flags & VM_SHARED) != 0;
  if (shared && region->file == 0) return "a shared mapping needs a file";
  return pages_problem(region);
}

// vma START END RIGHTS RESIDENT WRITTEN FILE OFFSET
static void command_vma(const char *line) {
  struct region region = { 0 };
  unsigned long long start, end, resident, written, offset;
  char rights[8];
  const int found = sscanf(
    line,
    "vma %llx %llx %7s %llu %llu %u %llu",
    &start,
    &end,
    rights,
    &resident,
    &written,
    &region.file,
    &offset
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

// True if the `vma` lines let a program write at `address`.
static bool is_writable(u64 address) {
  for (u32 i = 0; i < user_layout.nr; i++) {
    const struct region *region = &user_regions[i];
    if (address < region->start || address >= region->end) continue;
    return (region->vm_flags & VM_WRITE) != 0;
  }
  return false;
}

// hot ADDRESS: a page that parent and child write around the fork.
static void command_hot(u64 address) {
  struct hot_pages *hot = &user_layout.hot;
  if (!is_writable(address)) return answer_error("a hot page must be one that may be written");
  if (hot->nr == MAX_HOT) return answer_error("there are too many hot pages: 64 are allowed");
  hot->addresses[hot->nr++] = address;
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

// NAME N R: runs a command that measures `pages` pages.
static void command_pages(const char *name, u32 pages, u32 nr_rounds) {
  if (!good_numbers(pages, nr_rounds)) return;
  if (strcmp(name, "copy") == 0) measure_pair(pages, nr_rounds, false);
  else if (strcmp(name, "zap") == 0) measure_pair(pages, nr_rounds, true);
  else if (strcmp(name, "touch") == 0) measure_touch(pages, nr_rounds);
  else if (strcmp(name, "cow") == 0) measure_cow(pages, nr_rounds);
  else if (strcmp(name, "anon") == 0) measure_forkexit(pages_layout(pages), nr_rounds);
  else return answer_error("no such command: see bench/native/README.md");
  check_machine();
  answer_rounds(nr_rounds);
}

// referenced M R, unmap M R: pages that M address spaces map.
static void command_walk(bool unmap, u32 mappers, u32 nr_rounds) {
  if (RMAP == RMAP_PTE_CHAIN) return answer_error("this kernel has no twin of its walks");
  if (mappers < 1 || mappers > MAX_MAPPERS) return answer_error("the number of mappers must be 1 to 1000");
  if (!good_rounds(nr_rounds)) return;
  measure_walk(mappers, nr_rounds, unmap);
  check_machine();
  answer_rounds(nr_rounds);
}

// Runs one line; false to end.
static bool run_line(const char *line) {
  char name[16];
  u32 first, second;
  unsigned long long address;
  if (strcmp(line, "quit\n") == 0) return false;
  if (strncmp(line, "vma ", 4) == 0) {
    command_vma(line);
  } else if (strcmp(line, "layout\n") == 0) {
    clear_layout(&user_layout);
    printf("ok\n");
  } else if (sscanf(line, "hot %llx", &address) == 1) {
    command_hot(address);
  } else if (sscanf(line, "cpus %u", &first) == 1) {
    command_cpus(first);
  } else if (sscanf(line, "forkexit layout %u", &first) == 1) {
    command_forkexit_layout(first);
  } else if (sscanf(line, "referenced %u %u", &first, &second) == 2) {
    command_walk(false, first, second);
  } else if (sscanf(line, "unmap %u %u", &first, &second) == 2) {
    command_walk(true, first, second);
  } else if (sscanf(line, "forkexit anon %u %u", &first, &second) == 2) {
    command_pages("anon", first, second);
  } else if (sscanf(line, "%15s %u %u", name, &first, &second) == 3) {
    command_pages(name, first, second);
  } else {
    answer_error("no such command: see bench/native/README.md");
  }
  return true;
}

int main(void) {
  machine_boot();
  serve_lines(run_line);
  return 0;
}
