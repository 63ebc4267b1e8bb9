// RCU from outside: a slab of anon_vmas as the thing that is freed late, CPUs of one thread as readers; on real
// threads, who waits for a grace period.

import { afterEach, describe, expect, test } from "vitest";
import {
  ATTENTION_RCU,
  AnonVma,
  CACHE_ANON_VMA,
  CACHE_MODULE,
  CACHE_TASK,
  KmemCache,
  PerCpu,
  RCU_STATE,
  RcuState,
} from "../../src/layout/structs.gen.ts";
import { getU32, getU64, setI32 } from "../../src/layout/view.ts";
import { loadKernel, type Cpu } from "../../src/kernel/load.ts";
import { RcuWatch } from "../../src/experiment/rcu-watch.ts";
import { cpuReports } from "../../src/machine/cpu-report.ts";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import { memoryState } from "../../src/machine/invariants/leaks.ts";
import { cacheAt } from "../support/census.ts";
import { DirectMachine } from "../support/direct.ts";
import { startThreads } from "../support/threads.ts";

/** More objects than a slab has, and than a CPU keeps for itself. */
const MANY = 200;

const attention = (cpu: Cpu): number => getU32(cpu, cpu.area + PerCpu.attention);
const callbacks = (cpu: Cpu): number[] =>
  [PerCpu.rcu_new_first, PerCpu.rcu_cur_first, PerCpu.rcu_done_first].map((at) =>
    getU32(cpu, cpu.area + at),
  );
const completed = (cpu: Cpu): number => getU32(cpu, RCU_STATE + RcuState.completed);

/** Objects of many slabs, given back, and their slabs with them. */
function freeSlabs(cpu: Cpu, cache: number): void {
  const objects = Array.from({ length: MANY }, () => cpu.k.kmem_cache_alloc(cache));
  for (const object of objects) cpu.k.kmem_cache_free(cache, object);
  cpu.k.kmem_cache_reap_all();
}

const machines: DirectMachine[] = [];

/** A machine of some CPUs; those that are awake are in a program. */
function machineOf(awake: number, cpus = awake): { machine: DirectMachine; all: Cpu[] } {
  const machine = new DirectMachine({ kernel: "2.6.9", cpus });
  machines.push(machine);
  const others = Array.from({ length: cpus - 1 }, (_, id) => machine.instantiate(id + 1));
  for (const cpu of others.slice(0, awake - 1)) cpu.k.leave_lazy();
  return { machine, all: [machine.cpu, ...others] };
}

const freeFrames = ({ cpu }: DirectMachine): number =>
  memoryState(cpu).freeFrames.reduce((sum, count) => sum + count, 0);

afterEach(() => {
  for (const machine of machines) expect(checkInvariants(machine.cpu)).toEqual([]);
  machines.length = 0;
});

describe("a slab of a type-safe cache", () => {
  test("leaves its cache at once, and its frame comes back after a grace period", () => {
    const { machine, all } = machineOf(1);
    const [cpu] = all as [Cpu];
    cpu.k.kmem_cache_reap_all();
    const before = freeFrames(machine);

    freeSlabs(cpu, CACHE_ANON_VMA);

    expect(getU32(cpu, cacheAt(CACHE_ANON_VMA) + KmemCache.nr_slabs)).toBe(0);
    expect(freeFrames(machine)).toBeLessThan(before);
    expect(checkInvariants(cpu)).toEqual([]);
    cpu.k.rcu_drain();
    expect(freeFrames(machine)).toBe(before);
    expect(callbacks(cpu)).toEqual([0, 0, 0]);
  });

  test("of another cache comes back at once", () => {
    const { machine, all } = machineOf(1);
    const [cpu] = all as [Cpu];
    cpu.k.kmem_cache_reap_all();
    const before = freeFrames(machine);

    freeSlabs(cpu, CACHE_TASK);

    expect(freeFrames(machine)).toBe(before);
  });

  test("is not poisoned: what was an unlocked lock stays one", () => {
    const { all } = machineOf(1);
    const [cpu] = all as [Cpu];
    const object = cpu.k.kmem_cache_alloc(CACHE_ANON_VMA);

    cpu.k.kmem_cache_free(CACHE_ANON_VMA, object);

    expect(getU32(cpu, object + AnonVma.lock)).toBe(0);
    // Who is late takes it, and gives it back when it has another owner.
    cpu.k.spin_lock(object);
    expect(cpu.k.kmem_cache_alloc(CACHE_ANON_VMA)).toBe(object);
    expect(cpu.k.spin_trylock(object)).toBe(0);
    cpu.k.spin_unlock(object);
    cpu.k.kmem_cache_free(CACHE_ANON_VMA, object);
  });
});

