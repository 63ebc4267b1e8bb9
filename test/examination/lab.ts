// The examination that every lock of the lab sits, whoever wrote it: alone, on threads, and under the explorer.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { dataRaces } from "../../src/engine/explore/detect/race-failure.ts";
import { Exploration } from "../../src/engine/explore/exploration.ts";
import { programNames } from "../../src/engine/explore/names.ts";
import { UNLIMITED } from "../../src/engine/explore/runtime.ts";
import {
  SourceProgram,
  compileLockProgram,
  explainProgram,
} from "../../src/engine/explore/source-program.ts";
import { Bounded } from "../../src/engine/explore/strategy/bounded.ts";
import { Dpor } from "../../src/engine/explore/strategy/dpor.ts";
import { lowestCpu, type Strategy } from "../../src/engine/explore/strategy/strategy.ts";
import { compileLock } from "../../src/lab/compile.ts";
import { EXPLORED_AT, exploredName } from "../../src/lab/explored.ts";
import { LAB_MEMORY, labImports, writeLabParams } from "../../src/lab/memory.ts";
import type { LockSource } from "../../src/lab/sources.ts";

/** What an exploration came to. */
export interface Explored {
  /** The first rule that was broken. */
  readonly rule: string | undefined;
  readonly message: string | undefined;
  /** Everything within `completeness` was tried. */
  readonly ended: boolean;
  readonly completeness: string;
  readonly executions: number;
}

/** Explores a lock, by a program of its own if there is one: every behaviour, or with so many preemptions; up to the first failure. */
export async function explore(
  lock: LockSource,
  {
    cpus = 2,
    preemptions,
    most = 20_000,
    entry,
  }: { cpus?: number; preemptions?: number; most?: number; entry?: string },
): Promise<Explored> {
  const exploration = explorationOf(await compileLockProgram(lock, cpus, entry));
  const { runtime } = exploration;
  exploration.learnSpins();
  const strategy =
    preemptions === undefined
      ? new Dpor(runtime)
      : new Bounded(runtime, "preemptions", preemptions, true);
  let failure;
  let ended = false;
  while (failure === undefined && !ended && exploration.executions < most) {
    const outcome = exploration.execute(strategy);
    ended = outcome === undefined;
    failure = outcome?.failure;
  }
  const { executions } = exploration;
  const { completeness } = strategy;
  return { rule: failure?.rule, message: failure?.message, ended, completeness, executions };
}

type Program = Awaited<ReturnType<typeof compileLockProgram>>;

function explorationOf(program: Program): Exploration {
  const subject = new SourceProgram(program);
  const names = programNames(program.sites, program.variables, exploredName);
  const races = dataRaces(subject.runtime, subject.cpus, names);
  return new Exploration(subject.runtime, subject, explainProgram, [races]);
}

/** Rounds of the CPUs that would like to starve another. */
const ROUNDS = 100;
const { lock: LOCK, nodes: NODES, nodeBytes, data: LOG, done: INSIDE } = EXPLORED_AT;

/** CPU 0 and 2 take the lock again and again, CPU 1 once; the log says in which order they were inside. */
const QUEUE_ENTRY = `import * as lock from "racier/subject";
import { smp_processor_id } from "racier/arch/percpu";
function take(rounds: i32): void {
  const node: usize = ${NODES} + smp_processor_id() * ${nodeBytes};
  for (let i = 0; i < rounds; i++) {
    lock.acquire(${LOCK}, node);
    const count = load<u32>(${INSIDE});
    if (count < 64) store<u8>(${LOG} + count, <u8>smp_processor_id());
    store<u32>(${INSIDE}, count + 1);
    if (smp_processor_id() == 1) store<u32>(${INSIDE} + 8, count);
    lock.release(${LOCK}, node);
  }
}
export function setup(): void { if (isDefined(lock.init)) lock.init(${LOCK}, 4); }
export function cpu0(): void { take(${ROUNDS}); }
export function cpu1(): void { take(1); }
export function cpu2(): void { take(${ROUNDS}); }
export function cpu3(): void { take(1); }
`;

/** CPU 0 gets in, the others queue up one after another; then they run as badly for CPU 1 as they can. */
class Unfair implements Strategy {
  readonly name = "unfair";
  readonly needsLog = false;
  readonly breaksOnWake = true;
  readonly completeness = "one schedule";
  steps = 1;
  readonly #exploration: Exploration;
  readonly #others: readonly number[];
  #arrived = 0;

