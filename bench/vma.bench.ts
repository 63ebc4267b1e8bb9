// Many VMAs. Asks: what does find_vma cost at a random address among 10 to 10,000 VMAs, and does the
// price of mmap and munmap stay flat?
// Not asked here: the hint (mmap_cache), which a random address misses; the split and merge of VMAs.
//
// find_vma is measured net of the call from JavaScript into wasm: of what the same call costs in an
// address space without a VMA. That is shown too.

import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { DirectMachine } from "./direct.ts";
import { SEED, WorkHash, begin, printResult, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import type { ProgramTask } from "../src/machine/task.ts";
import { counted } from "../src/report/format.ts";

const COUNTS = [10, 100, 1000, 10_000];
const ROUNDS = sized(2, 60);
const WARMUP = sized(1, 30);
/** Lookups in a round; their addresses are drawn before. */
const LOOKUPS = sized(1024, 65_536);
/** Pairs of mmap and munmap in a round. */
const PAIRS = sized(64, 4096);
const BASE = 2 ** 40;
const PAGE = 4096;
/** From one mapping to the next: a hole of a page keeps them apart. */
const STRIDE = 2 * PAGE;

const machine = new DirectMachine("2.6.9", "64M");
const { k } = machine.cpu;

/** A process with many mappings of one page each, and what is asked about it; times in ns. */
class Crowd {
  readonly #task: ProgramTask = machine.spawn();
  readonly #mm: number = machine.mmOf(this.#task);
  readonly #addresses: Float64Array;

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.#map(BASE + i * STRIDE);
    const random = xoroshiro128plus(SEED);
    this.#addresses = Float64Array.from({ length: LOOKUPS }, () =>
      count === 0 ? BASE : BASE + uniformInt(random, 0, count - 1) * STRIDE,
    );
  }

  /** Looks every address up: ns a call. */
  find(): number {
    let found = 0;
    const start = performance.now();
    for (const address of this.#addresses) found += k.find_vma(this.#mm, address) === 0 ? 0 : 1;
    const ns = (performance.now() - start) * 1e6;
    if (found !== LOOKUPS && found !== 0) throw new Error(`${found} of ${LOOKUPS} were found`);
    return ns / LOOKUPS;
  }

  /** Unmaps random mappings and maps each again where it was: ns a pair. */
  replace(): number {
    const start = performance.now();
    for (let i = 0; i < PAIRS; i++) {
      const address = this.#addresses[i % LOOKUPS] as number;
      this.#task.munmap(address, PAGE);
      this.#map(address);
    }
    return ((performance.now() - start) * 1e6) / PAIRS;
  }

  /** Maps a page where the kernel likes and unmaps it: ns a pair. */
  mapAnywhere(): number {
    const start = performance.now();
    for (let i = 0; i < PAIRS; i++) {
      this.#task.munmap(this.#task.mmap({ length: PAGE, read: true, write: true }), PAGE);
    }
    return ((performance.now() - start) * 1e6) / PAIRS;
  }

  #map(hint: number): void {
    this.#task.mmap({ length: PAGE, read: true, write: true, hint, fixed: true });
  }

  /** Notes which mappings are looked up. */
  prove(hash: WorkHash): void {
    for (const address of this.#addresses) hash.add(address - BASE);
  }
}

/** find_vma among each number of VMAs, less what the call itself costs. */
async function measureFind(empty: Crowd, crowds: readonly Crowd[]): Promise<Line[]> {
  const sides = [empty, ...crowds].map((crowd) => () => crowd.find());
  const [call, ...finds] = await takeTurns(ROUNDS, sides);
  const lines: Line[] = [{ what: "a call into wasm, find_vma of 0 VMAs", unit: "ns", ours: call! }];
  finds.forEach((series, index) => {
    const count = COUNTS[index]!;
    const net = series.map((ns, round) => ns - call![round]!);
    const line = { what: `find_vma of ${counted(count, "VMA")}, net`, unit: "ns", ours: net };
    lines.push(count === 1000 ? { ...line, target: { atMost: 40 } } : line);
  });
  return lines;
}

/** A pair of mmap and munmap among each number of VMAs; the most against the fewest. */
async function measurePairs(what: string, sides: (() => number)[]): Promise<Line[]> {
  const series = await takeTurns(ROUNDS, sides);
  return series.map((ours, index) => {
    const line = { what: `${what} of ${counted(COUNTS[index]!, "VMA")}`, unit: "ns", ours };
    if (index === 0) return line;
    const last = index === COUNTS.length - 1;
    return { ...line, theirs: series[0], ...(last ? { target: { atMost: 3 } } : {}) };
  });
}

begin(
  "What do find_vma, mmap and munmap cost in a process of many VMAs?",
  `Random addresses; the pairs of mmap and munmap are compared with those among ${COUNTS[0]} VMAs.`,
);
const hash = new WorkHash();
const empty = new Crowd(0);
const crowds = COUNTS.map((count) => new Crowd(count));
for (const crowd of crowds) {
  crowd.prove(hash);
  for (let i = 0; i < WARMUP; i++) {
    empty.find();
    crowd.find();
    crowd.replace();
    crowd.mapAnywhere();
  }
}
const lines = [
  ...(await measureFind(empty, crowds)),
  ...(await measurePairs(
    "munmap+mmap at random",
    crowds.map((crowd) => () => crowd.replace()),
  )),
  ...(await measurePairs(
    "mmap+munmap anywhere",
    crowds.map((crowd) => () => crowd.mapAnywhere()),
  )),
];
printResult(lines, "racier", `${COUNTS[0]} VMAs`, hash);
