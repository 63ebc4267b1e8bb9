// What counts as a data race: logs of a few events, written by hand, each with a claim.

import { describe, expect, test } from "vitest";
import {
  DataRaceDetector,
  type DataRace,
  type RaceLog,
} from "../../../src/engine/explore/detect/data-race.ts";
import { Kind } from "../../../src/engine/explore/runtime.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import { compileText, explorationOf, walk } from "../../support/explored.ts";

type KindName = keyof typeof Kind;

interface Event {
  readonly cpu: number;
  readonly kind: KindName;
  readonly address: number;
  readonly size: number;
  /** A cmpxchg that found something else. */
  readonly failed: boolean;
}

const on =
  (cpu: number) =>
  (kind: KindName, address: number, size = 4, failed = false): Event => ({
    ...{ cpu, kind, address, size, failed },
  });
const [a, b] = [on(0), on(1)];
const DATA = 0x100;
const FLAG = 0x200;

function logOf(events: readonly Event[]): RaceLog {
  const at = (index: number): Event => events[index] as Event;
  return {
    length: events.length,
    kind: (index) => Kind[at(index).kind],
    site: () => 0,
    address: (index) => at(index).address,
    size: (index) => at(index).size,
    cpu: (index) => at(index).cpu,
    changedNothing: (index) => at(index).failed,
  };
}

const raceIn = (...events: readonly Event[]): DataRace | undefined =>
  new DataRaceDetector(0x10000, 2).find(logOf(events));

describe("two accesses to one word", () => {
  test.each<[KindName, KindName, boolean]>([
    ["store", "load", true],
    ["load", "store", true],
    ["store", "store", true],
    ["load", "load", false],
    ["store", "atomicLoad", true],
    ["load", "rmw", true],
    ["load", "atomicLoad", false],
    ["writeOnce", "load", true],
    ["writeOnce", "atomicLoad", false],
    ["writeOnce", "writeOnce", false],
    ["rmw", "atomicStore", false],
    ["store", "wait", true],
  ])("%s, then %s on another CPU: %s", (first, second, isRace) => {
    const race = raceIn(a(first, DATA), b(second, DATA));
    expect(race).toEqual(isRace ? { first: 0, second: 1, address: DATA } : undefined);
    expect(raceIn(a(first, DATA), a(second, DATA))).toBeUndefined();
  });

  test("a cmpxchg that fails is a read, and releases nothing", () => {
    expect(raceIn(a("load", DATA), b("cmpxchg", DATA, 4, true))).toBeUndefined();
    expect(raceIn(a("load", DATA), b("cmpxchg", DATA))).toBeDefined();
    const passOn = (failed: boolean): DataRace | undefined =>
      raceIn(
        ...[a("store", DATA), a("cmpxchg", FLAG, 4, failed)],
        ...[b("atomicLoad", FLAG), b("load", DATA)],
      );
    expect(passOn(true)).toMatchObject({ first: 0, second: 3 });
    expect(passOn(false)).toBeUndefined();
  });

  test("a plain access is not forgotten for a marked one that follows", () => {
    const race = raceIn(a("store", DATA), a("atomicStore", DATA), b("writeOnce", DATA));
    expect(race).toMatchObject({ first: 0 });
  });
});

describe("the order of a message", () => {
  const passed = (write: KindName, read: KindName): DataRace | undefined =>
    raceIn(a("store", DATA), a(write, FLAG), b(read, FLAG), b("load", DATA));

  test.each<[KindName, KindName]>([
    ["atomicStore", "atomicLoad"],
    ["rmw", "rmw"],
    ["cmpxchg", "wait"],
  ])("%s passes on to %s what came before", (write, read) => {
    expect(passed(write, read)).toBeUndefined();
  });

  test("neither write_once nor a plain read passes anything on", () => {
    expect(passed("writeOnce", "atomicLoad")).toMatchObject({ first: 0, second: 3 });
    expect(passed("atomicStore", "atomicStore")).toMatchObject({ first: 0, second: 3 });
  });

  test("write_once passes on what came before the last full barrier, and no more", () => {
    const [barrier, store] = [a("rmw", 0x300), a("store", DATA)];
    const rest = [a("writeOnce", FLAG), b("atomicLoad", FLAG), b("load", DATA)];
    expect(raceIn(store, barrier, ...rest)).toBeUndefined();
    expect(raceIn(barrier, store, ...rest)).toBeDefined();
  });

  test("what comes after a release is not part of it", () => {
    const late = [a("atomicStore", FLAG), a("store", DATA)];
    expect(raceIn(...late, b("atomicLoad", FLAG), b("load", DATA))).toBeDefined();
  });

  test("a store to half of a word leaves what the other half has released", () => {
    const mine = [a("store", DATA), a("rmw", FLAG)];
    const theirs = [b("atomicStore", FLAG, 2), b("atomicLoad", FLAG), b("load", DATA)];
    expect(raceIn(...mine, ...theirs)).toBeUndefined();
    expect(raceIn(...mine, b("atomicStore", FLAG), ...theirs.slice(1))).toBeDefined();
  });

  test("a wait for any of the words of a loop orders, but is no access to their neighbours", () => {
    const wait = b("wait", FLAG, 8);
    expect(raceIn(a("store", FLAG + 4), wait)).toBeUndefined();
    const [data, flag] = [a("store", DATA), a("atomicStore", FLAG + 4)];
    expect(raceIn(data, flag, wait, b("load", DATA))).toBeUndefined();
  });
});

