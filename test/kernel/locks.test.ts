// Every lock of the kernel before the same examiners: alone on one CPU, then on threads.

import { beforeAll, describe, expect, test } from "vitest";
import { PERCPU_SIZE, PerCpu, RwSemaphore } from "../../src/layout/structs.gen.ts";
import { type Cpu, loadKernel } from "../../src/kernel/load.ts";
import { getI32, getU32, setI32 } from "../../src/layout/view.ts";
import {
  BIT,
  type Build,
  KIND,
  MUTEX,
  PAGE_LOCK,
  SPIN,
  WRITER,
  examineAlone,
  examineExclusion,
  handOver,
  orderOf,
  threadsFor,
  withLock,
} from "../examination/locks.ts";
import { compileSnippet } from "./compile.ts";

/** The checking build of 2.6.9 with test-and-test-and-set locks, and with tickets. */
const ttas: Build = { kernel: "2.6.9", module: () => loadKernel("2.6.9", true) };
let ticketModule: WebAssembly.Module | undefined;
const ticket: Build = { kernel: "2.6.9", module: () => ticketModule as WebAssembly.Module };

beforeAll(async () => {
  const source = `export * from "./assembly/index";`;
  const use = { CONFIG_SPINLOCK: 2 };
  ticketModule = await compileSnippet({ source, target: "2.6.9-check", use });
}, 120_000);

describe.each([
  ["a test-and-test-and-set spinlock", ttas, SPIN],
  ["a ticket spinlock", ticket, SPIN],
  ["a bit spinlock", ttas, BIT],
  ["a mutex", ttas, MUTEX],
  ["a reader-writer semaphore for writing", ttas, WRITER],
  ["the page lock", ttas, PAGE_LOCK],
  ["a mutex over tickets", ticket, MUTEX],
  ["a reader-writer semaphore over tickets", ticket, WRITER],
])("%s", (_, build, lock) => {
  examineAlone(build, lock);
});

test("a bit spinlock leaves the other bits of its word alone", () => {
  const { machine, at } = withLock(ttas, BIT);
  const { k } = machine.cpu;
  setI32(machine.cpu, at, 0x7fff_0001);

  BIT.take(k, at);
  const held = getU32(machine.cpu, at);
  BIT.release(k, at);

  expect([held, getU32(machine.cpu, at)]).toEqual([0x7fff_8001, 0x7fff_0001]);
});

