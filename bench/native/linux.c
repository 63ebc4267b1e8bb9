// What the same work costs on this machine's own Linux: fork and exit, first touch, COW break.
// Speaks the protocol of README.md. Pages of 4 KiB only: transparent huge pages are off.
// Left out: pinning to a core; the child of a fork may run on another one, as lmbench's does.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PAGES (1u << 21)
#include "protocol.h"

#define PAGE_BYTES 4096u

static _Noreturn void die(const char *what) {
  fprintf(stderr, "linux: %s: %s\n", what, strerror(errno));
  exit(3);
}

static char *map_pages(unsigned pages) {
  const size_t length = (size_t)pages * PAGE_BYTES;
  char *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) die("mmap");
  // A kernel without huge pages refuses, and needs no telling.
  if (madvise(start, length, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) die("madvise");
  return start;
}

static void unmap_pages(char *start, unsigned pages) {
  if (munmap(start, (size_t)pages * PAGE_BYTES) != 0) die("munmap");
}

static void write_pages(char *start, unsigned pages) {
  for (unsigned i = 0; i < pages; i++) *(volatile unsigned *)(start + (size_t)i * PAGE_BYTES) = i;
}

static void wait_for(pid_t child) {
  if (waitpid(child, NULL, 0) != child) die("waitpid");
}

static void fork_and_wait(void) {
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) _exit(0);
  wait_for(child);
}

// A child that shares all pages and does nothing until it is killed.
static pid_t fork_sleeper(void) {
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (true) pause();
}

// ns of fork, exit and wait with `pages` pages that were written since the last fork.
static void measure_forkexit(unsigned pages, unsigned nr_rounds) {
  char *start = map_pages(pages);
  for (unsigned round = 0; round <= nr_rounds; round++) {
    write_pages(start, pages);
    const uint64_t begin = now_ns();
    fork_and_wait();
    note_round(round, now_ns() - begin, 1);
  }
  unmap_pages(start, pages);
}

// ns of fork, exit and wait of this program alone.
static void measure_empty(unsigned nr_rounds) {
  for (unsigned round = 0; round <= nr_rounds; round++) {
    const uint64_t begin = now_ns();
    fork_and_wait();
    note_round(round, now_ns() - begin, 1);
  }
}

// ns a page of the first touch of a new mapping.
static void measure_touch(unsigned pages, unsigned nr_rounds) {
  for (unsigned round = 0; round <= nr_rounds; round++) {
    char *start = map_pages(pages);
    const uint64_t begin = now_ns();
    write_pages(start, pages);
    note_round(round, now_ns() - begin, pages);
    unmap_pages(start, pages);
  }
}

// ns a page of the parent's write to pages that it shares with its child.
static void measure_cow(unsigned pages, unsigned nr_rounds) {
  char *start = map_pages(pages);
  write_pages(start, pages);
  for (unsigned round = 0; round <= nr_rounds; round++) {
    const pid_t child = fork_sleeper();
    const uint64_t begin = now_ns();
    write_pages(start, pages);
    note_round(round, now_ns() - begin, pages);
    if (kill(child, SIGKILL) != 0) die("kill");
    wait_for(child);
  }
  unmap_pages(start, pages);
}

// Runs one line; false to end.
static bool run_line(const char *line) {
  unsigned pages = 1, nr_rounds;
  char name[16];
  if (strcmp(line, "quit\n") == 0) return false;
  if (sscanf(line, "empty %u", &nr_rounds) == 1) {
    strcpy(name, "empty");
  } else if (sscanf(line, "%15s %u %u", name, &pages, &nr_rounds) != 3) {
    nr_rounds = 0;
    name[0] = 0;
  }
  void (*measure)(unsigned, unsigned) = NULL;
  if (strcmp(name, "forkexit") == 0) measure = measure_forkexit;
  if (strcmp(name, "touch") == 0) measure = measure_touch;
  if (strcmp(name, "cow") == 0) measure = measure_cow;
  if (measure == NULL && strcmp(name, "empty") != 0) {
    answer_error("no such command: see bench/native/README.md");
  } else if (good_numbers(pages, nr_rounds)) {
    if (measure == NULL) measure_empty(nr_rounds);
    else measure(pages, nr_rounds);
    answer_rounds(nr_rounds);
  }
  return true;
}

int main(void) {
  if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) die("prctl(PR_SET_THP_DISABLE)");
  serve_lines(run_line);
  return 0;
}
