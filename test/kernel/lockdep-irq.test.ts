// Lockdep and locks that the handler of an interrupt takes: found without anybody being interrupted at the wrong place.

import { beforeEach, describe, expect, test } from "vitest";
import type { KernelCalls } from "../../src/kernel/calls.ts";
import {
  BOOT_PARAMS,
  BootParams,
  CACHE_STRIDE,
  CACHE_TABLE,
  CACHE_TASK,
  FIX_CACHE_IRQ,
  Inode,
  KmemCache,
  PERCPU_AREAS,
  PerCpu,
} from "../../src/layout/structs.gen.ts";
import { getU32, setI32 } from "../../src/layout/view.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { PAGE } from "../support/process.ts";

describe.each(KERNEL_NAMES)("%s: a lock that a handler takes too, with interrupts on", (kernel) => {
  const OUTSIDE = "KmemCache.lock was taken with interrupts on (first by CPU 0)";
  const INSIDE = "KmemCache.lock was taken in the handler of an interrupt (first by CPU 1)";
  let machine: DirectMachine;
  let k: KernelCalls;
  let other: KernelCalls;
  let treeLock: number;

  const leaveOut = (fix: number): void => {
    setI32(machine.cpu, BOOT_PARAMS + BootParams.without + 4, fix / 2 ** 32);
  };
  /** CPU 1 has an object to give back, and gives it back in an interrupt. */
  const interruptOther = (): void => {
    other.kmem_cache_free(CACHE_TASK, other.kmem_cache_alloc(CACHE_TASK));
    k.kmem_cache_drain_others();
    other.take_interrupts();
  };
  const bugOf = (body: () => void): string =>
    machine.bugOf(body).message.replace(/ at 0x[0-9a-f]+/, "");
  const inOrder = (...locks: readonly number[]): void => {
    for (const lock of locks) k.spin_lock(lock);
    for (const lock of [...locks].reverse()) k.spin_unlock(lock);
  };
  beforeEach(() => {
    machine = new DirectMachine({ kernel, cpus: 2 });
    ({ k } = machine.cpu);
    treeLock = k.inode_alloc(0, 0, PAGE, 1) + Inode.tree_lock;
    other = machine.instantiate(1).k;
  });

  test("stops the machine at the handler, though nobody was interrupted with it held", () => {
    leaveOut(FIX_CACHE_IRQ);
    k.kmem_cache_reap_all();
    expect(bugOf(interruptOther)).toBe(
      `BUG_LOCK_ORDER on CPU 1: takes KmemCache.lock in the handler of an interrupt, but before, ${OUTSIDE}; it holds no lock`,
    );
  });

  test("stops it at the normal code, when the handler came first", () => {
    interruptOther();
    leaveOut(FIX_CACHE_IRQ);
    const reap = (): void => {
      k.kmem_cache_reap_all();
    };
    expect(bugOf(reap)).toBe(
      `BUG_LOCK_ORDER on CPU 0: takes KmemCache.lock with interrupts on, but before, ${INSIDE}; it holds no lock`,
    );
  });

  test("stops it through a lock in between", () => {
    interruptOther();
    inOrder(treeLock);
    setI32(machine.cpu, PERCPU_AREAS + PerCpu.irq_disabled, 1);
    const both = (): void => {
      inOrder(CACHE_TABLE + KmemCache.lock, treeLock);
    };
    expect(bugOf(both)).toContain(
      "takes tree_lock inside KmemCache.lock, but before, tree_lock was taken with interrupts on (first by CPU 0), and KmemCache.lock was taken in the handler",
    );
  });

  test("is right with interrupts off, and gives the objects back", () => {
    interruptOther();
    k.kmem_cache_alloc(CACHE_TASK);
    k.kmem_cache_reap_all();
    interruptOther();
    const cache = CACHE_TABLE + CACHE_TASK * CACHE_STRIDE;
    const slabs = getU32(machine.cpu, cache + KmemCache.nr_slabs);
    const free = getU32(machine.cpu, cache + KmemCache.free_objects);
    expect(slabs).toBeGreaterThan(0);
    expect(free).toBe(slabs * getU32(machine.cpu, cache + KmemCache.num) - 1);
  });
});
