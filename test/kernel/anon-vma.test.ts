// Which VMAs share an anon_vma, who is on its list, and when it is freed.

import { describe, expect, test } from "vitest";
import {
  ARRAY_CACHE_SIZE,
  ArrayCache,
  CACHE_ANON_VMA,
  FILE_ZERO,
  PERCPU_ARRAY_CACHES,
} from "../../src/layout/structs.gen.ts";
import { getU32 } from "../../src/layout/view.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { type Vma, anonVmaList, mmOfTask, vmasOf } from "../support/inspect.ts";
import { PAGE, PLACE, RO, RW, fixed, inChild, mapsOf, stateOf } from "../support/process.ts";

const vmas = (machine: DirectMachine, task: ProgramTask): Vma[] =>
  vmasOf(machine.cpu, mmOfTask(machine.cpu, task.address));

/** anon_vmas in use. */
function live({ cpu }: DirectMachine): number {
  const array = cpu.area + PERCPU_ARRAY_CACHES + CACHE_ANON_VMA * ARRAY_CACHE_SIZE;
  return getU32(cpu, array + ArrayCache.allocs) - getU32(cpu, array + ArrayCache.frees);
}

const members = ({ cpu }: DirectMachine, anonVma: number): number[] => anonVmaList(cpu, anonVma);
const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);

/** Every anonymous page's VMA is on the list that the page points at. */
function consistent(machine: DirectMachine, task: ProgramTask): void {
  for (const { at, anonVma } of vmas(machine, task)) {
    if (anonVma !== 0) expect(members(machine, anonVma)).toContain(at);
  }
}

