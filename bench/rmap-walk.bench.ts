// From a page to the PTEs that map it. Asks: what do page_referenced and try_to_unmap cost in wasm, of each kernel, against
// the same algorithm in C, and does that grow with the number of mappers; how many PTEs a second does reclaim take away;
// what do read sections and grace periods of RCU cost; how long does swapoff take?
// Not asked here: contention (racier reclaim), files, how a scan by swapoff grows (racier swapoff).

import { DirectMachine } from "./direct.ts";
import { WorkHash, begin, printResult, sayNativeProblem, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import { type NativeProgram, type TwinKernel, openTwin } from "./native.ts";
import { threadsEngine } from "../src/engine/threads/engine.ts";
import { runSwapoff } from "../src/experiment/swapoff.ts";
import { Machine } from "../src/index.ts";
import { dupMm } from "../src/mm/fork.ts";

const ROUNDS = sized(2, 20);
const MAPPERS = sized([1, 10], [1, 10, 100, 1000]);
/** PTEs that are walked in a round and side, as in the twin. */
const PTES = 4096;
const BASE = 2 ** 40;
/** The second patch without, and with, the third: without and with read sections of RCU. */
const BEFORE_RCU = "2.6.8+anon-in-mapping+kill-page-map-lock";
const MODULE = new URL("./rmap-walk-programs.ts", import.meta.url);

/** Pages that so many address spaces map, on a machine with a disk. */
class Sharers {
  readonly #machine: DirectMachine;
  readonly #mms: number[];
  readonly #pages: number[];

  constructor(kernel: string, mappers: number) {
    this.#machine = new DirectMachine(kernel, "96M", 1, "128M");
    const { cpu } = this.#machine;
    const pages = Math.ceil(PTES / mappers);
    const task = this.#machine.spawn();
    task.swapon({ length: 64 << 20 });
    const length = pages * 4096;
    task.mmap({ length, hint: BASE, fixed: true, read: true, write: true });
    task.touch(BASE, length);
    cpu.k.lru_add_drain();
    const mm = this.#machine.mmOf(task);
    this.#mms = [mm, ...Array.from({ length: mappers - 1 }, () => dupMm(cpu, mm))];
    this.#pages = Array.from({ length: pages }, (_, i) => cpu.k.follow_page(BASE + i * 4096));
    for (const page of this.#pages) {
      cpu.k.lock_page(page);
      cpu.k.add_to_swap(page);
      cpu.k.unlock_page(page);
    }
    this.referenced();
  }

  get ptes(): number {
    return this.#pages.length * this.#mms.length;
  }

  /** page_referenced of each page; how many were used. */
  referenced(): number {
    const { k } = this.#machine.cpu;
    let used = 0;
    for (const page of this.#pages) used += k.page_referenced(page, 0);
    return used;
  }

  /** try_to_unmap of each page; how many are still mapped. */
  unmap(): number {
    const { k } = this.#machine.cpu;
    let left = 0;
    for (const page of this.#pages) left += k.try_to_unmap(page);
    return left;
  }

  /** All of reclaim for each page: a slot, no PTE, written to the disk, and freed. How many were not. */
  shrink(): number {
    const { k } = this.#machine.cpu;
    let left = 0;
    for (const page of this.#pages) left += 1 - k.shrink_page(page);
    this.#pages.fill(0);
    return left;
  }

  /** Makes each page one that has no slot of swap and that the disk does not hold: as if it was just written. */
  forgetSwap(): void {
    const { k } = this.#machine.cpu;
    for (const page of this.#pages) {
      k.lock_page(page);
      k.delete_from_swap_cache(page);
      k.set_page_dirty(page);
      k.unlock_page(page);
    }
  }

  /** Maps everything again, where it is not; no PTE is young then. */
  restore(): void {
    const { k } = this.#machine.cpu;
    for (const [index, known] of this.#pages.entries()) {
      const at = BASE + index * 4096;
      for (const mm of this.#mms) {
        const page = k.get_user_page(mm, at, 0);
        if (this.#pages[index] === 0) this.#pages[index] = page;
        else k.put_page(page);
      }
      if (known === 0 && this.#pages[index] === 0) throw new Error("a page is lost");
    }
    k.lru_add_drain();
    this.referenced();
  }
}

const nsEach = (units: number, work: () => void): number => {
  const start = performance.now();
  work();
  return ((performance.now() - start) * 1e6) / units;
};

/** Nothing may be missed: else the time is that of something else. */
const expectNone = (left: number): void => {
  if (left !== 0) throw new Error(`${left} PTEs or pages were left out`);
};

interface Walks {
  readonly referenced: () => number;
  readonly unmap: () => number;
}

function walksOf(sharers: Sharers): Walks {
  const { ptes } = sharers;
  return {
    referenced: () =>
      nsEach(ptes, () => {
        expectNone(sharers.referenced());
      }),
    unmap: () => {
      const ns = nsEach(ptes, () => {
        expectNone(sharers.unmap());
      });
      sharers.restore();
      return ns;
    },
  };
}

const counted = (mappers: number): string => `${mappers} mapper${mappers === 1 ? "" : "s"}`;

/** page_referenced and try_to_unmap, one number of mappers. */
async function measureWalks(
  kernel: string,
  twin: NativeProgram | undefined,
  mappers: number,
  hash: WorkHash,
): Promise<Line[]> {
  const sharers = new Sharers(kernel, mappers);
  hash.add(mappers, sharers.ptes);
  const walks = walksOf(sharers);
  const lines: Line[] = [];
  for (const name of ["referenced", "unmap"] as const) {
    const ours = walks[name];
    for (let i = 0; i < sized(1, 10); i++) ours();
    const theirs = async (): Promise<number> =>
      (await twin?.run(`${name} ${mappers} 1`))?.[0] ?? NaN;
    const [own, other] = await takeTurns(ROUNDS, twin === undefined ? [ours] : [ours, theirs]);
    const what = name === "referenced" ? "page_referenced" : "try_to_unmap";
    const line = { what: `${kernel} ${what}, ${counted(mappers)}`, unit: "ns/PTE", ours: own! };
    lines.push({ ...line, theirs: other, target: { atMost: 1.2 } });
  }
  return lines;
}

async function measureReclaim(kernel: string, mappers: number): Promise<Line> {
  const sharers = new Sharers(kernel, mappers);
  const once = (): number => {
    sharers.forgetSwap();
    const ns = nsEach(sharers.ptes, () => {
      expectNone(sharers.shrink());
    });
    sharers.restore();
    return 1e9 / ns;
  };
  for (let i = 0; i < sized(1, 5); i++) once();
  const [ours] = await takeTurns(ROUNDS, [once]);
  const what = `${kernel} anonymous reclaim, ${counted(mappers)}`;
  return { what, unit: "PTEs/s", ours: ours!, target: { atLeast: 1e6 } };
}

/** A read section: page_referenced of a kernel that has it against one that does without. */
async function measureReadSide(): Promise<Line> {
  const sides = [`${BEFORE_RCU}+typesafe-slab`, BEFORE_RCU].map((kernel) => {
    const { referenced } = walksOf(new Sharers(kernel, 1));
    for (let i = 0; i < 20; i++) referenced();
    return referenced;
  });
  const [ours, theirs] = await takeTurns(ROUNDS * 2, sides);
  const what = "page_referenced with a read section of RCU, and without";
  return { what, unit: "ns", ours: ours!, theirs };
}

async function measureGracePeriod(): Promise<Line> {
  const machine = await Machine.boot({ kernel: "2.6.9", cpus: 2, memory: "32M" });
  try {
    await machine.load({ module: MODULE, programs: ["gracePeriods", "quiescentStates"] });
    const words = new SharedArrayBuffer(8);
    const shared = { words, periods: sized(20, 200) };
    const ours: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      new Int32Array(words).fill(0);
      const other = machine.run("quiescentStates", { cpu: 1, shared });
      ours.push((await machine.run("gracePeriods", { cpu: 0, shared })) as number);
      await other;
    }
    const what = "2.6.9 grace period, 2 CPUs that pass quiescent states";
    return { what, unit: "us", ours, target: { atMost: 100 } };
  } finally {
    await machine.stop();
  }
}

async function measureSwapoff(): Promise<Line> {
  const pages = sized(640, 100_000);
  const sizes = { kernels: ["2.6.9"], processes: [64], pages: [pages], rounds: 1 };
  const scene = { sharings: ["own"], places: ["disk"], ways: ["anon_vma"] } as const;
  const ours: number[] = [];
  for (let round = 0; round < sized(1, 3); round++) {
    const { results } = await runSwapoff({ ...sizes, ...scene }, threadsEngine);
    ours.push(...results.map(({ medianMs }) => medianMs));
  }
  const what = `2.6.9 swapoff by anon_vma, ${pages} pages, 64 processes`;
  return { what, unit: "ms", ours, target: { atMost: 1000 } };
}

begin("What does it cost to go from a page to the PTEs that map it, and what stands on that?");
sayNativeProblem();
const hash = new WorkHash();
const compared: Line[] = [];
const alone: Line[] = [];
for (const kernel of ["2.6.8", "2.6.9"] satisfies TwinKernel[]) {
  const twin = await openTwin(kernel);
  for (const mappers of MAPPERS) {
    compared.push(...(await measureWalks(kernel, twin, mappers, hash)));
    alone.push(await measureReclaim(kernel, mappers));
  }
  await twin?.close();
}
if (sized(false, true)) compared.push(await measureReadSide());
alone.push(await measureGracePeriod(), await measureSwapoff());
printResult([...compared, ...alone], "wasm", "C", hash);
