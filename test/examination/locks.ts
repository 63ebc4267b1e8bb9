// The examination that every lock sits: what one CPU can see of it, and what several CPUs cannot do to it.

import { afterAll, beforeAll, expect, test } from "vitest";
import { BOOT_PARAMS, BootParams, PG_maplock } from "../../src/layout/structs.gen.ts";
import { GFP_KERNEL, GFP_ZERO } from "../../src/layout/structs.gen.ts";
import { getU32, setI32 } from "../../src/layout/view.ts";
import type { KernelCalls } from "../../src/kernel/calls.ts";
import { DirectMachine } from "../support/direct.ts";
import { pageAt } from "../support/inspect.ts";
import { type Threads, startThreads } from "../support/threads.ts";

/** Kinds by their numbers in support/programs/locks.mjs. */
export const KIND = { spin: 0, bit: 1, mutex: 2, write: 3, page: 4, read: 5, try: 6 } as const;

/** A lock at an address: its frame, or the page of it. */
export interface LockKind {
  readonly kind: number;
  readonly init?: (k: KernelCalls, lock: number) => void;
  readonly take: (k: KernelCalls, lock: number) => void;
  readonly tryTake: (k: KernelCalls, lock: number) => number;
  readonly release: (k: KernelCalls, lock: number) => void;
  /** The lock is that of the page, not in its frame. */
  readonly ofPage?: boolean;
}

export const SPIN: LockKind = {
  kind: KIND.spin,
  take: (k, lock) => {
    k.spin_lock(lock);
  },
  tryTake: (k, lock) => k.spin_trylock(lock),
  release: (k, lock) => {
    k.spin_unlock(lock);
  },
};
export const BIT: LockKind = {
  kind: KIND.bit,
  take: (k, lock) => {
    k.bit_spin_lock(PG_maplock, lock);
  },
  tryTake: (k, lock) => k.bit_spin_trylock(PG_maplock, lock),
  release: (k, lock) => {
    k.bit_spin_unlock(PG_maplock, lock);
  },
};
export const MUTEX: LockKind = {
  kind: KIND.mutex,
  init: (k, lock) => {
    k.mutex_init(lock);
  },
  take: (k, lock) => {
    k.mutex_lock(lock);
  },
  tryTake: (k, lock) => k.mutex_trylock(lock),
  release: (k, lock) => {
    k.mutex_unlock(lock);
  },
};
export const WRITER: LockKind = {
  kind: KIND.write,
  init: (k, lock) => {
    k.init_rwsem(lock);
  },
  take: (k, lock) => {
    k.down_write(lock);
  },
  tryTake: (k, lock) => k.down_write_trylock(lock),
  release: (k, lock) => {
    k.up_write(lock);
  },
};
export const PAGE_LOCK: LockKind = {
  kind: KIND.page,
  take: (k, lock) => {
    k.lock_page(lock);
  },
  tryTake: (k, lock) => k.trylock_page(lock),
  release: (k, lock) => {
    k.unlock_page(lock);
  },
  ofPage: true,
};

/** A kernel build to be examined. */
export interface Build {
  readonly kernel: string;
  readonly module: () => WebAssembly.Module;
}

/** A machine with a free lock, of which this thread is CPU 0. */
export function withLock(
  build: Build,
  lock: LockKind,
  cpus = 1,
): { machine: DirectMachine; at: number } {
  const machine = new DirectMachine({ kernel: build.kernel, module: build.module(), cpus });
  const { k } = machine.cpu;
  const page = k.alloc_pages(GFP_KERNEL | GFP_ZERO, 0);
  const frame = ((page - pageAt(0)) / 64) * 4096;
  const at = lock.ofPage === true ? page : frame;
  lock.init?.(k, at);
  return { machine, at };
}