describe("a grace period", () => {
  test("waits for each CPU that is awake, and for none that rests", () => {
    const { machine, all } = machineOf(3, 4);
    const [first, second, third, resting] = all as [Cpu, Cpu, Cpu, Cpu];
    first.k.kmem_cache_reap_all();
    const before = freeFrames(machine);
    freeSlabs(first, CACHE_ANON_VMA);

    first.k.take_interrupts();

    expect(getU64(first, RCU_STATE + RcuState.cpumask)).toBe(0b110);
    expect(attention(second) & ATTENTION_RCU).not.toBe(0);
    expect(attention(resting)).toBe(0);
    second.k.take_interrupts();
    first.k.take_interrupts();
    expect(freeFrames(machine)).toBeLessThan(before);
    third.k.take_interrupts();
    expect(attention(first) & ATTENTION_RCU).not.toBe(0);
    first.k.take_interrupts();
    expect(freeFrames(machine)).toBe(before);
  });

  test("does not wait for a CPU that goes to rest", () => {
    const { all } = machineOf(2);
    const [first, second] = all as [Cpu, Cpu];
    freeSlabs(first, CACHE_ANON_VMA);
    first.k.take_interrupts();
    const running = completed(first);

    second.k.enter_rest();

    expect(completed(first)).toBe(running + 1);
    first.k.rcu_drain();
  });

  test("does not end for callbacks that come while it runs", () => {
    const { machine, all } = machineOf(2);
    const [first, second] = all as [Cpu, Cpu];
    first.k.kmem_cache_reap_all();
    second.k.kmem_cache_reap_all();
    const before = freeFrames(machine);
    freeSlabs(first, CACHE_ANON_VMA);
    first.k.take_interrupts();
    const held = freeFrames(machine);
    // The batch of the first runs; the second, which it waits for, frees something too.
    freeSlabs(second, CACHE_ANON_VMA);
    const both = freeFrames(machine);
    expect(both).toBeLessThan(held);

    second.k.take_interrupts();

    expect(callbacks(second).some((head) => head !== 0)).toBe(true);
    first.k.take_interrupts();
    expect(freeFrames(machine)).toBeLessThan(before);
    for (let turn = 0; turn < 4; turn++) {
      first.k.take_interrupts();
      second.k.take_interrupts();
    }
    expect(freeFrames(machine)).toBe(before);
  });

  test("is not passed by a CPU that takes interrupts in the middle of kernel code", () => {
    const { all } = machineOf(2);
    const [first, second] = all as [Cpu, Cpu];
    freeSlabs(first, CACHE_ANON_VMA);
    first.k.take_interrupts();
    const running = completed(first);
    // As in a wait for a lock: an address that is not what it is said to be.
    const lock = second.k.kmem_cache_alloc(CACHE_ANON_VMA);

    second.k.spin_lock(lock);
    second.k.spin_unlock(lock);

    expect(completed(first)).toBe(running);
    second.k.kmem_cache_free(CACHE_ANON_VMA, lock);
    second.k.take_interrupts();
    expect(completed(first)).toBe(running + 1);
    first.k.rcu_drain();
    second.k.kmem_cache_reap_all();
    second.k.take_interrupts();
    second.k.enter_rest();
  });

  test("that ends inside a read section stops the machine", () => {
    const { machine, all } = machineOf(1);
    const [cpu] = all as [Cpu];
    freeSlabs(cpu, CACHE_ANON_VMA);
    setI32(cpu, cpu.area + PerCpu.rcu_nesting, 1);

    const { rule } = machine.bugOf(() => {
      cpu.k.take_interrupts();
    });

    expect(rule).toBe("BUG_RCU_READER");
    machines.length = 0;
  });
});

describe("callbacks", () => {
  test("are called ten at a time, and all of them", () => {
    const { machine, all } = machineOf(1);
    const [cpu] = all as [Cpu];
    cpu.k.kmem_cache_reap_all();
    const before = freeFrames(machine);
    const perSlab = getU32(cpu, cacheAt(CACHE_ANON_VMA) + KmemCache.num);
    const objects = Array.from({ length: 25 * perSlab }, () =>
      cpu.k.kmem_cache_alloc(CACHE_ANON_VMA),
    );
    for (const object of objects) cpu.k.kmem_cache_free(CACHE_ANON_VMA, object);
    cpu.k.kmem_cache_reap_all();
    const missing = before - freeFrames(machine);
    expect(missing).toBeGreaterThanOrEqual(25);

    cpu.k.take_interrupts();

    expect(before - freeFrames(machine)).toBe(missing - 10);
    while (callbacks(cpu).some((head) => head !== 0)) cpu.k.take_interrupts();
    expect(freeFrames(machine)).toBe(before);
  });

  test("that became due while their CPU rested are called when it comes back", () => {
    const { machine, all } = machineOf(2);
    const [first, second] = all as [Cpu, Cpu];
    first.k.kmem_cache_reap_all();
    const before = freeFrames(machine);
    freeSlabs(first, CACHE_ANON_VMA);
    first.k.take_interrupts();
    second.k.take_interrupts();

    first.k.enter_rest();

    expect(freeFrames(machine)).toBeLessThan(before);
    first.k.leave_lazy();
    first.k.take_interrupts();
    expect(freeFrames(machine)).toBe(before);
  });
});

