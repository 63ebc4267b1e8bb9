// The explorer visits exactly what there is: counts that are known from combinatorics, from a brute force
// and from GenMC (reference in each table).

import { describe, expect, test } from "vitest";
import { Bounded } from "../../../src/engine/explore/strategy/bounded.ts";
import { DepthFirst } from "../../../src/engine/explore/strategy/dfs.ts";
import { Dpor } from "../../../src/engine/explore/strategy/dpor.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import {
  compileText,
  explorationOf,
  lockedCounter,
  racyCounter,
  walk,
} from "../../support/explored.ts";

const counter = (words: Uint32Array): string => String(words[2048 >>> 2]);

describe("a racy counter", () => {
  // All interleavings: (2 t n)! / ((2 n)!)^t. Mazurkiewicz traces: brute force, and GenMC 0.9.
  test.each([
    [2, 1, 6, 4],
    [2, 2, 70, 34],
    [2, 3, 924, 328],
    [2, 4, 12_870, 3334],
    [2, 5, 184_756, 34_904],
    [3, 1, 90, 36],
    [3, 2, 34_650, 7134],
  ])(
    "%i CPUs, %i increments: %i interleavings, %i traces",
    async (cpus, times, interleavings, traces) => {
      const program = await compileText(racyCounter(cpus, times));

      const all = walk(explorationOf(program), new DepthFirst(), counter);
      const reduced = explorationOf(program);
      const some = walk(reduced, new Dpor(reduced.runtime), counter);

      expect([all.full, all.redundant]).toEqual([interleavings, 0]);
      expect([some.full, some.redundant]).toEqual([traces, 0]);
      expect([...some.results.keys()].sort()).toEqual([...all.results.keys()].sort());
    },
  );

  test("2 CPUs, 5 increments: each final value as often as it must be", async () => {
    const program = await compileText(racyCounter(2, 5));
    const { results } = walk(explorationOf(program), new DepthFirst(), counter);
    const expected = {
      2: 8,
      3: 256,
      4: 3352,
      5: 33_032,
      6: 64_072,
      7: 56_216,
      8: 23_368,
      9: 4200,
      10: 252,
    };
    expect(Object.fromEntries(results)).toEqual(expected);
  });

  // Nothing is lost with this probability; 99.9 % of samples lie within 3.29 standard deviations.
  test.each([
    [2, 1, 0.5],
    [2, 2, 0.1875],
    [2, 3, 0.06641],
    [2, 5, 0.007828],
    [3, 1, 0.1667],
    [3, 2, 0.01449],
  ])("%i CPUs, %i increments: a uniform walk loses nothing in %f", async (cpus, times, share) => {
    const program = await compileText(racyCounter(cpus, times));
    const samples = 20_000;
    const { results } = walk(explorationOf(program), new RandomWalk(7), counter, samples);
    const right = (results.get(String(cpus * times)) ?? 0) / samples;
    expect(Math.abs(right - share)).toBeLessThan(3.29 * Math.sqrt((share * (1 - share)) / samples));
  });

  // 2 schedules without preemption; one at each of the 9 inner events of either CPU; then 81 pairs.
  test.each([
    [0, 2],
    [1, 20],
    [2, 182],
  ])("2 CPUs, 5 increments, at most %i preemptions: %i schedules", async (bound, schedules) => {
    const exploration = explorationOf(await compileText(racyCounter(2, 5)));
    const strategy = new Bounded(exploration.runtime, "preemptions", bound);
    let last = 0;
    while (exploration.execute(strategy) !== undefined) {
      last = strategy.bound === bound ? last + 1 : 0;
    }
    // The first bound is walked twice: only then is it known what the CPUs share.
    expect(bound === 0 ? last / 2 : last).toBe(schedules);
    const most = `${bound} preemption${bound === 1 ? "" : "s"}`;
    expect(strategy.completeness).toBe(`every interleaving with at most ${most}`);
  });
});

describe("a counter under a test-and-set lock", () => {
  // Orders of the critical sections: (t n)! / (n!)^t. Waiting CPUs add redundant executions (GenMC: blocked).
  test.each([
    [2, 1, 2, 2],
    [2, 2, 6, 10],
    [2, 3, 20, 38],
    [2, 5, 252, 502],
    [3, 1, 6, 13],
    [3, 2, 90, 226],
  ])(
    "%i CPUs, %i times: %i traces, and %i redundant executions",
    async (cpus, times, traces, redundant) => {
      const exploration = explorationOf(await compileText(lockedCounter(cpus, times)), true);
      exploration.learnSpins();
      const seen = walk(exploration, new Dpor(exploration.runtime));
      expect([seen.full, seen.redundant]).toEqual([traces, redundant]);
      expect(seen.failures).toEqual([]);
    },
  );
});
