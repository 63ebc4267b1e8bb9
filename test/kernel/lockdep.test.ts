// Lockdep inside the checking kernels: each rule broken on purpose, and beside it what is right and looks like it.

import { beforeEach, describe, expect, test } from "vitest";
import {
  BOOT_PARAMS,
  BootParams,
  GFP_KERNEL,
  Inode,
  MmStruct,
  PerCpu,
  TLB_STATE_OK,
  PERCPU_SIZE,
} from "../../src/layout/structs.gen.ts";
import { setI32 } from "../../src/layout/view.ts";
import type { KernelCalls } from "../../src/kernel/calls.ts";
import { heldLocks, learntNestings } from "../../src/machine/lock-order.ts";
import { mmOf } from "../../src/syscall/memory.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { PAGE, RW } from "../support/process.ts";

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  let machine: DirectMachine;
  let k: KernelCalls;
  let ptl: number;
  let mmapSem: number;
  let iMmapLock: number;
  let treeLock: number;
  let iSem: number;

  beforeEach(() => {
    machine = new DirectMachine({ kernel, cpus: 2 });
    ({ k } = machine.cpu);
    const mm = k.mm_alloc();
    const inode = k.inode_alloc(0, 0, PAGE, 1);
    [ptl, mmapSem] = [mm + MmStruct.page_table_lock, mm + MmStruct.mmap_sem_0];
    [iMmapLock, treeLock] = [inode + Inode.i_mmap_lock, inode + Inode.tree_lock];
    iSem = inode + Inode.i_sem_0;
  });

  const inOrder = (...locks: readonly number[]): void => {
    for (const lock of locks) k.spin_lock(lock);
    for (const lock of [...locks].reverse()) k.spin_unlock(lock);
  };
  const pairs = (): string[] =>
    learntNestings(machine.cpu).map(({ outer, inner }) => `${outer} > ${inner}`);
  const bugOf = (body: () => void): string => {
    const { message } = machine.bugOf(body);
    return message.replace(/ at 0x[0-9a-f]+/, "");
  };

  test("learns what nests, and who did it first holding what", () => {
    k.down_write(mmapSem);
    inOrder(iMmapLock, ptl);
    k.up_write(mmapSem);

    expect(learntNestings(machine.cpu)).toContainEqual({
      ...{ outer: "i_mmap_lock", inner: "page_table_lock", cpu: 0 },
      held: ["mmap_sem", "i_mmap_lock"],
    });
    expect(pairs()).toEqual(
      expect.arrayContaining(["mmap_sem > i_mmap_lock", "mmap_sem > wait_lock"]),
    );
    expect(pairs()).not.toContain("page_table_lock > i_mmap_lock");
    expect(heldLocks(machine.cpu, 0)).toEqual([]);
  });

  test("stops at two locks in both orders", () => {
    inOrder(iMmapLock, ptl);
    inOrder(iMmapLock, ptl);

    const text = bugOf(() => {
      inOrder(ptl, iMmapLock);
    });
    expect(text).toBe(
      "BUG_LOCK_ORDER on CPU 0: takes i_mmap_lock inside page_table_lock, but before, page_table_lock was taken " +
        "inside i_mmap_lock (first by CPU 0, which held i_mmap_lock); it holds page_table_lock",
    );
  });

  test("stops when three locks close a circle, two at a time", () => {
    inOrder(iMmapLock, ptl);
    inOrder(ptl, treeLock);

    const text = bugOf(() => {
      inOrder(treeLock, iMmapLock);
    });
    expect(text).toContain("takes i_mmap_lock inside tree_lock, but before, ");
    expect(text).toContain("page_table_lock was taken inside i_mmap_lock (first");
    expect(text).toContain(", and tree_lock was taken inside page_table_lock (first");
  });

  test("knows classes, not locks: the circle may be made of other locks of the same classes", () => {
    inOrder(iMmapLock, ptl);
    const other = k.mm_alloc() + MmStruct.page_table_lock;

    expect(
      bugOf(() => {
        inOrder(other, iMmapLock);
      }),
    ).toContain("BUG_LOCK_ORDER");
  });

  test("sees a circle that two CPUs close together", () => {
    inOrder(iMmapLock, ptl);
    const second = machine.instantiate(1).k;
    second.spin_lock(ptl);

    expect(
      bugOf(() => {
        second.spin_lock(iMmapLock);
      }),
    ).toMatch(/^BUG_LOCK_ORDER on CPU 1: .*\(first by CPU 0, .*; it holds page_table_lock$/);
  });

  test("lets a trylock be tried in any order, and knows what is then taken inside it", () => {
    inOrder(iMmapLock, ptl);
    k.spin_lock(ptl);
    expect(k.spin_trylock(iMmapLock)).toBe(1);
    expect(heldLocks(machine.cpu, 0)).toEqual(["page_table_lock", "i_mmap_lock"]);
    inOrder(treeLock);
    k.spin_unlock(iMmapLock);
    k.spin_unlock(ptl);

    expect(pairs()).toContain("i_mmap_lock > tree_lock");
    expect(pairs()).not.toContain("page_table_lock > i_mmap_lock");
  });

  test("does not count a trylock that failed", () => {
    machine.instantiate(1).k.spin_lock(ptl);

    expect(k.spin_trylock(ptl)).toBe(0);
    expect(heldLocks(machine.cpu, 0)).toEqual([]);
  });

  test("does not mind in which order locks are freed", () => {
    for (const lock of [iMmapLock, ptl, treeLock]) k.spin_lock(lock);
    k.spin_unlock(ptl);
    expect(heldLocks(machine.cpu, 0)).toEqual(["i_mmap_lock", "tree_lock"]);
    k.spin_unlock(iMmapLock);
    k.spin_unlock(treeLock);
    expect(heldLocks(machine.cpu, 0)).toEqual([]);
  });

  test.each<[string, () => void]>([
    [
      "a spinlock",
      () => {
        inOrder(ptl, ptl);
      },
    ],
    [
      "another spinlock of its class",
      () => {
        inOrder(ptl, k.mm_alloc() + MmStruct.page_table_lock);
      },
    ],
    [
      "a reader",
      () => {
        k.down_read(mmapSem);
        k.down_read(mmapSem);
      },
    ],
    [
      "a writer",
      () => {
        k.down_write(mmapSem);
        k.down_read(mmapSem);
      },
    ],
    [
      "a mutex",
      () => {
        k.mutex_lock(iSem);
        k.mutex_lock(iSem);
      },
    ],
  ])("stops at %s inside itself", (_, body) => {
    expect(bugOf(body)).toContain("BUG_LOCK_RECURSION");
  });

  test.each<[string, () => void]>([
    [
      "a semaphore",
      () => {
        k.down_read(mmapSem);
      },
    ],
    [
      "a mutex",
      () => {
        k.mutex_lock(iSem);
      },
    ],
    [
      "a page lock",
      () => {
        k.lock_page(k.page_of_pfn(600));
      },
    ],
  ])("stops at %s under a spinlock", (_, body) => {
    k.spin_lock(ptl);

    expect(bugOf(body)).toMatch(
      /^BUG_SLEEP_IN_ATOMIC .* which may sleep, inside page_table_lock; it holds page_/,
    );
  });

  test("lets sleeping locks be tried under a spinlock, and nest in each other", () => {
    const page = k.alloc_pages(GFP_KERNEL, 0);
    k.spin_lock(ptl);
    expect(k.trylock_page(page)).toBe(1);
    k.unlock_page(page);
    k.spin_unlock(ptl);
    k.mutex_lock(iSem);
    k.down_write(mmapSem);
    k.lock_page(page);
    expect(heldLocks(machine.cpu, 0)).toEqual(["i_sem", "mmap_sem", "PG_locked"]);
    k.unlock_page(page);
    k.downgrade_write(mmapSem);
    k.up_read(mmapSem);
    k.mutex_unlock(iSem);
    expect(heldLocks(machine.cpu, 0)).toEqual([]);
  });

  test.each<[string, () => void]>([
    [
      "a spinlock",
      () => {
        k.spin_unlock(ptl);
      },
    ],
    [
      "a semaphore",
      () => {
        k.up_read(mmapSem);
      },
    ],
    [
      "a mutex",
      () => {
        k.mutex_unlock(iSem);
      },
    ],
  ])("stops when a CPU frees %s that another one holds", (_, body) => {
    const other = machine.instantiate(1).k;
    other.mutex_lock(iSem);
    other.down_read(mmapSem);
    other.spin_lock(ptl);

    expect(bugOf(body)).toMatch(/^BUG_LOCK_NOT_HELD on CPU 0: frees .*; it holds no lock$/);
  });

  test("stops when a program runs, a task ends or a CPU rests with a lock held", () => {
    const bodies: (() => void)[] = [
      () => k.pick_next_task(),
      () => {
        k.cpu_idle(k.cpu_kicks());
      },
      () => {
        k.task_exit(k.task_alloc(0, 0, 0), 0);
      },
      () => {
        machine.run((task) => {
          const at = task.mmap({ length: PAGE, ...RW });
          task.store32(at, 1);
          task.cpu.k.spin_lock(mmOf(task.cpu, task.address) + MmStruct.page_table_lock);
          task.store32(at, 2);
        });
      },
    ];
    for (const body of bodies) {
      machine = new DirectMachine({ kernel });
      ({ k } = machine.cpu);
      if (body !== bodies[3]) k.spin_lock(k.mm_alloc() + MmStruct.page_table_lock);
      expect(bugOf(body)).toBe(
        "BUG_LOCKS_HELD on CPU 0: has not freed page_table_lock; it holds page_table_lock",
      );
    }
  });

  test("stops at more locks than a CPU may hold", () => {
    const text = bugOf(() => {
      for (let i = 0; i < 17; i++) k.trylock_page(k.alloc_pages(GFP_KERNEL, 0));
    });

    expect(text).toContain("BUG_LOCKS_HELD");
    expect(heldLocks(machine.cpu, 0)).toHaveLength(16);
  });

  describe("interrupts off", () => {
    const setInterruptsOff = (off: number): void => {
      setI32(machine.cpu, machine.cpu.area + PerCpu.irq_disabled, off);
    };

    test("stops at a wait for an answer with a lock that was waited for with interrupts off", () => {
      const mm = ptl - MmStruct.page_table_lock;
      setInterruptsOff(1);
      inOrder(ptl);
      setInterruptsOff(0);
      setI32(machine.cpu, machine.cpu.area + PERCPU_SIZE + PerCpu.tlb_state, TLB_STATE_OK);
      setI32(machine.cpu, mm + MmStruct.cpu_vm_mask, 2);

      expect(
        bugOf(() => {
          k.spin_lock(ptl);
          k.flush_tlb_mm(mm);
        }),
      ).toMatch(
        /waits for an interrupt to be served inside page_table_lock, but before, page_table_lock was taken with interrupts off/,
      );
    });

    test("is no time to sleep", () => {
      setInterruptsOff(1);

      expect(
        bugOf(() => {
          k.down_read(mmapSem);
        }),
      ).toContain("which may sleep, with interrupts off; it holds no lock");
    });
  });

  test("leaves locks alone that are no field of a struct it knows", () => {
    const frame = ((k.alloc_pages(GFP_KERNEL, 0) - k.page_of_pfn(0)) / 64) * PAGE;
    for (let i = 0; i < 20; i++) k.spin_lock(frame + 4 * i + 4);

    expect(heldLocks(machine.cpu, 0)).toEqual([]);
  });

  test("can be switched off", () => {
    setI32(machine.cpu, BOOT_PARAMS + BootParams.lockdep, 0);
    inOrder(iMmapLock, ptl);
    inOrder(ptl, iMmapLock);

    expect(pairs()).not.toContain("i_mmap_lock > page_table_lock");
  });
});
