// Litmus tests: the outcomes that the explorer sees are those of sequential consistency, all of them and
// no others. What weak memory would add is listed too, and not seen: the explorer is blind to it.

import { describe, expect, test } from "vitest";
import { DepthFirst } from "../../../src/engine/explore/strategy/dfs.ts";
import { Dpor } from "../../../src/engine/explore/strategy/dpor.ts";
import { compileText, explorationOf, walk } from "../../support/explored.ts";

const X = 2048;
const Y = 2112;
/** Where CPUs leave what they read. */
const RESULTS = 4096;

const read = (address: number, result: number): string =>
  `atomic.store<i32>(${RESULTS + 64 * result}, atomic.load<i32>(${address}));`;
const write = (address: number, value = 1): string => `atomic.store<i32>(${address}, ${value});`;

interface Litmus {
  readonly name: string;
  readonly cpus: readonly string[];
  readonly results: number;
  /** Outcomes under sequential consistency. */
  readonly allowed: readonly string[];
  /** What x86 or weaker machines show besides. */
  readonly weak: readonly string[];
}

const TESTS: readonly Litmus[] = [
  {
    name: "message passing",
    cpus: [write(X) + write(Y), read(Y, 0) + read(X, 1)],
    results: 2,
    allowed: ["00", "01", "11"],
    weak: ["10"],
  },
  {
    name: "store buffering",
    cpus: [write(X) + read(Y, 0), write(Y) + read(X, 1)],
    results: 2,
    allowed: ["01", "10", "11"],
    weak: ["00"],
  },
  {
    name: "load buffering",
    cpus: [read(X, 0) + write(Y), read(Y, 1) + write(X)],
    results: 2,
    allowed: ["00", "01", "10"],
    weak: ["11"],
  },
  {
    name: "coherence of reads",
    cpus: [write(X, 1) + write(X, 2), read(X, 0) + read(X, 1)],
    results: 2,
    allowed: ["00", "01", "02", "11", "12", "22"],
    weak: ["10", "20", "21"],
  },
  {
    name: "independent reads of independent writes",
    cpus: [write(X), write(Y), read(X, 0) + read(Y, 1), read(Y, 2) + read(X, 3)],
    results: 4,
    allowed: [
      ...["0000", "0001", "0010", "0011", "0100", "0101", "0110", "0111"],
      ...["1000", "1001", "1011", "1100", "1101", "1110", "1111"],
    ],
    weak: ["1010"],
  },
];

describe.each(TESTS)("$name", ({ cpus, results, allowed, weak }) => {
  const text = cpus.map((body, cpu) => `export function cpu${cpu}(): void { ${body} }`).join("\n");
  const outcome = (words: Uint32Array): string =>
    Array.from({ length: results }, (_, i) => words[(RESULTS + 64 * i) >>> 2]).join("");

  test("shows what sequential consistency allows, and is blind to what is weaker", async () => {
    const program = await compileText(text);
    const reduced = explorationOf(program);
    const seen = [...walk(reduced, new Dpor(reduced.runtime), outcome).results.keys()].sort();
    expect(seen).toEqual([...allowed].sort());
    expect(seen.filter((each) => weak.includes(each))).toEqual([]);
  });

  test("shows the same without reduction", async () => {
    if (cpus.length > 2) return;
    const { results: all } = walk(
      explorationOf(await compileText(text)),
      new DepthFirst(),
      outcome,
    );
    expect([...all.keys()].sort()).toEqual([...allowed].sort());
  });
});
