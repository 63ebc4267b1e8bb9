// Every detector finds what it is for, in a program that is broken on purpose, and is silent on its twin.

import { describe, expect, test } from "vitest";
import {
  DETECTORS,
  type DetectorName,
  type Off,
} from "../../../src/engine/explore/detect/catalogue.ts";
import { Exploration, type Failure } from "../../../src/engine/explore/exploration.ts";
import { SourceProgram, explainProgram } from "../../../src/engine/explore/source-program.ts";
import { Dpor } from "../../../src/engine/explore/strategy/dpor.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import { compileText, explorationOf, walk } from "../../support/explored.ts";

const LOCKS = `
function lock(word: usize): void { while (atomic.cmpxchg<i32>(word, 0, 1) != 0) {} }
function unlock(word: usize): void { atomic.store<i32>(word, 0); }
function both(a: usize, b: usize): void { lock(a); lock(b); unlock(b); unlock(a); }
`;

const SLEEPER = (wait: string): string => `
export function cpu0(): void { ${wait} }
export function cpu1(): void { atomic.store<i32>(2048, 1); atomic.notify(2048, 1); }
`;

interface Twin {
  readonly rule: string;
  readonly broken: string;
  readonly right: string;
}

const TWINS: Readonly<Record<string, Twin>> = {
  "two locks in two orders": {
    rule: "deadlock",
    broken: `${LOCKS} export function cpu0(): void { both(2048, 2112); } export function cpu1(): void { both(2112, 2048); }`,
    right: `${LOCKS} export function cpu0(): void { both(2048, 2112); } export function cpu1(): void { both(2048, 2112); }`,
  },
  "a wake-up that comes before the sleep": {
    rule: "deadlock",
    broken: SLEEPER(
      "if (atomic.load<i32>(2048) == 0) { atomic.load<i32>(2112); atomic.wait<i32>(2112, 0, -1); }",
    ),
    right: SLEEPER("while (atomic.load<i32>(2048) == 0) atomic.wait<i32>(2048, 0, -1);"),
  },
  "a plain flag": {
    rule: "data race",
    broken: `let flag: i32 = 0; let data: i32 = 0;
      export function cpu0(): void { data = 1; flag = 1; }
      export function cpu1(): void { if (flag == 1) assert(data == 1); }`,
    right: `let data: i32 = 0;
      export function cpu0(): void { data = 1; atomic.store<i32>(2048, 1); }
      export function cpu1(): void { if (atomic.load<i32>(2048) == 1) assert(data == 1); }`,
  },
  "an assert": {
    rule: "assertion",
    broken: `export function cpu0(): void { atomic.store<i32>(2048, 1); }
      export function cpu1(): void { assert(atomic.load<i32>(2048) == 0); }`,
    right: `export function cpu0(): void { atomic.store<i32>(2048, 1); }
      export function cpu1(): void { assert(atomic.load<i32>(2048) < 2); }`,
  },
  "an access outside of memory": {
    rule: "out of bounds",
    broken: `export function cpu0(): void { atomic.store<i32>(2048, 1); }
      export function cpu1(): void { if (atomic.load<i32>(2048) == 1) store<i32>(<usize>-64, 1); }`,
    right: `export function cpu0(): void { atomic.store<i32>(2048, 1); }
      export function cpu1(): void { if (atomic.load<i32>(2048) == 1) store<i32>(4096, 1); }`,
  },
  "a division by zero": {
    rule: "trap",
    broken: `export function cpu0(): void { atomic.store<i32>(2048, 1); }
      export function cpu1(): void { store<i32>(4096, 7 / (atomic.load<i32>(2048) - 1)); }`,
    right: `export function cpu0(): void { atomic.store<i32>(2048, 2); }
      export function cpu1(): void { store<i32>(4096, 7 / (atomic.load<i32>(2048) - 1)); }`,
  },
  "a loop that counts and never ends": {
    rule: "livelock",
    broken: `export function cpu0(): void { let turns = 0; while (atomic.load<i32>(2048) == 0) turns++; atomic.store<i32>(2112, turns); }
      export function cpu1(): void { atomic.store<i32>(2176, 1); }`,
    right: `export function cpu0(): void { let turns = 0; while (atomic.load<i32>(2048) == 0 && turns < 3) turns++; atomic.store<i32>(2112, turns); }
      export function cpu1(): void { atomic.store<i32>(2048, 1); }`,
  },
};

const rules = (failures: readonly Failure[]): string[] => [
  ...new Set(failures.map(({ rule }) => rule)),
];

describe.each(Object.entries(TWINS))("%s", (_, { rule, broken, right }) => {
  test(`is found: ${rule}`, async () => {
    const exploration = explorationOf(await compileText(broken), true);
    if (rule !== "livelock") exploration.learnSpins();
    const { failures } = walk(exploration, new Dpor(exploration.runtime), undefined, 200);
    expect(rules(failures)).toContain(rule);
  });

  test("is not found in its right twin, whatever happens", async () => {
    const exploration = explorationOf(await compileText(right), true);
    exploration.learnSpins();
    const seen = walk(exploration, new Dpor(exploration.runtime));
    expect(seen.failures).toEqual([]);
    expect(walk(exploration, new RandomWalk(3), undefined, 500).failures).toEqual([]);
  });
});

test("what an execution wrote is taken back", async () => {
  const text = `let total: i64 = 0; class Box { value: i32 = 0; }
    export function cpu0(): void { const box = new Box(); box.value = 7; memory.fill(8192, 3, 100); total = total + 5; }
    export function cpu1(): void { memory.copy(8300, 8192, 64); store<u64>(9001, 0x1234567890); total = total * 3; }`;
  const exploration = explorationOf(await compileText(text));
  const before = exploration.runtime.words.slice(0, 2 ** 19);
  walk(exploration, new RandomWalk(5), undefined, 50);
  expect(
    Buffer.compare(
      Buffer.from(before.buffer),
      Buffer.from(exploration.runtime.words.slice(0, 2 ** 19).buffer),
    ),
  ).toBe(0);
});

describe("a detector that is switched off", () => {
  test.each(Object.entries(TWINS).filter(([, { rule }]) => rule !== "data race"))(
    "%s is passed over",
    async (_, { rule, broken }) => {
      const subject = new SourceProgram(await compileText(broken));
      const all = new Set(Object.keys(DETECTORS) as DetectorName[]);
      const find = (off: Off): string[] => {
        const exploration = new Exploration(subject.runtime, subject, explainProgram, [], off);
        const { failures } = walk(exploration, new RandomWalk(1), undefined, 300);
        return rules(failures);
      };
      expect(find(new Set())).toContain(rule);
      expect(find(all)).toEqual([]);
    },
  );
});
