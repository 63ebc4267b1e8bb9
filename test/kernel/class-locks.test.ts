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
  NR_PAGE_BIT_LOCKS,
  PAGE_BIT_LOCKS,
  PAGE_BIT_STRIDE,
  PERCPU_SIZE,
} from "../../src/layout/structs.gen.ts";
import { getU32 } from "../../src/layout/view.ts";
import { readLockStat, resetLockStat } from "../../src/machine/lock-stat.ts";
import { lockStatText } from "../../src/report/lock-stat-text.ts";
import { DirectMachine } from "../support/direct.ts";
import { lockClass } from "../report/fork-fixture.ts";

const KERNEL =
  "2.6.9+spinlock=qspinlock+ptl=mcs+anon_vma=ticket+i_mmap=backoff+mmap_sem=rwsem-spin+lock_stat=on";

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

describe("a kernel with other locks behind mmap_sem and the pages", () => {
  const OTHER = "2.6.8+mmap_sem=mutex+page_bit=hash-ticket";

  test("lets readers in together with rwsem-spin, and one at a time with a mutex", () => {
    const entered = [KERNEL, OTHER].map((kernel) => {
      const machine = new DirectMachine({ kernel, cpus: 2 });
      const { k } = machine.cpu;
      const other = machine.instantiate(1).k;
      const sem = k.mm_alloc() + MmStruct.mmap_sem_0;
      k.down_write(sem);
      const whileWritten = other.down_read_trylock(sem);
      k.downgrade_write(sem);
      const whileRead = other.down_read_trylock(sem);
      if (whileRead === 1) other.up_read(sem);
      const writer = other.down_write_trylock(sem);
      k.up_read(sem);
      const afterwards = other.down_write_trylock(sem);
      other.up_write(sem);
      return [whileWritten, whileRead, writer, afterwards, getU32(machine.cpu, sem)];
    });
    expect(entered).toEqual([
      [0, 1, 0, 1, 0],
      [0, 0, 0, 1, 0],
    ]);
  });

  test("takes tickets for pages that get mapped, and leaves their bits alone", () => {
    const machine = new DirectMachine({ kernel: OTHER });
    const drawn = (): number => {
      let sum = 0;
      for (let i = 0; i < NR_PAGE_BIT_LOCKS; i++) {
        const word = getU32(machine.cpu, PAGE_BIT_LOCKS + i * PAGE_BIT_STRIDE);
        expect(word >>> 16).toBe(word & 0xffff);
        sum += word & 0xffff;
      }
      return sum;
    };
    const before = drawn();
    machine.run((task) => {
      const at = task.mmap({ length: 3 * 4096, read: true, write: true });
      for (let page = 0; page < 3; page++) task.store32(at + page * 4096, 1);
    });
    expect(drawn() - before).toBeGreaterThanOrEqual(6);
  });

  test("does what the kernel does, under stress", async () => {
    const options = { kernel: OTHER, cpus: 2, memory: "32M", seed: 7, checking: true };
    const doc = await runStress({ ...options, seconds: 60, operations: 400 }, threadsEngine);

    expect(doc.failure).toBeNull();
    expect(doc.operations).toBeGreaterThan(100);
  });
});