describe.each(KERNEL_NAMES)("%s: an anon_vma", (kernel) => {
  const run = (body: (machine: DirectMachine, task: ProgramTask) => void): void => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      body(machine, task);
    });
    expect(live(machine)).toBe(0);
    expect(machine.census()).toEqual(machine.bootCensus);
  };

  test("is made by the first write, not by a mapping and not by a read", () => {
    run((machine, task) => {
      fixed(task, 0, 2);
      task.load32(PLACE);
      expect(vmas(machine, task).map(({ anonVma }) => anonVma)).toEqual([0]);

      task.store32(PLACE, 1);
      const [vma] = vmas(machine, task);
      expect(vma?.anonVma).not.toBe(0);
      expect(members(machine, vma?.anonVma ?? 0)).toEqual([vma?.at]);
    });
  });

  test("is shared by halves that mprotect split, whichever is written first", () => {
    for (const [first, second] of [
      [0, 2],
      [2, 0],
    ] as const) {
      run((machine, task) => {
        fixed(task, 0, 4);
        task.mprotect(PLACE + 2 * PAGE, 2 * PAGE, { ...RW, exec: true });
        task.store32(PLACE + first * PAGE, 1);
        task.store32(PLACE + second * PAGE, 1);

        const [low, high] = vmas(machine, task) as [Vma, Vma];
        expect(low.anonVma).toBe(high.anonVma);
        expect(sorted(members(machine, low.anonVma))).toEqual(sorted([low.at, high.at]));
        expect(live(machine)).toBe(1);

        task.mprotect(PLACE + 2 * PAGE, 2 * PAGE, RW);
        expect(mapsOf(machine, task)).toEqual(["0-4 rw-p"]);
        expect(members(machine, low.anonVma)).toHaveLength(1);
        expect([task.load32(PLACE + first * PAGE), live(machine)]).toEqual([1, 1]);
      });
    }
  });

  test("is shared by a split of a VMA that has one already, and by three after two splits", () => {
    run((machine, task) => {
      fixed(task, 0, 6);
      task.touch(PLACE, 6 * PAGE);
      task.mprotect(PLACE + 2 * PAGE, 2 * PAGE, RO);

      const parts = vmas(machine, task);
      expect(parts).toHaveLength(3);
      expect(new Set(parts.map(({ anonVma }) => anonVma)).size).toBe(1);
      expect(sorted(members(machine, parts[0]?.anonVma ?? 0))).toEqual(
        sorted(parts.map(({ at }) => at)),
      );
    });
  });

  test("is not shared over a gap, with other flags, or with other offsets", () => {
    const cases: ((task: ProgramTask) => void)[] = [
      (task) => {
        fixed(task, 0, 2);
        fixed(task, 3, 2);
      },
      (task) => {
        fixed(task, 0, 2);
        fixed(task, 2, 2, { growsDown: true });
      },
      (task) => {
        fixed(task, 0, 2);
        fixed(task, 20, 2);
        task.store32(PLACE + 20 * PAGE, 1);
        task.mremap(PLACE + 20 * PAGE, 2 * PAGE, 2 * PAGE, { fixedAt: PLACE + 2 * PAGE });
      },
    ];
    for (const map of cases) {
      run((machine, task) => {
        map(task);
        const [low, high] = vmas(machine, task) as [Vma, Vma];
        task.store32(low.start, 1);
        task.store32(high.start, 1);

        const after = vmas(machine, task) as [Vma, Vma];
        expect(after).toHaveLength(2);
        expect(after[0].anonVma).not.toBe(after[1].anonVma);
        expect(live(machine)).toBe(2);
      });
    }
  });

  test("keeps neighbours apart that were written separately, and a page between them joins the lower", () => {
    run((machine, task) => {
      fixed(task, 0, 1);
      fixed(task, 2, 1);
      task.store32(PLACE, 1);
      task.store32(PLACE + 2 * PAGE, 3);
      fixed(task, 1, 1);
      task.store32(PLACE + PAGE, 2);

      expect(mapsOf(machine, task)).toEqual(["0-2 rw-p", "2-3 rw-p"]);
      expect(live(machine)).toBe(2);
      expect([0, 1, 2].map((page) => task.load32(PLACE + page * PAGE))).toEqual([1, 2, 3]);
      consistent(machine, task);
    });
  });

  test("joins three VMAs into one when only one of them has been written", () => {
    for (const written of [0, 2]) {
      run((machine, task) => {
        fixed(task, 0, 1);
        fixed(task, 2, 1);
        task.store32(PLACE + written * PAGE, 1);
        fixed(task, 1, 1);

        expect(mapsOf(machine, task)).toEqual(["0-3 rw-p"]);
        task.touch(PLACE, 3 * PAGE);
        expect(live(machine)).toBe(1);
        consistent(machine, task);
      });
    }
  });

  test("is imported by a VMA that grows over written pages of its neighbour", () => {
    run((machine, task) => {
      fixed(task, 0, 2);
      fixed(task, 2, 4, { exec: true });
      task.touch(PLACE + 2 * PAGE, 4 * PAGE);
      const before = vmas(machine, task)[1]?.anonVma ?? 0;

      task.mprotect(PLACE + 2 * PAGE, 2 * PAGE, RW);

      const [low, high] = vmas(machine, task) as [Vma, Vma];
      expect(mapsOf(machine, task)).toEqual(["0-4 rw-p", "4-6 rwxp"]);
      expect([low.anonVma, high.anonVma]).toEqual([before, before]);
      expect(sorted(members(machine, before))).toEqual(sorted([low.at, high.at]));
      expect(stateOf(machine, task, PLACE + 2 * PAGE).mapping).toBe(before);
    });
  });

  test("is imported downwards too", () => {
    run((machine, task) => {
      fixed(task, 0, 4, { exec: true });
      fixed(task, 4, 2);
      task.touch(PLACE, 4 * PAGE);
      const before = vmas(machine, task)[0]?.anonVma ?? 0;

      task.mprotect(PLACE + 2 * PAGE, 2 * PAGE, RW);

      const [low, high] = vmas(machine, task) as [Vma, Vma];
      expect(mapsOf(machine, task)).toEqual(["0-2 rwxp", "2-6 rw-p"]);
      expect([low.anonVma, high.anonVma]).toEqual([before, before]);
      expect(sorted(members(machine, before))).toEqual(sorted([low.at, high.at]));
    });
  });

  test("has the VMAs of parent and child on its list, and outlives the parent's", () => {
    run((machine, task) => {
      fixed(task, 0, 2);
      task.touch(PLACE, 2 * PAGE);
      machine.program("child", (child) => {
        const [vma] = vmas(machine, child) as [Vma];
        expect(members(machine, vma.anonVma)).toEqual([vma.at]);
        expect(stateOf(machine, child, PLACE)).toMatchObject({ mapcount: 1, mapping: vma.anonVma });
        expect(live(machine)).toBe(1);
      });
      task.fork("child");
      expect(members(machine, vmas(machine, task)[0]?.anonVma ?? 0)).toHaveLength(2);
      task.munmap(PLACE, 2 * PAGE);
      task.wait();
      expect(live(machine)).toBe(0);
    });
  });

  test("is made separately by parent and child when nothing was written before the fork", () => {
    run((machine, task) => {
      fixed(task, 0, 1);
      inChild(machine, task, (child) => {
        child.store32(PLACE, 1);
        expect(live(machine)).toBe(1);
      });
      expect(live(machine)).toBe(0);
      task.store32(PLACE, 1);
      expect(live(machine)).toBe(1);
    });
  });

  test("follows a VMA that mremap moves, as a whole or in part", () => {
    run((machine, task) => {
      fixed(task, 0, 4);
      task.touch(PLACE, 4 * PAGE);
      const before = vmas(machine, task)[0]?.anonVma ?? 0;
      task.mremap(PLACE + 2 * PAGE, 2 * PAGE, 2 * PAGE, { fixedAt: PLACE + 40 * PAGE });

      const parts = vmas(machine, task);
      expect(parts.map(({ anonVma }) => anonVma)).toEqual([before, before]);
      expect(members(machine, before)).toHaveLength(2);
      expect(stateOf(machine, task, PLACE + 40 * PAGE).mapping).toBe(before);
      consistent(machine, task);
    });
  });

  test("is there for the written pages of a private file mapping, and for shared memory never", () => {
    run((machine, task) => {
      const file = machine.cpu.k.inode_alloc(FILE_ZERO, 0, 4 * PAGE, 1);
      fixed(task, 0, 4, { file });
      fixed(task, 10, 4, { file, shared: true });
      fixed(task, 20, 4, { shared: true });
      for (const page of [0, 10, 20]) task.touch(PLACE + page * PAGE, 4 * PAGE);

      expect(vmas(machine, task).map(({ anonVma }) => anonVma !== 0)).toEqual([true, false, false]);
      machine.cpu.k.inode_put(file);
    });
  });
});
