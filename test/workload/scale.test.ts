// racier scale: every testcase counts what it does, in both modes, and the document says what was found.

import { beforeAll, expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import type { ScaleDocument } from "../../src/experiment/scale-document.ts";
import { runScale, type ScaleOptions } from "../../src/experiment/scale.ts";
import { Interrupted } from "../../src/kernel/error.ts";
import { scaleHtml } from "../../src/report/scale-html.ts";
import { scaleText } from "../../src/report/scale-text.ts";
import { PLAIN } from "../../src/report/table.ts";
import { MODES, TESTCASES, type ScaleOrder } from "../../src/workload/scale/scale-order.ts";
import { turnOf } from "../../src/workload/scale/scale-programs.ts";
import { DirectMachine } from "../support/direct.ts";

const PAGE = 4096;
const OPTIONS: ScaleOptions = {
  ...{ testcases: TESTCASES.map(({ name }) => name), modes: MODES },
  ...{ kernels: ["2.6.8", "2.6.9"], cpus: [1, 2], rounds: 2, seconds: 0.5 },
  touchedBytes: 16 * PAGE,
};

let doc: ScaleDocument;

beforeAll(async () => {
  doc = await runScale(OPTIONS, threadsEngine);
});

test("every testcase does something in every configuration, and only more CPUs have a scaling", () => {
  expect(doc.results).toHaveLength(TESTCASES.length * 2 * 2 * 2);
  for (const { operationsPerSecond, p05, p95, cpus, scaling, scalingCi95 } of doc.results) {
    expect(operationsPerSecond).toBeGreaterThan(0);
    expect([p05 <= operationsPerSecond, operationsPerSecond <= p95]).toEqual([true, true]);
    expect(scaling === null).toBe(cpus === 1);
    expect(scalingCi95 === null).toBe(cpus === 1);
  }
  expect(doc.comparisons.map(({ to }) => to)).toEqual(
    Array.from({ length: TESTCASES.length * 4 }, () => "2.6.9"),
  );
});

test("text and page name every testcase in both modes", async () => {
  const text = scaleText(doc, PLAIN);
  const page = await scaleHtml(doc, "racier scale");
  for (const { name } of TESTCASES) {
    for (const mode of MODES) {
      expect(text).toMatch(new RegExp(`^${name} +${mode} +2\\.6\\.9 `, "m"));
      expect(page).toContain(`<figcaption>${name}_${mode}</figcaption>`);
    }
  }
});

test("who interrupts before the first round is told that nothing was measured", async () => {
  const interrupted = (): boolean => true;
  await expect(runScale({ ...OPTIONS, cpus: [1], interrupted }, threadsEngine)).rejects.toThrow(
    Interrupted,
  );
});

// Faults that a turn takes, which no clock disturbs.
test.each([
  ["page_fault1", 16, 16],
  ["page_fault2", 16, 16],
  ["page_fault3", 16, 16],
  ["mmap1", 0, 1],
  ["mmap2", 0, 1],
  ["brk1", 0, 2],
  ["tlb_flush1", 1, 1],
  ["tlb_flush2", 1, 1],
  ["tlb_flush3", 1, 1],
  ["malloc1", 1, 1],
] as const)("a turn of %s takes %i faults, for %i operations", (testcase, faults, operations) => {
  const machine = new DirectMachine({ memory: "16M" });
  const [taken, done] = machine.run((task) => {
    const files = [task.createFile({ sizeBytes: 128 * 2 ** 20 })];
    const turn = turnOf(task, {
      testcase,
      touchedBytes: 16 * PAGE,
      files,
    } as unknown as ScaleOrder);
    turn();
    const before = task.usage().minorFaults;
    const operations = turn();
    return [task.usage().minorFaults - before, operations];
  });

  expect([taken, done]).toEqual([faults, operations]);
});
