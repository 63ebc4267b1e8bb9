// A kernel in which each class of spinlocks has another lock, and counts them: by what the words hold while they are
// held, by the numbers, and under stress. One variant for all, since each has to be compiled.

import { describe, expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { runStress } from "../../src/experiment/stress.ts";
import {
  AnonVma,
  CACHE_ANON_VMA,
  Inode,
  MmStruct,
  PERCPU_SIZE,
} from "../../src/layout/structs.gen.ts";
import { getU32 } from "../../src/layout/view.ts";
import { readLockStat, resetLockStat } from "../../src/machine/lock-stat.ts";
import { lockStatText } from "../../src/report/lock-stat-text.ts";
import { DirectMachine } from "../support/direct.ts";
import { lockClass } from "../report/fork-fixture.ts";

const KERNEL = "2.6.9+spinlock=qspinlock+ptl=mcs+anon_vma=ticket+i_mmap=backoff+lock_stat=on";

describe("a kernel with a lock of its own for each class", () => {
  test("has queue, ticket, and word where they belong", () => {
    const machine = new DirectMachine({ kernel: KERNEL });
    const { cpu } = machine;
    const { k } = cpu;
    const ptl = k.mm_alloc() + MmStruct.page_table_lock;
    const anonVma = k.kmem_cache_alloc(CACHE_ANON_VMA) + AnonVma.lock;
    const iMmap = k.inode_alloc(1, 0, 0, 0) + Inode.i_mmap_lock;
    const tree = iMmap - Inode.i_mmap_lock + Inode.tree_lock;

    k.i_mmap_lock_write(iMmap);
    k.anon_vma_lock_write(anonVma);
    k.spin_lock_ptl(ptl);
    k.spin_lock(tree);
    const held = [iMmap, anonVma, ptl, tree].map((lock) => getU32(cpu, lock));
    k.spin_unlock(tree);
    k.spin_unlock_ptl(ptl);
    k.anon_vma_unlock_write(anonVma);
    k.i_mmap_unlock_write(iMmap);

    // Test and set; the ticket that comes next, and whose turn it is; a node of this CPU; a locked byte.
    const [wordOfIMmap, wordOfAnonVma, wordOfPtl = 0, wordOfTree] = held;
    expect([wordOfIMmap, wordOfAnonVma, wordOfTree]).toEqual([1, 0x1_0000, 1]);
    expect(wordOfPtl - cpu.area).toSatisfy((at: number) => at > 0 && at < PERCPU_SIZE);
    expect([iMmap, ptl, tree].map((lock) => getU32(cpu, lock))).toEqual([0, 0, 0]);
    expect(getU32(cpu, anonVma)).toBe(0x1_0001);
  });

  test("counts how often each class is taken, and how long it is held", () => {
    const machine = new DirectMachine({ kernel: KERNEL });
    const { cpu } = machine;
    const ptl = cpu.k.mm_alloc() + MmStruct.page_table_lock;
    resetLockStat(cpu, 1);

    for (let i = 0; i < 5; i++) {
      cpu.k.spin_lock_ptl(ptl);
      cpu.k.spin_unlock_ptl(ptl);
    }
    machine.run((task) => {
      for (let i = 0; i < 3; i++) task.munmap(task.mmap({ length: 4096 }), 4096);
    });

    const stats = readLockStat(cpu, 1);
    const times = (name: string): number =>
      stats.find((stat) => stat.name === name)?.acquisitions ?? 0;
    // Five, and what the program did; three mmap, three munmap.
    expect(times("page_table_lock")).toBeGreaterThanOrEqual(5);
    expect(times("mmap_sem")).toBe(6);
    expect(stats.every(({ contentions }) => contentions === 0)).toBe(true);
  });

  test("does what the kernel does, under stress", async () => {
    const options = { kernel: KERNEL, cpus: 2, memory: "32M", seed: 7, checking: true };
    const doc = await runStress({ ...options, seconds: 60, operations: 400 }, threadsEngine);

    expect(doc.failure).toBeNull();
    expect(doc.operations).toBeGreaterThan(100);
  });
});

test("the table of locks is that of /proc/lock_stat: averages of what was waited for and what was taken", () => {
  const line = lockStatText([lockClass()]).trimEnd().split("\n").at(-1);

  expect(line.trim().split(/\s+/)).toEqual([
    ...["mmap_sem-R:", "2", "1.00", "3.00", "4.00", "2.00"],
    ...["10", "0.50", "20.00", "50.00", "5.00"],
  ]);
});