/** What one CPU can see. */
export function examineAlone(build: Build, lock: LockKind): void {
  const { take, tryTake, release } = lock;

  test("is taken once: a trylock gets a free one and not a held one", () => {
    const { machine, at } = withLock(build, lock);
    const { k } = machine.cpu;

    expect(tryTake(k, at)).toBe(1);
    expect(tryTake(k, at)).toBe(0);
    expect(tryTake(k, at)).toBe(0);
    release(k, at);
    expect(tryTake(k, at)).toBe(1);
    release(k, at);
    take(k, at);
    expect(tryTake(k, at)).toBe(0);
    release(k, at);
    expect(tryTake(k, at)).toBe(1);
  });

  test("is as free after 70,000 rounds as before, more than a ticket can count", () => {
    const { machine, at } = withLock(build, lock);
    const { k } = machine.cpu;
    for (let i = 0; i < 70_000; i++) {
      take(k, at);
      release(k, at);
    }

    expect(tryTake(k, at)).toBe(1);
    expect(tryTake(k, at)).toBe(0);
  });

  test("that is free cannot be freed: the machine stops", () => {
    for (const before of [0, 1, 3]) {
      const { machine, at } = withLock(build, lock);
      const { k } = machine.cpu;
      for (let i = 0; i < before; i++) {
        take(k, at);
        release(k, at);
      }

      const { rule } = machine.bugOf(() => {
        release(k, at);
      });
      expect(rule).toBe("BUG_UNLOCK_OF_FREE_LOCK");
    }
  });
}

const PROGRAMS = new URL("../support/programs/locks.mjs", import.meta.url);
const NAMES = ["makeLock", "hammer", "result", "queueUp", "log", "pingPong", "hold"];

/** A machine of threads for the tests of one describe; shared, since it takes its time to start. */
export function threadsFor(build: Build, cpus: number): () => Threads {
  let threads: Threads | undefined;
  beforeAll(async () => {
    threads = await startThreads(build.kernel, build.module(), cpus, PROGRAMS, NAMES);
  });
  afterAll(async () => {
    await threads?.stop();
  });
  return () => threads as Threads;
}

/** Makes a lock on the machine: its address, and the frame whose words the programs use. */
async function makeLock(threads: Threads, kind: number): Promise<[lock: number, frame: number]> {
  return (await threads.run("makeLock", [kind])) as [number, number];
}

/** That only one CPU is inside. */
export function examineExclusion(
  threads: () => Threads,
  kinds: readonly (keyof typeof KIND)[],
  rounds: number,
): void {
  test.each(kinds)("%s loses no count that all CPUs make under it", async (name) => {
    const kind = KIND[name];
    const machine = threads();
    const [lock, frame] = await makeLock(machine, kind);

    await machine.runOnAll("hammer", [kind, lock, frame, rounds]);

    const result = await machine.run("result", [frame]);
    expect(result).toEqual({ count: rounds * machine.cpus, violations: 0 });
  });
}

/** In which order waiters get in. `kinds` names how each CPU takes the lock; CPU 0 holds it first. */
export async function orderOf(
  threads: Threads,
  kinds: readonly number[],
  together: Readonly<Record<number, number>> = {},
): Promise<unknown> {
  const [lock, frame] = await makeLock(threads, kinds[0] ?? 0);
  const digits = kinds.reduce((sum, kind, cpu) => sum + kind * 10 ** cpu, 0);
  await threads.runOnAll("queueUp", [digits, lock, frame], { together });
  return threads.run("log", [frame]);
}

/** Two CPUs that sleep until the other wakes them, very often: a wake-up that is lost costs 100 ms each. */
export async function handOver(threads: Threads, kind: number, rounds: number): Promise<number[]> {
  setI32(threads.memory, BOOT_PARAMS + BootParams.spin_limit, 0);
  expect(getU32(threads.memory, BOOT_PARAMS + BootParams.spin_limit)).toBe(0);
  const [first] = await makeLock(threads, kind);
  const [second] = await makeLock(threads, kind);
  await threads.run("hold", [kind, second]);
  const args = [kind, first, second, rounds];
  return (await threads.runOnAll("pingPong", args)) as number[];
}
