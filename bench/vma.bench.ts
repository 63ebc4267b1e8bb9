// Many mappings. Asks: what does find_vma cost with 10 to 10,000 VMAs, and does mmap+munmap stay flat?
// Not asked here: the merging of neighbours, faults in what is mapped, other CPUs in the same mm.

import { DirectMachine } from "./direct.ts";
import { SEED, WorkHash, begin, printResult, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { uniformInt } from "pure-rand/distribution/uniformInt";

const ROUNDS = sized(2, 40);
const LOOKUPS = sized(200, 20_000);
const PAIRS = sized(20, 2000);
const COUNTS = [10, 100, 1000, sized(2000, 10_000)];
const BASE = 2 ** 40;
/** A mapping and as much room behind it, so that no two can merge. */
const STRIDE = 8192;

/** A process with `count` mappings of a page each. */
class Mappings {
  readonly #machine = new DirectMachine("2.6.9", "64M");
  readonly #task = this.#machine.spawn();
  readonly #mm: number;
  readonly #addresses: readonly number[];

  constructor(count: number) {
    this.#mm = this.#machine.mmOf(this.#task);
    for (let i = 0; i < count; i++) {
      this.#task.mmap({ length: 4096, hint: BASE + i * STRIDE, fixed: true, read: true });
    }
    const random = xoroshiro128plus(SEED);
    this.#addresses = Array.from(
      { length: LOOKUPS },
      () => BASE + uniformInt(random, 0, count - 1) * STRIDE,
    );
  }

  /** ns of a call into the kernel that does nothing. */
  call(): number {
    const { k } = this.#machine.cpu;
    const start = performance.now();
    for (const address of this.#addresses) k.phase_leave(address & 0);
    return ((performance.now() - start) * 1e6) / LOOKUPS;
  }

  /** ns of find_vma at a random mapped address, the call included. */
  find(): number {
    const { k } = this.#machine.cpu;
    const start = performance.now();
    for (const address of this.#addresses) k.find_vma(this.#mm, address);
    return ((performance.now() - start) * 1e6) / LOOKUPS;
  }

  /** ns of mmap and munmap of a page, where there is room. */
  mapUnmap(): number {
    const start = performance.now();
    for (let i = 0; i < PAIRS; i++) {
      this.#task.munmap(this.#task.mmap({ length: 4096, read: true, write: true }), 4096);
    }
    return ((performance.now() - start) * 1e6) / PAIRS;
  }
}

begin(
  "What do find_vma and mmap+munmap cost with many VMAs?",
  "find_vma: random addresses, less what a call into the kernel costs that does nothing.",
  "mmap+munmap: beside the many mappings; compared with the same beside 10.",
);
const hash = new WorkHash();
const processes = COUNTS.map((count) => new Mappings(count));
for (const each of processes) {
  for (let i = 0; i < sized(1, 20); i++) {
    each.find();
    each.mapUnmap();
  }
}
const lines: Line[] = [];
const calls = await takeTurns(ROUNDS, [() => (processes[0] as Mappings).call()]);
const finds = await takeTurns(
  ROUNDS,
  processes.map((each) => () => Math.max(0.1, each.find() - each.call())),
);
const pairs = await takeTurns(
  ROUNDS,
  processes.map((each) => () => each.mapUnmap()),
);
lines.push({ what: "call into the kernel", unit: "ns", ours: calls[0] ?? [] });
COUNTS.forEach((count, index) => {
  hash.add(count);
  const line = { what: `find_vma, ${count} VMAs`, unit: "ns", ours: finds[index] ?? [] };
  lines.push(count === 1000 ? { ...line, target: { atMost: 40 } } : line);
});
printResult(lines, "racier", undefined, hash);
const few = pairs[0] ?? [];
printResult(
  COUNTS.map((count, index) => ({
    what: `mmap+munmap, ${count} VMAs`,
    unit: "ns",
    ours: pairs[index] ?? [],
    theirs: few,
    target: { atMost: 3 },
  })),
  "many",
  "10 VMAs",
  hash,
);
