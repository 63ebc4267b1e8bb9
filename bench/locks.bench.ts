// Locks in wasm and in C. Asks: what does a lock of assembly/lock/ cost against the same algorithm in C, when
// nobody else wants it, and when two CPUs do?
// Not asked here: latency, fairness, more CPUs, the other locks: racier locks.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { WorkHash, begin, printResult, sayNativeProblem, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import { type NativeProgram, openLocks } from "./native.ts";
import { compileLock } from "../src/lab/compile.ts";
import { LAB_MEMORY, labImports, writeLabParams } from "../src/lab/memory.ts";
import { lockSource } from "../src/lab/sources.ts";

const NAMES = ["bit", "ttas", "ticket", "mcs", "clh", "rwlock"];
const ROUNDS = sized(1, 21);
/** Operations of a CPU in a round, by the number of CPUs. */
const OPS = [0, sized(1000, 1_000_000), sized(100, 50_000)] as const;
const AT = LAB_MEMORY.arena;
const DATA = AT + 0x1000;
const MEETING = AT + 0x1100;
const NODES = AT + 0x2000;

const ENTRY = `import * as lock from "racier/subject";
export function init(at: usize): void { if (isDefined(lock.init)) lock.init(at, 2); }
export function hammer(at: usize, node: usize, data: usize, ops: u32): void {
  for (let i: u32 = 0; i < ops; i++) {
    lock.acquire(at, node);
    store<u32>(data, load<u32>(data) + 1);
    lock.release(at, node);
  }
}`;

/** A lock on two CPUs, each a thread of its own. */
class Pair {
  readonly #workers: readonly Worker[];
  readonly #words: Uint32Array;

  constructor(workers: readonly Worker[], words: Uint32Array) {
    this.#workers = workers;
    this.#words = words;
  }

  static async open(name: string): Promise<Pair> {
    const { wasm } = await compileLock(lockSource(name), { entry: ENTRY, engine: "threads" });
    const module = new WebAssembly.Module(wasm);
    const memory = new WebAssembly.Memory({ initial: 20, maximum: 65_536, shared: true });
    const words = new Uint32Array(memory.buffer);
    writeLabParams(words, { cpus: 2, oversubscribed: false, spinLimit: 1000 });
    const workers = [0, 1].map((cpu) => {
      const workerData = { module, memory, imports: labImports(cpu), at: AT, meeting: MEETING };
      return new Worker(new URL("locks-cpu.mjs", import.meta.url), { workerData });
    });
    await Promise.all(workers.map((worker) => once(worker, "message")));
    return new Pair(workers, words);
  }

  /** ns an operation of so many CPUs together. */
  async measure(cpus: 1 | 2): Promise<number> {
    this.#words[MEETING >>> 2] = 0;
    this.#words[DATA >>> 2] = 0;
    const ops = OPS[cpus];
    const spans = await Promise.all(
      this.#workers.slice(0, cpus).map(async (worker, cpu) => {
        worker.postMessage({ cpus, args: [AT, NODES + cpu * 0x400, DATA, ops] });
        const [span] = (await once(worker, "message")) as [[number, number]];
        return span;
      }),
    );
    const count = this.#words[DATA >>> 2] as number;
    if (count !== cpus * ops) throw new Error(`counts were lost: ${count} of ${cpus * ops}`);
    const from = Math.min(...spans.map(([start]) => start));
    const to = Math.max(...spans.map(([, end]) => end));
    return ((to - from) * 1e6) / (cpus * ops);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

async function measure(name: string, twin: NativeProgram | undefined): Promise<Line[]> {
  const pair = await Pair.open(name);
  const lines: Line[] = [];
  for (const cpus of [1, 2] as const) {
    for (let i = 0; i < sized(1, 3); i++) await pair.measure(cpus);
    const ours = (): Promise<number> => pair.measure(cpus);
    const theirs = async (program: NativeProgram): Promise<number> =>
      (await program.run(`${name} ${cpus} ${OPS[cpus]} 1`))[0] as number;
    const sides = twin === undefined ? [ours] : [ours, () => theirs(twin)];
    const series = await takeTurns(ROUNDS, sides);
    const what = `${name}, ${cpus === 1 ? "nobody else wants it" : "2 CPUs want it"}`;
    const target = { atMost: cpus === 1 ? 1.1 : 1.25 };
    lines.push({ what, unit: "ns/pair", ours: series[0] ?? [], theirs: series[1], target });
  }
  await pair.close();
  return lines;
}

begin(
  "What does a lock cost in wasm against C?",
  "2 CPUs: time from the first that begins to the last that ends, for each operation of either.",
);
sayNativeProblem();
const hash = new WorkHash();
const lines: Line[] = [];
const twin = await openLocks();
for (const name of NAMES) {
  lines.push(...(await measure(name, twin)));
  hash.add(...OPS, ROUNDS);
}
await twin?.close();
printResult(lines, "wasm", twin === undefined ? undefined : "C", hash);
