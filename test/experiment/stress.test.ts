// racier stress: the same seed does the same work, a right kernel passes, running out of memory is survived, and each
// kernel broken on purpose is found by name.

import { describe, expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { runStress, type StressOptions } from "../../src/experiment/stress.ts";
import { mutantKernel, type Mutation } from "./mutant.ts";

const OPTIONS: StressOptions = {
  ...{ kernel: "2.6.9", cpus: 1, memory: "16M", seconds: 60, seed: 1, operations: 3000 },
  ...{ checking: true, hangMs: 20_000 },
};

describe.each(["2.6.8", "2.6.9"])("%s: a right kernel", (kernel) => {
  test.each([1, 2])("passes with %i CPUs", async (cpus) => {
    const options = { ...OPTIONS, operations: undefined, kernel, cpus, seed: 11, seconds: 3 };
    const doc = await runStress(options, threadsEngine);

    expect(doc.failure).toBeNull();
    expect(doc.operations).toBeGreaterThan(0);
    expect(doc.checks).toBeGreaterThan(2);
    expect(doc.counts.wordsChecked).toBeGreaterThan(0);
  });

  test("does the same work again with the same seed and one CPU", async () => {
    const first = await runStress({ ...OPTIONS, kernel }, threadsEngine);
    const second = await runStress({ ...OPTIONS, kernel }, threadsEngine);

    expect(first.failure).toBeNull();
    expect(second.operationsHash).toBe(first.operationsHash);
    expect(second.operations).toBe(first.operations);
  });
});

test("a machine of 10 MiB runs out of memory and goes on", async () => {
  const doc = await runStress(
    { ...OPTIONS, memory: "10M", seed: 3, operations: 20_000 },
    threadsEngine,
  );

  expect(doc.failure).toBeNull();
  expect(doc.counts.ENOMEM + doc.counts.EAGAIN + doc.counts.SIGKILL).toBeGreaterThan(0);
});

/** What is broken in which kernel. The rules that may find it depend on what happens first. */
const MUTANTS: readonly [string, string, Mutation][] = [
  [
    "2.6.9",
    "fork does not write-protect the parent",
    { file: "mm/copy.ts", from: "    ptep_set_wrprotect(src);\n", to: "" },
  ],
  ["2.6.9", "fork takes no reference", { file: "mm/copy.ts", from: "  get_page(page);\n", to: "" }],
  [
    "2.6.9",
    "an anonymous fault is not counted in rss",
    {
      file: "mm/fault.ts",
      from: "  trace(TRACE_ANON_PAGE, address, changetype<usize>(page));\n  mm.rss++;\n",
      to: "  trace(TRACE_ANON_PAGE, address, changetype<usize>(page));\n",
    },
  ],
  [
    "2.6.9",
    "unmapping does not flush the TLBs",
    {
      file: "mm/tlb_gather.ts",
      from: "  flush_tlb_mm(changetype<MmStruct>(cpu.gather_mm));\n",
      to: "",
    },
  ],
  [
    "2.6.8",
    "the last unmap does not count nr_mapped down",
    { file: "rmap/page_map_lock.ts", from: "    this_cpu().nr_mapped--;\n", to: "" },
  ],
];

describe("a kernel broken on purpose is found", () => {
  test.each(MUTANTS)(
    "%s: %s",
    async (kernel, _, mutation) => {
      const module = await mutantKernel(`${kernel}-check`, [mutation]);

      const doc = await runStress(
        { ...OPTIONS, kernel, module, cpus: 2, operations: 100_000, seed: 5 },
        threadsEngine,
      );

      expect(doc.failure).not.toBeNull();
      expect(doc.failure?.rule).toMatch(/^[A-Z]/);
      expect(doc.replay).toContain("--seed 5");
    },
    120_000,
  );
});
