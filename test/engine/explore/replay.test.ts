// A schedule that was found can be had again: from its line, in a new exploration, and simpler.

import { describe, expect, test } from "vitest";
import {
  fingerprintOf,
  checkSchedule,
  formatSchedule,
  parseSchedule,
} from "../../../src/engine/explore/schedule.ts";
import { failureOf, shrink } from "../../../src/engine/explore/shrink.ts";
import { Pct } from "../../../src/engine/explore/strategy/pct.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import { RoundRobin } from "../../../src/engine/explore/strategy/round-robin.ts";
import type { Turn } from "../../../src/engine/explore/exploration.ts";
import { compileText, explorationOf, lockedCounter, racyCounter } from "../../support/explored.ts";

const RACY = `${racyCounter(3, 3)}
export function check(): bool { return atomic.load<i32>(2048) == 9; }`;

/** The first schedule that fails under a strategy. */
function firstFailure(exploration: ReturnType<typeof explorationOf>, seed: number): Turn[] {
  const strategy = new RandomWalk(seed);
  for (let i = 0; i < 1000; i++) {
    if (exploration.execute(strategy)?.failure !== undefined) return exploration.turns();
  }
  throw new Error("nothing failed");
}

describe("a schedule", () => {
  test("is replayed in another exploration: the same events, the same failure", async () => {
    const program = await compileText(RACY);
    for (let seed = 1; seed <= 20; seed++) {
      const found = explorationOf(program);
      const turns = firstFailure(found, seed);
      const again = failureOf(explorationOf(program), turns);
      expect(again?.failure.rule).toBe("check");
      expect(again?.turns).toEqual(turns);
    }
  });

  test("is shrunk to the one preemption that it needs", async () => {
    const program = await compileText(RACY);
    for (let seed = 1; seed <= 20; seed++) {
      const exploration = explorationOf(program);
      const failing = failureOf(exploration, firstFailure(exploration, seed));
      const simplest = shrink(exploration, failing!);
      // One CPU between the load and the store of another; the third before or after.
      expect(simplest.turns.length).toBeLessThanOrEqual(4);
      expect(failureOf(explorationOf(program), simplest.turns)?.failure.rule).toBe("check");
    }
  });

  test("survives the journey through its line", () => {
    const line = {
      subject: "dir/my@lock.ts",
      fingerprint: "0123abcd",
      turns: [
        { cpu: 0, steps: 12 },
        { cpu: 7, steps: 1 },
      ],
    };
    expect(formatSchedule(line)).toBe("dir/my@lock.ts@0123abcd/a12h1");
    expect(parseSchedule(formatSchedule(line))).toEqual(line);
  });

  test.each([
    "",
    "x",
    "x@12345678",
    "x@1234567/a1",
    "x@12345678/a0",
    "x@12345678/i1",
    "x@12345678/a1b",
    "x@12345678/a99999999999",
  ])("%j is refused", (line) => {
    expect(() => parseSchedule(line)).toThrow(/is no schedule|too many events/);
  });

  test("of other code, or of more CPUs, is refused in words", () => {
    const schedule = parseSchedule("x.ts@12345678/a1c2");
    expect(() => {
      checkSchedule(schedule, "87654321", 3);
    }).toThrow("x.ts as it was (12345678), it is 87654321 now");
    expect(() => {
      checkSchedule(schedule, "12345678", 2);
    }).toThrow("a turn of CPU 2, and x.ts has 2 CPUs");
    checkSchedule(schedule, "12345678", 3);
  });

  test("the fingerprint changes with the code, and with nothing else", async () => {
    const first = await compileText(RACY);
    const same = await compileText(RACY);
    const other = await compileText(racyCounter(3, 4));
    expect(fingerprintOf(same.wasm)).toBe(fingerprintOf(first.wasm));
    expect(fingerprintOf(other.wasm)).not.toBe(fingerprintOf(first.wasm));
  });
});

describe("a seed", () => {
  test.each([
    ["random", (seed: number) => new RandomWalk(seed)],
    ["pct", (seed: number) => new Pct(seed, 3, 3)],
  ])("%s: means the same executions each time", async (_, strategy) => {
    const program = await compileText(RACY);
    const schedules = (seed: number): string[] => {
      const exploration = explorationOf(program);
      const chosen = strategy(seed);
      return Array.from({ length: 200 }, () => {
        exploration.execute(chosen);
        return JSON.stringify(exploration.turns());
      });
    };
    expect(schedules(5)).toEqual(schedules(5));
    expect(schedules(5)).not.toEqual(schedules(6));
  });

  test("pct finds a bug of depth 2 as often as it promises: 1 in n k", async () => {
    const program = await compileText(`${racyCounter(2, 1)}
      export function check(): bool { return atomic.load<i32>(2048) == 2; }`);
    const exploration = explorationOf(program);
    const strategy = new Pct(1, 2, 2);
    let found = 0;
    for (let i = 0; i < 4000; i++) {
      if (exploration.execute(strategy)?.failure !== undefined) found++;
    }
    expect(found / 4000).toBeGreaterThan(1 / (2 * 4));
  });
});

test("round robin lets CPUs that spin on a lock wait, and ends", async () => {
  const exploration = explorationOf(await compileText(lockedCounter(3, 3)));
  expect(exploration.execute(new RoundRobin())?.failure).toBeUndefined();
});
