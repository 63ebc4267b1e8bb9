// racier stress: a right kernel passes on one and several CPUs, the same seed does the same work,
// running out of memory is survived, and the command line says what happened.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import type { StressDocument, StressFailure } from "../../src/experiment/stress-document.ts";
import { runStress, type StressOptions } from "../../src/experiment/stress.ts";
import { ConfigError } from "../../src/kernel/error.ts";
import { stressText } from "../../src/report/stress-text.ts";

const OPTIONS: StressOptions = {
  ...{ kernel: "2.6.9", cpus: 1, memory: "16M", seconds: 60, seed: 1, operations: 3000 },
  ...{ checking: true, hangMs: 30_000 },
};
const CLI = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

const run = (options: Partial<StressOptions> = {}): Promise<StressDocument> =>
  runStress({ ...OPTIONS, ...options }, threadsEngine);

describe.each(["2.6.8", "2.6.9"])("%s: a right kernel", (kernel) => {
  test.each([1, 2])(
    "passes with %i CPUs, all invariants checked with processes alive",
    async (cpus) => {
      const doc = await run({ kernel, cpus, seed: 11 });

      expect(doc.failure).toBeNull();
      expect(doc.operations).toBeGreaterThan(100);
      // Two checks come when all processes have ended.
      expect(doc.checks).toBeGreaterThan(2);
      expect(doc.counts.wordsChecked).toBeGreaterThan(100);
    },
  );

  test("swaps, writes files back, cuts them and empties swap areas on a small machine with a disk", async () => {
    const small = { memory: "10M", disk: "16M", operations: 3000 };
    const doc = await run({ kernel, cpus: 2, seed: 21, ...small });

    expect(doc.failure).toBeNull();
    const { swapWrites, pagesReclaimed } = doc.kernelCounts;
    const { ftruncate, swapoff } = doc.counts;
    for (const count of [swapWrites, pagesReclaimed, ftruncate, swapoff]) {
      expect(count).toBeGreaterThan(0);
    }
    expect(doc.replay).toContain("--disk 16M");
  });

  test("passes in its release build", async () => {
    const doc = await run({ kernel, cpus: 2, seed: 12, checking: false });

    expect(doc.failure).toBeNull();
    expect(doc.replay).toContain("--no-checking");
  });

  test("does the same work again with the same seed and one CPU, and other work with another", async () => {
    const first = await run({ kernel });
    const second = await run({ kernel });
    const other = await run({ kernel, seed: 2 });

    expect(first.failure).toBeNull();
    expect(first.operations).toBeGreaterThanOrEqual(3000);
    expect([second.operations, second.operationsHash]).toEqual([
      first.operations,
      first.operationsHash,
    ]);
    expect(second.counts).toEqual(first.counts);
    expect(other.operationsHash).not.toBe(first.operationsHash);
  });

  test("runs out of memory on a small machine, and goes on", async () => {
    const doc = await run({ kernel, memory: "10M", seed: 3, operations: 12_000 });

    expect(doc.failure).toBeNull();
    expect(doc.counts.ENOMEM + doc.counts.EAGAIN).toBeGreaterThan(0);
    expect(doc.counts.SIGKILL).toBeGreaterThan(0);
  });
});

test("four CPUs, more than most computers have to spare, pass too", async () => {
  const doc = await run({ cpus: 4, seed: 13 });

  expect(doc.failure).toBeNull();
  expect(doc.kernelCounts.sleeps).toBeGreaterThan(0);
});

test("a user who interrupts gets what was found so far", async () => {
  let asked = 0;
  const doc = await run({ operations: undefined, interrupted: () => asked++ > 20 });

  expect(doc.interrupted).toBe(true);
  expect(doc.failure).toBeNull();
  expect(doc.checks).toBeGreaterThan(0);
});

test("a machine with highmem is refused: what is not there cannot be looked at", async () => {
  await expect(run({ memory: "8G" })).rejects.toThrow(ConfigError);
});

/** Fields of the table of docs/json.md. */
function documentedFields(): string[] {
  const path = new URL("../../docs/json.md", import.meta.url);
  const [, section = ""] = readFileSync(path, "utf8").split("## `racier stress`");
  const [table = ""] = section.split(/^#/m);
  return [...table.matchAll(/^\| `(\w+)`/gm)].map(([, field = ""]) => field);
}

test("docs/json.md names each field of the document, in its order", async () => {
  const doc = await run({ operations: 200 });

  expect(documentedFields()).toEqual(Object.keys(doc));
});

describe("the command line", () => {
  const racier = (...args: string[]) =>
    spawnSync(process.execPath, [CLI, "stress", ...args], { encoding: "utf8" });

  test("prints the seed first, then the table, and ends well", () => {
    const { stdout, status } = racier("--cpus", "1", "--operations", "300", "--seed", "77");

    expect(stdout).toMatch(/^seed 77: kernel 2\.6\.9, checking build, 1 CPU\n/);
    expect(stdout).toMatch(/300 operations in [\d.]+ s, hash [\da-f]{8}\nno rule was broken\n$/);
    expect(status).toBe(0);
  });

  test("prints one document and nothing else with --json", () => {
    const { stdout, stderr } = racier(
      "--json",
      "--cpus",
      "1",
      "--operations",
      "300",
      "--seed",
      "77",
    );

    expect(JSON.parse(stdout)).toMatchObject({ command: "stress", seed: 77, failure: null });
    expect(stderr).toContain("seed 77");
  });

  test.each([
    [["--kernel", "2.4.0"], /2\.4\.0/],
    [["--seed", "-1"], /--seed takes a whole number/],
    [["--memory", "64G"], /highmem/],
    [["--memory", "lots"], /lots/],
  ])("refuses %j in one sentence", (args, sentence) => {
    const { stderr, status } = racier(...args);

    expect(stderr).toMatch(sentence);
    expect(status).toBe(2);
  });
});

test("a failure is told with rule, CPU, what was expected, the events and the command", async () => {
  const doc = await run({ operations: 100 });
  const failure: StressFailure = {
    ...{ rule: "CONTENT", cpu: 1, text: "a word is wrong", expected: "one", found: "two" },
    ...{ others: ["another"], events: ["CPU 1  fault"] },
  };

  const text = stressText({ ...doc, failure });

  for (const part of ["CONTENT", "CPU 1", "expected  one", "found     two", "another", "fault"]) {
    expect(text).toContain(part);
  }
  expect(text).toContain(`kernel 2.6.9, seed 1; run it again: ${doc.replay}`);
});