describe("bytes", () => {
  test("neighbours in a word do not race, whatever their sizes", () => {
    expect(raceIn(a("store", DATA, 1), b("store", DATA + 1, 1))).toBeUndefined();
    expect(raceIn(a("store", DATA, 2), b("store", DATA + 2, 2))).toBeUndefined();
    expect(raceIn(a("store", DATA + 2, 4), b("load", DATA + 6, 1))).toBeUndefined();
    expect(raceIn(a("store", DATA, 8), b("load", DATA + 8))).toBeUndefined();
  });

  test("one common byte is enough", () => {
    const race = raceIn(a("store", DATA, 2), b("load", DATA + 1, 1));
    expect(race).toEqual({ first: 0, second: 1, address: DATA + 1 });
    expect(raceIn(a("store", DATA + 2, 4), b("load", DATA + 5, 1))).toBeDefined();
    expect(raceIn(a("store", DATA, 8), b("load", DATA + 4))).toBeDefined();
  });

  test("an access to one byte is not forgotten for later ones to its neighbours", () => {
    const bytes = [0, 1, 0, 1].map((i) => a("store", DATA + i, 1));
    expect(raceIn(...bytes, b("load", DATA, 1))).toMatchObject({ first: 2 });
    expect(raceIn(...bytes, b("load", DATA + 1, 1))).toMatchObject({ first: 3 });
    expect(raceIn(...bytes, b("load", DATA + 2, 1))).toBeUndefined();
  });
});

describe("bulk operations", () => {
  const PAGE = 4096;

  test("race with what lies in their range, before and after", () => {
    expect(raceIn(a("bulkWrite", DATA, PAGE), b("load", DATA + 0x800))).toBeDefined();
    expect(raceIn(a("load", DATA + 0x800), b("bulkWrite", DATA, PAGE))).toBeDefined();
    expect(raceIn(a("bulkRead", DATA, PAGE), b("bulkWrite", DATA + 8, 1))).toBeDefined();
  });

  test("do not race with what lies beside it, with reads, or when they are ordered", () => {
    expect(raceIn(a("bulkWrite", DATA, PAGE), b("load", DATA + PAGE))).toBeUndefined();
    expect(raceIn(a("load", DATA - 4), b("bulkWrite", DATA, PAGE))).toBeUndefined();
    expect(raceIn(a("load", DATA + 2, 2), b("bulkWrite", DATA + 4, 6))).toBeUndefined();
    expect(raceIn(a("bulkRead", DATA, PAGE), b("bulkRead", DATA, PAGE))).toBeUndefined();
    const passed = [a("atomicStore", FLAG - 0x180), b("atomicLoad", FLAG - 0x180)];
    expect(raceIn(a("bulkWrite", DATA, PAGE), ...passed, b("load", DATA))).toBeUndefined();
  });
});

test("nothing of one execution is left in the next", () => {
  const detector = new DataRaceDetector(0x10000, 2);
  const racy = logOf([a("store", DATA), a("bulkWrite", 0x2000, 64), b("load", DATA)]);
  expect(detector.find(racy)).toBeDefined();
  expect(detector.find(logOf([b("load", DATA), b("load", 0x2000)]))).toBeUndefined();
  expect(detector.find(racy)).toBeDefined();
});

test("intended races are passed over, others are found behind them", () => {
  const isIntended = (_: RaceLog, { address }: DataRace): boolean => address === FLAG;
  const log = logOf([a("store", FLAG), a("store", DATA), b("load", FLAG), b("load", DATA)]);
  expect(new DataRaceDetector(0x10000, 2, isIntended).find(log)).toMatchObject({ first: 1 });
});

test("strategies that write nothing down find data races too, in each eighth execution", async () => {
  const text = `let data: i32 = 0;
    export function cpu0(): void { data = 1; }
    export function cpu1(): void { data = 2; }`;
  const exploration = explorationOf(await compileText(text), true);
  const { failures } = walk(exploration, new RandomWalk(1), undefined, 64);
  expect(failures.map(({ rule }) => rule)).toEqual(Array.from({ length: 8 }, () => "data race"));
  expect(failures[0]?.message).toMatch(
    /^data: cpu\d on CPU \d and cpu\d on CPU \d, nothing orders/,
  );
});
