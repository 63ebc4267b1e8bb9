// The bounded search with and without reduction: what is left out shows nothing that is not shown
// elsewhere.

import { describe, expect, test } from "vitest";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { Bounded } from "../../../src/engine/explore/strategy/bounded.ts";
import { DepthFirst } from "../../../src/engine/explore/strategy/dfs.ts";
import { Dpor } from "../../../src/engine/explore/strategy/dpor.ts";
import { scenarioNamed } from "../../../src/scenario/catalogue.ts";
import { compileText, explorationOf, racyCounter, walk } from "../../support/explored.ts";
import { explorationWith } from "./kernel-harness.ts";

const counter = (words: Uint32Array): string => String(words[2048 >>> 2]);

describe("at most so many preemptions, reduced", () => {
  test.each([
    [2, 5, 2],
    [2, 5, 3],
    [3, 2, 2],
    [3, 2, 4],
  ])("a racy counter, %i CPUs, %i increments, %i preemptions", async (cpus, times, bound) => {
    const program = await compileText(racyCounter(cpus, times));
    const whole = explorationOf(program);
    const plain = walk(whole, new Bounded(whole.runtime, "preemptions", bound), counter);
    const reduced = explorationOf(program);
    const strategy = new Bounded(reduced.runtime, "preemptions", bound, true);
    const some = walk(reduced, strategy, counter);

    expect([...some.results.keys()].sort()).toEqual([...plain.results.keys()].sort());
    expect(some.full).toBeLessThan(plain.full);
    expect(strategy.completeness).toBe(`every interleaving with at most ${bound} preemptions`);
  });

  test.each([
    ["unmap-access", 2],
    ["same-page", 1],
    ["exit-together", 1],
    ["file-dirty", 2],
    ["cow-reader", 3],
  ])("%s, %i preemptions: the same states at the end, in fewer executions", (name, bound) => {
    const search = (isReduced: boolean): { states: unknown; executions: number } => {
      const subject = new KernelSubject(scenarioNamed(name));
      const exploration = explorationWith(subject);
      const strategy = new Bounded(subject.runtime, "preemptions", bound, isReduced);
      while (exploration.execute(strategy) !== undefined);
      return { states: subject.states, executions: exploration.executions - exploration.redundant };
    };
    const all = search(false);
    const some = search(true);
    expect(some.states).toEqual(all.states);
    expect(some.executions).toBeLessThan(all.executions);
  });

  test("cow-reader and adopt-unmap come to their end: every interleaving", () => {
    for (const name of ["cow-reader", "adopt-unmap"]) {
      const subject = new KernelSubject(scenarioNamed(name));
      const exploration = explorationWith(subject);
      const strategy = new Bounded(subject.runtime, "preemptions", 20, true);
      while (exploration.execute(strategy) !== undefined);
      expect(strategy.completeness).toBe("every interleaving");
    }
  });
});

test("a copy is one step, although it reads and writes", async () => {
  const program = await compileText(`
export function cpu0(): void { memory.copy(2048, 3072, 8); }
export function cpu1(): void { atomic.store<i32>(3072, 1); }`);
  const all = walk(explorationOf(program), new DepthFirst(), counter);
  const reduced = explorationOf(program);
  const some = walk(reduced, new Dpor(reduced.runtime), counter);
  expect([all.full, all.redundant]).toEqual([2, 0]);
  expect([some.full, some.redundant]).toEqual([2, 0]);
  expect([...all.results.keys()].sort()).toEqual(["0", "1"]);
  expect([...some.results.keys()].sort()).toEqual(["0", "1"]);
});
