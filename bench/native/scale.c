// What the testcases of racier scale cost on this machine's own Linux, on one CPU: the same loops as
// src/workload/scale/scale-programs.ts. Speaks the protocol of README.md. Pages of 4 KiB only: transparent huge pages
// are off.

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PAGES (1u << 15)
#include "protocol.h"

#define PAGE_BYTES 4096u
#define MAPPED_BYTES (128u << 20)
// A round takes turns for at least this long.
#define ROUND_NS 5000000u

static unsigned touched_pages;
static int file;
static char *page;
static char *heap_end;

static _Noreturn void die(const char *what) {
  fprintf(stderr, "scale: %s: %s\n", what, strerror(errno));
  exit(3);
}

static char *map(size_t length, int flags, int fd) {
  char *start = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (start == MAP_FAILED) die("mmap");
  return start;
}

static void unmap(char *start, size_t length) {
  if (munmap(start, length) != 0) die("munmap");
}

static unsigned faults(int flags, int fd) {
  const size_t length = (size_t)touched_pages * PAGE_BYTES;
  char *start = map(length, flags, fd);
  for (unsigned i = 0; i < touched_pages; i++) {
    *(volatile unsigned *)(start + (size_t)i * PAGE_BYTES) = i;
  }
  unmap(start, length);
  return touched_pages;
}

static unsigned page_fault1(void) {
  return faults(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static unsigned page_fault2(void) {
  return faults(MAP_PRIVATE, file);
}

static unsigned page_fault3(void) {
  return faults(MAP_SHARED, file);
}

static unsigned mmap1(void) {
  unmap(map(MAPPED_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1), MAPPED_BYTES);
  return 1;
}

static unsigned mmap2(void) {
  unmap(map(MAPPED_BYTES, MAP_SHARED, file), MAPPED_BYTES);
  return 1;
}

static unsigned brk1(void) {
  if (brk(heap_end + PAGE_BYTES) != 0 || brk(heap_end) != 0) die("brk");
  return 2;
}

static unsigned fork1(void) {
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) _exit(0);
  if (waitpid(child, NULL, 0) != child) die("waitpid");
  return 1;
}

static unsigned tlb_flush1(void) {
  char *start = map(PAGE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  *(volatile unsigned *)start = 1;
  unmap(start, PAGE_BYTES);
  return 1;
}

static unsigned tlb_flush2(void) {
  *(volatile unsigned *)page = 1;
  if (madvise(page, PAGE_BYTES, MADV_DONTNEED) != 0) die("madvise");
  return 1;
}

static unsigned tlb_flush3(void) {
  *(volatile unsigned *)page = 1;
  if (mprotect(page, PAGE_BYTES, PROT_READ) != 0) die("mprotect");
  if (mprotect(page, PAGE_BYTES, PROT_READ | PROT_WRITE) != 0) die("mprotect");
  return 1;
}

static unsigned malloc1(void) {
  void *volatile chunk = malloc(MAPPED_BYTES);
  if (chunk == NULL) die("malloc");
  free(chunk);
  return 1;
}

static const struct {
  const char *name;
  unsigned (*turn)(void);
} testcases[] = {
  {"page_fault1", page_fault1}, {"page_fault2", page_fault2}, {"page_fault3", page_fault3},
  {"mmap1", mmap1}, {"mmap2", mmap2}, {"brk1", brk1},
  {"fork1", fork1}, {"tlb_flush1", tlb_flush1}, {"tlb_flush2", tlb_flush2},
  {"tlb_flush3", tlb_flush3}, {"malloc1", malloc1},
};

// ns an operation.
static void measure(unsigned (*turn)(void), unsigned nr_rounds) {
  // What the C library has of the heap stays below.
  char *const heap = sbrk(0);
  heap_end = (char *)(((uintptr_t)heap + 2 * PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1));
  for (unsigned round = 0; round <= nr_rounds; round++) {
    const uint64_t begin = now_ns();
    unsigned operations = 0;
    do operations += turn();
    while (now_ns() - begin < ROUND_NS);
    note_round(round, now_ns() - begin, operations);
  }
  if (brk(heap) != 0) die("brk");
}

// Runs one line; false to end.
static bool run_line(const char *line) {
  unsigned nr_rounds = 0;
  char name[16] = "";
  if (strcmp(line, "quit\n") == 0) return false;
  if (sscanf(line, "%15s %u %u", name, &touched_pages, &nr_rounds) != 3) name[0] = 0;
  unsigned (*turn)(void) = NULL;
  for (unsigned i = 0; i < sizeof testcases / sizeof testcases[0]; i++) {
    if (strcmp(name, testcases[i].name) == 0) turn = testcases[i].turn;
  }
  if (turn == NULL) {
    answer_error("no such command: see bench/native/README.md");
  } else if (good_numbers(touched_pages, nr_rounds)) {
    measure(turn, nr_rounds);
    answer_rounds(nr_rounds);
  }
  return true;
}

int main(void) {
  if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) die("prctl(PR_SET_THP_DISABLE)");
  file = memfd_create("scale", 0);
  if (file < 0 || ftruncate(file, MAPPED_BYTES) != 0) die("memfd_create");
  page = map(PAGE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  serve_lines(run_line);
  return 0;
}
