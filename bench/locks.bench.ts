// Locks in wasm and in C. Asks: what does a lock of assembly/lock/ cost against the same algorithm in C, when
// nobody else wants it, and when two CPUs do? C is there three times: as a C compiler makes it; with the store
// that wasm has; and with V8's instructions for what is atomic. So one sees which of them a difference is due to.
// Not asked here: latency, fairness, more CPUs, the other locks: racier locks.

import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { WorkHash, begin, printResult, sayNativeProblem, sized, takeTurns } from "./harness.ts";
import type { Line, Target } from "./harness.ts";
import { type NativeProgram, type LocksForm, openLocks } from "./native.ts";
import { compileLock } from "../src/lab/compile.ts";
import { LAB_MEMORY, labImports, writeLabParams } from "../src/lab/memory.ts";
import { lockSource } from "../src/lab/sources.ts";

const NAMES = ["bit", "ttas", "ticket", "mcs", "clh", "rwlock"];
const ROUNDS = sized(1, 21);
/** Operations of a CPU in a round, by the number of CPUs. */
const OPS = [0, sized(1000, 1_000_000), sized(100, 50_000)] as const;
const AT = LAB_MEMORY.arena;
/** Not at the same place of a page as the lock: a load would wait for a store that it takes for its own. */
const DATA = AT + 0x1240;
const MEETING = AT + 0x1380;
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

/** What C is compared by. */
const FORMS = [
  { form: "release", head: "C frees a lock by a release store, a plain mov here:" },
  {
    form: "seq_cst",
    head: "C frees it by a sequentially consistent store, an xchg, as wasm must:",
  },
  {
    form: "loops",
    head: "The same, and adds and clears bits by a loop of lock cmpxchg, as V8 does:",
  },
] as const satisfies readonly { form: LocksForm; head: string }[];
type Forms<T> = Readonly<Record<LocksForm, T>>;

async function measure(
  name: string,
  twins: Forms<NativeProgram | undefined>,
  lines: Forms<Line[]>,
): Promise<void> {
  const pair = await Pair.open(name);
  for (const cpus of [1, 2] as const) {
    for (let i = 0; i < sized(1, 3); i++) await pair.measure(cpus);
    const programs = FORMS.map(({ form }) => twins[form]).filter((twin) => twin !== undefined);
    const [ours = [], ...theirs] = await takeTurns(ROUNDS, [
      () => pair.measure(cpus),
      ...programs.map((program) => async () => {
        const [ns] = await program.run(`${name} ${cpus} ${OPS[cpus]} 1`);
        return ns as number;
      }),
    ]);
    const what = `${name}, ${cpus === 1 ? "nobody else wants it" : "2 CPUs want it"}`;
    const target: Target = cpus === 1 ? { atMost: 1.1 } : { between: [0.8, 1.25] };
    for (const [i, { form }] of FORMS.entries()) {
      lines[form].push({ what, unit: "ns/pair", ours, theirs: theirs[i], target });
    }
  }
  await pair.close();
}

begin(
  "What does a lock cost in wasm against C?",
  "2 CPUs: time from the first that begins to the last that ends, for each operation of either.",
);
sayNativeProblem();
const hash = new WorkHash();
const lines: Forms<Line[]> = { release: [], seq_cst: [], loops: [] };
const twins: Forms<NativeProgram | undefined> = {
  release: await openLocks("release"),
  seq_cst: await openLocks("seq_cst"),
  loops: await openLocks("loops"),
};
// As `racier locks` does: V8's best code from the start.
setFlagsFromString("--no-liftoff");
for (const name of NAMES) {
  await measure(name, twins, lines);
  hash.add(...OPS, ROUNDS);
}
for (const twin of Object.values(twins)) await twin?.close();
if (twins.release === undefined) {
  printResult(lines.release, "wasm", undefined, hash);
} else {
  for (const { form, head } of FORMS) {
    console.log(`\n${head}`);
    printResult(lines[form], "wasm", "C", hash);
  }
}