describe("rcu_barrier", () => {
  test("returns when every callback has been called, not only when its grace period has passed", () => {
    const { machine, all } = machineOf(1);
    const [cpu] = all as [Cpu];
    cpu.k.kmem_cache_reap_all();
    const before = freeFrames(machine);
    const perSlab = getU32(cpu, cacheAt(CACHE_ANON_VMA) + KmemCache.num);
    const leaveMany = (): void => {
      const objects = Array.from({ length: 25 * perSlab }, () =>
        cpu.k.kmem_cache_alloc(CACHE_ANON_VMA),
      );
      for (const object of objects) cpu.k.kmem_cache_free(CACHE_ANON_VMA, object);
      cpu.k.kmem_cache_reap_all();
    };

    leaveMany();
    cpu.k.rcu_barrier();

    expect(freeFrames(machine)).toBe(before);
    // The batch is limited to ten: here are more.
    leaveMany();
    cpu.k.take_interrupts();
    expect(freeFrames(machine)).toBeLessThan(before);
    cpu.k.rcu_barrier();
    expect(freeFrames(machine)).toBe(before);
  });

  test("does not wake a CPU that rests and has no callbacks", () => {
    const { all } = machineOf(1, 2);
    const [cpu, resting] = all as [Cpu, Cpu];

    cpu.k.rcu_barrier();

    expect(attention(resting)).toBe(0);
  });

  test("on real threads is passed by all who wait for it at once, and leaves nothing", async () => {
    const url = new URL("../support/programs/rcu.mjs", import.meta.url);
    const threads = await startThreads("2.6.9", loadKernel("2.6.9", true), 2, url, ["barrier"]);
    try {
      expect(await threads.runOnAll("barrier", [100])).toEqual([100, 100]);
      expect(getU32(threads.memory, RCU_STATE + RcuState.barrier_count)).toBe(0);
    } finally {
      await threads.stop();
    }
  });
});

describe("kmem_cache_destroy", () => {
  test("refuses a cache that is in use, and gives back all of one that is not", () => {
    const { machine, all } = machineOf(1);
    const [cpu] = all as [Cpu];
    cpu.k.kmem_cache_reap_all();
    const before = freeFrames(machine);
    const object = cpu.k.kmem_cache_alloc(CACHE_MODULE);

    expect(cpu.k.kmem_cache_destroy(CACHE_MODULE)).toBe(0);
    cpu.k.kmem_cache_free(CACHE_MODULE, object);
    expect(cpu.k.kmem_cache_destroy(CACHE_MODULE)).toBe(1);

    expect(freeFrames(machine)).toBe(before);
  });
});

describe("a grace period that does not end", () => {
  test("is told after 21 s, with the CPU that it waits for", () => {
    const { machine, all } = machineOf(3);
    const [first, second, third] = all as [Cpu, Cpu, Cpu];
    let now = 0;
    const watch = new RcuWatch(machine.cpu, () => now);
    /** What is found within so many seconds, looked at often. */
    const within = (seconds: number): readonly number[] => {
      for (const end = now + seconds * 1000; now < end; now += 10) {
        const found = watch.stalled();
        if (found.length > 0) return found;
      }
      return [];
    };
    expect(within(60)).toEqual([]);
    freeSlabs(first, CACHE_ANON_VMA);
    first.k.take_interrupts();
    second.k.take_interrupts();

    expect(within(20)).toEqual([]);
    expect(within(2)).toEqual([2]);
    expect(cpuReports(machine.cpu)).toContain("a grace period of RCU waits for CPU 2");
    expect(cpuReports(machine.cpu)[2]).toContain("asked for: rcu");
    // A host that does not come by does not make it longer.
    now += 100_000;
    third.k.take_interrupts();
    expect(within(60)).toEqual([]);
    first.k.rcu_drain();
    second.k.enter_rest();
    third.k.enter_rest();
  });

  test("is not told because the host was busy with other things", () => {
    const { machine, all } = machineOf(2);
    const [first, second] = all as [Cpu, Cpu];
    let now = 0;
    const watch = new RcuWatch(machine.cpu, () => now);
    freeSlabs(first, CACHE_ANON_VMA);
    first.k.take_interrupts();
    watch.stalled();

    now += 600_000;

    expect(watch.stalled()).toEqual([]);
    second.k.take_interrupts();
    first.k.rcu_drain();
  });
});

test("on real threads, who waits for grace periods gets them, whatever the others do", async () => {
  const url = new URL("../support/programs/rcu.mjs", import.meta.url);
  const threads = await startThreads("2.6.9", loadKernel("2.6.9", true), 2, url, ["synchronize"]);
  try {
    const rounds = await threads.runOnAll("synchronize", [200]);
    expect(rounds).toEqual([200, 200]);
    expect(getU32(threads.memory, RCU_STATE + RcuState.completed)).not.toBe(0);
  } finally {
    await threads.stop();
  }
});