  constructor(exploration: Exploration, others: readonly number[]) {
    this.#exploration = exploration;
    this.#others = others;
  }

  begin(): boolean {
    return true;
  }

  next(runnable: number): number {
    const { words } = this.#exploration.runtime;
    if (this.#arrived === 0) {
      this.steps = 1;
      if ((words[INSIDE >>> 2] as number) === 0) return 0;
      this.#arrived = 1;
    }
    this.steps = UNLIMITED;
    for (; this.#arrived <= 3; this.#arrived++) {
      if (((runnable >> this.#arrived) & 1) === 1) return this.#arrived;
    }
    // A few steps at a time: who was woken does not wait until the others have gone on for long.
    this.steps = 3;
    const preferred = this.#others.find((cpu) => ((runnable >> cpu) & 1) === 1);
    return preferred ?? lowestCpu(runnable);
  }

  end(): void {
    // There is only this one.
  }
}

/** How the CPUs of a queue were served. */
export interface Served {
  /** Who was inside, in this order; the first is CPU 0, which held the lock while the others came. */
  readonly order: readonly number[];
  /** How many were inside before CPU 1. */
  readonly before: number;
}

/** Lets a queue form and sees in which order it is served, by a schedule that favours CPUs 0 and 2. */
export async function serve(lock: LockSource): Promise<Served> {
  const program = await compileLockProgram(lock, 4, QUEUE_ENTRY);
  const exploration = explorationOf(program);
  const { words } = exploration.runtime;
  let served: Served | undefined;
  const outcome = exploration.execute(new Unfair(exploration, [0, 2]), () => {
    const bytes = new Uint8Array(words.buffer, LOG, 4);
    served = { order: [...bytes], before: words[(INSIDE + 8) >>> 2] as number };
  });
  if (outcome?.failure !== undefined) throw new Error(outcome.failure.message);
  return served as Served;
}

/** Uses a lock on threads, and alone. Every address is in the arena. */
const THREADS_ENTRY = `import * as lock from "racier/subject";
import { lock_acquire, lock_release } from "racier/lock/lockdep";
export const HAS_TRY: bool = isDefined(lock.try_acquire);
export const HAS_TRY_SHARED: bool = isDefined(lock.try_acquire_shared);
export function init(at: usize, cpus: u32): void { if (isDefined(lock.init)) lock.init(at, cpus); }
export function acquire(at: usize, node: usize): void { lock.acquire(at, node); }
export function release(at: usize, node: usize): void { lock.release(at, node); }
export function try_acquire(at: usize, node: usize): bool {
  if (isDefined(lock.try_acquire)) return lock.try_acquire(at, node);
  return false;
}
export function acquire_shared(at: usize, node: usize): void {
  if (isDefined(lock.acquire_shared)) lock.acquire_shared(at, node);
}
export function release_shared(at: usize, node: usize): void {
  if (isDefined(lock.release_shared)) lock.release_shared(at, node);
}
export function try_acquire_shared(at: usize, node: usize): bool {
  if (isDefined(lock.try_acquire_shared)) return lock.try_acquire_shared(at, node);
  return false;
}
export function acquire_twice(at: usize, node: usize): void {
  lock_acquire(at, 0);
  lock_acquire(at, 0);
}
export function release_free(at: usize): void { lock_release(at); }
export function hammer(at: usize, node: usize, data: usize, rounds: u32): u32 {
  let broken: u32 = 0;
  for (let i: u32 = 0; i < rounds; i++) {
    if (isDefined(lock.try_acquire)) {
      if ((i & 1) == 0 || !lock.try_acquire(at, node)) lock.acquire(at, node);
    } else lock.acquire(at, node);
    if (isDefined(lock.write_version)) {
      const to = data + lock.write_version(at) * 128;
      const from = data + (1 - lock.write_version(at)) * 128;
      store<u32>(to, load<u32>(from) + 1);
      store<u32>(to, load<u32>(from, 64) + 1, 64);
    } else {
      store<u32>(data, load<u32>(data) + 1);
      store<u32>(data, load<u32>(data, 64) + 1, 64);
    }
    lock.release(at, node);
    if (isDefined(lock.acquire_shared)) {
      lock.acquire_shared(at, node);
      let version = data;
      if (isDefined(lock.read_version)) version += lock.read_version(at) * 128;
      if (load<u32>(version) != load<u32>(version, 64)) broken++;
      lock.release_shared(at, node);
    }
    if (isDefined(lock.read_begin)) {
      let begun: u32;
      let first: u32;
      let second: u32;
      do {
        begun = lock.read_begin(at);
        first = atomic.load<u32>(data);
        second = atomic.load<u32>(data, 64);
      } while (lock.read_retry(at, begun));
      if (first != second) broken++;
    }
  }
  return broken;
}
`;

/** The calls of THREADS_ENTRY. */
export interface LockCalls {
  readonly HAS_TRY: WebAssembly.Global;
  readonly HAS_TRY_SHARED: WebAssembly.Global;
  readonly init: (at: number, cpus: number) => void;
  readonly acquire: (at: number, node: number) => void;
  readonly release: (at: number, node: number) => void;
  readonly try_acquire: (at: number, node: number) => number;
  readonly acquire_shared: (at: number, node: number) => void;
  readonly release_shared: (at: number, node: number) => void;
  readonly try_acquire_shared: (at: number, node: number) => number;
  readonly acquire_twice: (at: number, node: number) => void;
  readonly release_free: (at: number) => void;
}

/** Addresses of a lock, the node of a CPU, and what the lock protects. */
export const AT = {
  lock: LAB_MEMORY.arena,
  node: (cpu: number): number => LAB_MEMORY.arena + 0x8000 + cpu * 0x400,
  data: LAB_MEMORY.arena + 0x4000,
} as const;

/** A lock that this thread uses as CPUs 0 and 1, in its checking form. */
export async function alone(lock: LockSource): Promise<readonly [LockCalls, LockCalls]> {
  const build = { entry: THREADS_ENTRY, engine: "threads", checking: true } as const;
  const { wasm } = await compileLock(lock, build);
  const module = new WebAssembly.Module(wasm);
  const memory = new WebAssembly.Memory({ initial: 20, maximum: 65_536, shared: true });
  const instantiate = (cpu: number): LockCalls => {
    const imports = { env: { memory, abort: () => undefined }, ...labImports(cpu) };
    return new WebAssembly.Instance(module, imports).exports as unknown as LockCalls;
  };
  const calls = [instantiate(0), instantiate(1)] as const;
  calls[0].init(AT.lock, 2);
  return calls;
}

const PROGRAM = new URL("../support/programs/lab.mjs", import.meta.url);

/** Threads that are CPUs of the lab. */
export class LabThreads {
  readonly #workers: readonly Worker[];

  constructor(cpus: number) {
    this.#workers = Array.from({ length: cpus }, () => new Worker(PROGRAM));
  }

  /**
   * All CPUs count `rounds` times under a lock.
   * @returns what is wrong: counts that are missing, and readers that saw a half-done change
   */
  async hammer(lock: LockSource, rounds: number): Promise<{ lost: number; broken: number }> {
    const { wasm } = await compileLock(lock, { entry: THREADS_ENTRY, engine: "threads" });
    const module = new WebAssembly.Module(wasm);
    const memory = new WebAssembly.Memory({ initial: 20, maximum: 65_536, shared: true });
    const words = new Uint32Array(memory.buffer);
    const cpus = this.#workers.length;
    // Waiters park: the computer may be busy with other things.
    writeLabParams(words, { cpus, oversubscribed: true, spinLimit: 50 });
    const imports = { env: { memory, abort: () => undefined }, ...labImports(0) };
    const calls = new WebAssembly.Instance(module, imports).exports as unknown as LockCalls;
    calls.init(AT.lock, cpus);
    const broken = await Promise.all(
      this.#workers.map(async (worker, cpu) => {
        const args = [AT.lock, AT.node(cpu), AT.data, rounds];
        worker.postMessage({ module, memory, imports: labImports(cpu), args, cpus });
        const [answer] = (await once(worker, "message")) as [number];
        return answer;
      }),
    );
    const counts = [0, 64, 128, 192].map((offset) => words[(AT.data + offset) >>> 2] as number);
    const count = Math.max(Math.min(counts[0] ?? 0, counts[1] ?? 0), Math.min(...counts.slice(2)));
    const sum = broken.reduce((total, each) => total + each, 0);
    return { lost: cpus * rounds - count, broken: sum };
  }

  /** Ends the threads. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
