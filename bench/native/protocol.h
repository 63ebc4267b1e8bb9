// The line protocol that both programs speak: one command in a line, one answer in a line, "ok" and
// numbers or "error" and a sentence. Define MAX_PAGES before. See README.md.

#ifndef NATIVE_PROTOCOL_H
#define NATIVE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_ROUNDS 10000u

// What each round of a command took.
static double rounds[MAX_ROUNDS];

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Notes a round: `count` units took `ns`. Round 0 warms up and is not told.
static void note_round(unsigned round, uint64_t ns, unsigned count) {
  if (round > 0) rounds[round - 1] = (double)ns / count;
}

static void answer_error(const char *sentence) {
  printf("error %s\n", sentence);
}

static void answer_rounds(unsigned nr_rounds) {
  printf("ok");
  for (unsigned i = 0; i < nr_rounds; i++) printf(" %.3f", rounds[i]);
  printf("\n");
}

static bool good_rounds(unsigned nr_rounds) {
  if (nr_rounds >= 1 && nr_rounds <= MAX_ROUNDS) return true;
  printf("error the number of rounds must be 1 to %u\n", MAX_ROUNDS);
  return false;
}

static bool good_numbers(unsigned pages, unsigned nr_rounds) {
  if (pages >= 1 && pages <= MAX_PAGES) return good_rounds(nr_rounds);
  printf("error the number of pages must be 1 to %u\n", MAX_PAGES);
  return false;
}

// Answers the lines of stdin, one after another, until `run_line` returns false.
static void serve_lines(bool (*run_line)(const char *line)) {
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL && run_line(line)) fflush(stdout);
}

#endif