describe("a reader-writer semaphore", () => {
  test("lets many readers in, and a writer only when they are gone", () => {
    const { machine, at } = withLock(ttas, WRITER);
    const { k } = machine.cpu;

    for (let i = 0; i < 5; i++) k.down_read(at);
    expect(k.down_read_trylock(at)).toBe(1);
    expect(k.down_write_trylock(at)).toBe(0);
    for (let i = 0; i < 6; i++) k.up_read(at);
    expect(k.down_write_trylock(at)).toBe(1);
    expect(k.down_read_trylock(at)).toBe(0);
  });

  test("turns a writer into a reader that lets others read and none write", () => {
    const { machine, at } = withLock(ttas, WRITER);
    const { k } = machine.cpu;
    k.down_write(at);

    k.downgrade_write(at);

    expect(k.down_read_trylock(at)).toBe(1);
    expect(k.down_write_trylock(at)).toBe(0);
    k.up_read(at);
    k.up_read(at);
    expect(k.down_write_trylock(at)).toBe(1);
  });

  test("is not left by a reader when a writer is inside, nor the other way round", () => {
    const wrong = [
      ["down_write", "up_read"],
      ["down_read", "up_write"],
      ["down_read", "downgrade_write"],
    ] as const;
    for (const [enter, leave] of wrong) {
      const { machine, at } = withLock(ttas, WRITER);
      machine.cpu.k[enter](at);

      const { rule } = machine.bugOf(() => {
        machine.cpu.k[leave](at);
      });
      expect(rule).toBe("BUG_UNLOCK_OF_FREE_LOCK");
    }
  });

  /** Puts the wait entry of a CPU at the end of the queue, as if it had gone to sleep there. */
  function enqueue(memory: Cpu, at: number, cpu: number, type: number): number {
    const area = memory.area + cpu * PERCPU_SIZE;
    const head = at + RwSemaphore.wait_next;
    const node = area + PerCpu.waiter_next;
    const last = getI32(memory, head + 4);
    setI32(memory, node, head);
    setI32(memory, node + 4, last);
    setI32(memory, last, node);
    setI32(memory, head + 4, node);
    setI32(memory, area + PerCpu.waiter_woken, 0);
    setI32(memory, area + PerCpu.waiter_type, type);
    return area;
  }
  const woken = (memory: Cpu, areas: number[]): number[] =>
    areas.map((area) => getU32(memory, area + PerCpu.waiter_woken));

  test("wakes one writer or all readers at the front, each with one kick, and nobody behind them", () => {
    const { machine, at } = withLock(ttas, WRITER, 8);
    const { k } = machine.cpu;
    k.down_write(at);
    const areas = [0, 0, 1, 0, 1].map((type, i) => enqueue(machine.cpu, at, i + 1, type));
    const kicks = (): number[] => areas.map((area) => getU32(machine.cpu, area + PerCpu.wake_word));
    const before = kicks();

    k.up_write(at);
    expect(woken(machine.cpu, areas)).toEqual([1, 1, 0, 0, 0]);
    expect(kicks().map((count, i) => count - (before[i] ?? 0))).toEqual([1, 1, 0, 0, 0]);
    expect(k.down_read_trylock(at)).toBe(0);

    k.up_read(at);
    expect(woken(machine.cpu, areas)).toEqual([1, 1, 0, 0, 0]);
    k.up_read(at);
    expect(woken(machine.cpu, areas)).toEqual([1, 1, 1, 0, 0]);

    k.up_write(at);
    expect(woken(machine.cpu, areas)).toEqual([1, 1, 1, 1, 0]);
    k.up_read(at);
    expect(woken(machine.cpu, areas)).toEqual([1, 1, 1, 1, 1]);
    k.up_write(at);
    expect(k.down_write_trylock(at)).toBe(1);
  });
});

const SPINNING = ["spin", "try", "bit"] as const;
const SLEEPING = ["mutex", "write", "page"] as const;

describe("on two CPUs", () => {
  const threads = threadsFor(ttas, 2);
  examineExclusion(threads, SPINNING, 150_000);
  examineExclusion(threads, SLEEPING, 8000);

  test.each([
    ["mutex", KIND.mutex],
    ["writer", KIND.write],
  ])("no wake-up of a sleeping %s is lost", async (_, kind) => {
    const sleeps = await handOver(threads(), kind, 2000);

    expect(Math.min(...sleeps)).toBeGreaterThan(0);
  });
});

describe("on four CPUs", () => {
  const threads = threadsFor(ttas, 4);
  examineExclusion(threads, [...SPINNING, ...SLEEPING], 1000);

  test("a mutex is handed on in order of arrival", async () => {
    expect(await orderOf(threads(), Array(4).fill(KIND.mutex) as number[])).toEqual([1, 2, 3]);
  });

  test("writers get a semaphore in order of arrival", async () => {
    expect(await orderOf(threads(), Array(4).fill(KIND.write) as number[])).toEqual([1, 2, 3]);
  });

  test("readers do not overtake a writer that waits, neither for a writer nor for a reader", async () => {
    const { write, read } = KIND;
    expect(await orderOf(threads(), [write, read, write, read])).toEqual([1, 2, 3]);
    const log = (await orderOf(threads(), [read, write, read, read])) as number[];
    expect(log[0]).toBe(1);
  });

  test("readers that wait side by side get in together", async () => {
    const { write, read } = KIND;
    const log = (await orderOf(threads(), [write, read, read, write], { 1: 2, 2: 2 })) as number[];
    expect(log.slice(0, 2).sort()).toEqual([1, 2]);
    expect(log[2]).toBe(3);
  });
});

describe("tickets on four CPUs", () => {
  const threads = threadsFor(ticket, 4);
  examineExclusion(threads, ["spin", "try", "mutex"], 500);

  test("a ticket spinlock is handed on in order of arrival", async () => {
    expect(await orderOf(threads(), Array(4).fill(KIND.spin) as number[])).toEqual([1, 2, 3]);
  });
});
