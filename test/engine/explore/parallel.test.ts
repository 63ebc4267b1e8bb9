// A search by many finds, counts and shows what a search by one does.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { NOTHING_OFF } from "../../../src/engine/explore/detect/catalogue.ts";
import { Slicer } from "../../../src/engine/explore/slice.ts";
import type { CompiledProgram } from "../../../src/engine/explore/source-program.ts";
import { Crew } from "../../../src/experiment/explore-crew.ts";
import { Ledger, type Job } from "../../../src/experiment/explore-ledger.ts";
import { planOf, type StrategyName } from "../../../src/experiment/explore-plan.ts";
import { Search } from "../../../src/experiment/explore-search.ts";
import { subjectOfParcel } from "../../../src/experiment/explore-subject.ts";
import { compileText, explorationOf, lockedCounter, racyCounter } from "../../support/explored.ts";
import { IN_ORDER, disorder, search, slicerOf, type Task } from "./search-harness.ts";

/** Only interleavings in which nearly all increments are lost fail. */
const RARE = `${racyCounter(2, 4)}
export function check(): bool { return atomic.load<i32>(2048) > 2; }`;

let racy: CompiledProgram;
let rare: CompiledProgram;
beforeAll(async () => {
  racy = await compileText(racyCounter(2, 5));
  rare = await compileText(RARE);
});

const task = (strategy: StrategyName, budget = Infinity, depth = 3): Task => ({
  ...{ strategy, budget, depth, seed: 1 },
});

describe("whoever does what, and in whatever order", () => {
  test.each([
    ["dfs", task("dfs"), "found"],
    ["preemptions", task("preemptions", Infinity, 9), "found"],
    ["delays", task("delays", 100, 3), "budget"],
    ["dpor", task("dpor"), "found"],
    ["the mix", task("mix"), "found"],
    ["the mix, ended in the first phase", task("mix", 30), "budget"],
    ["the mix, ended in the second phase", task("mix", 150), "budget"],
    ["pct", task("pct", 2500, 2), "budget"],
    ["random", task("random"), "found"],
  ] as const)("%s: the same is found, counted and shown", (_, what, reason) => {
    const slicer = slicerOf(rare);
    const expected = search(slicer, what, IN_ORDER);
    expect(expected.outcome?.reason).toBe(reason);

    const property = fc.property(disorder(false), (any) => {
      expect(search(slicer, what, any)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 12 });
  });

  test.each([
    ["dfs", { executions: 12_870, redundant: 0 }, "every interleaving"],
    ["preemptions", { redundant: 0 }, "every interleaving with at most 3 preemptions"],
  ] as const)("%s: nothing is counted twice, nothing left out", async (strategy, counts, shown) => {
    const slicer = slicerOf(await compileText(racyCounter(2, 4)));
    const expected = search(slicer, task(strategy), IN_ORDER);
    expect(expected).toMatchObject({ counts, shown, outcome: { reason: "complete" } });

    const property = fc.property(disorder(false), (any) => {
      expect(search(slicer, task(strategy), any)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 6 });
  });

  test("what a search shows on its way is the strongest of it", () => {
    const slicer = slicerOf(racy);
    const { shown, outcome } = search(slicer, task("mix", 100), IN_ORDER);
    expect([shown, outcome?.reason]).toEqual([
      "every interleaving with at most 1 preemption",
      "budget",
    ]);
  });

  test("a seed is of the execution, not of those before it: chunks of pct come out alike anywhere", async () => {
    const program = await compileText(lockedCounter(3, 2));
    const work = { kind: "pct", seed: 3, depth: 3, from: 2000 } as const;
    const run = (slicer: Slicer): unknown => {
      const slice = slicer.start(work, 300);
      while (slice.step(5));
      return slice.result(false);
    };
    const [fresh, used] = [1, 2].map(() => new Slicer(explorationOf(program), true)) as [
      Slicer,
      Slicer,
    ];
    const other = used.start({ kind: "random", seed: 9, from: 0 }, 500);
    while (other.step(5));
    expect(run(used)).toEqual(run(fresh));
  });
});

describe("threads", () => {
  const off = NOTHING_OFF;
  const parcelOf = (program: CompiledProgram) => ({ options: { subject: "x.ts", off }, program });

  async function searchWith(workers: number, program: CompiledProgram, strategy: StrategyName) {
    const subject = subjectOfParcel(parcelOf(program));
    const ledger = new Ledger(planOf({ ...task(strategy), isProgram: true }), Infinity);
    const limits = { seconds: Infinity, workers };
    const found = await new Search(subject, subject.open(false), ledger, limits).run();
    return { ...found, seconds: 0, shown: ledger.shown };
  }

  test.each([1, 2, 3])("%i: 184,756 interleavings of 2 CPUs, 5 increments", async (workers) => {
    const { reason, counts, shown } = await searchWith(workers, racy, "dfs");
    expect([reason, counts.executions, shown]).toEqual(["complete", 184_756, "every interleaving"]);
  });

  test("what they find late is what one finds", async () => {
    const late = await compileText(`${racyCounter(2, 5)}
      export function check(): bool { return atomic.load<i32>(2048) != 2; }`);
    const [one, three] = [await searchWith(1, late, "random"), await searchWith(3, late, "random")];
    expect(one.counts.executions).toBeGreaterThan(1000);
    expect(three).toEqual(one);
  });

  test("one that fails ends the search, with what has happened to it", async () => {
    const job = { id: 1, phase: 0, name: "?", work: { kind: "no such work" }, limit: 1 };
    const jobs = [job as unknown as Job];
    const desk = { take: () => jobs.pop(), give: () => undefined, meet: () => undefined };
    const crew = new Crew(parcelOf(racy), 2, desk);
    try {
      await expect(
        (async () => {
          for (;;) {
            crew.feed();
            await crew.wait(1000);
          }
        })(),
      ).rejects.toThrow(/worker [01] of the search has stopped/);
    } finally {
      await crew.close();
    }
  });
});
