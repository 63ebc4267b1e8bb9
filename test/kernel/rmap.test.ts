// Counting of mappings, both generations: mapcount, nr_mapped, and what becomes of page->mapping at the last unmap.

import { describe, expect, test } from "vitest";
import {
  BOOT_PARAMS,
  BootParams,
  FILE_SEED,
  PAGE_MAPPING_ANON,
  PG_anon,
  PG_maplock,
  Page,
  VmArea,
} from "../../src/layout/structs.gen.ts";
import { getI32, getU32, getU64, setI32 } from "../../src/layout/view.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { nrMapped } from "../support/census.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmOfTask, pageAt, pageState, vmasOf } from "../support/inspect.ts";
import { PAGE, PLACE, anonymous, fixed, frameOf, inChild, stateOf } from "../support/process.ts";

const indexOf = (machine: DirectMachine, task: ProgramTask, address: number): number =>
  getU64(machine.cpu, pageAt(frameOf(machine, task, address)) + Page.index);

describe.each(KERNEL_NAMES)("%s: an anonymous page", (kernel) => {
  test("is counted once when it is first written, and tells where its VMA is", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = fixed(task, 3, 2);
      task.store32(start + PAGE, 1);

      const [vma] = vmasOf(machine.cpu, mmOfTask(machine.cpu, task.address));
      const state = stateOf(machine, task, start + PAGE);
      expect(state).toMatchObject({ mapcount: 1, anon: true, mapping: vma?.anonVma });
      expect(state.mapping).not.toBe(0);
      expect(indexOf(machine, task, start + PAGE)).toBe(PLACE / PAGE + 4);
      expect(nrMapped(machine.cpu)).toBe(1);
    });
    expect(nrMapped(machine.cpu)).toBe(0);
  });

  test("is counted for each process that maps it, but once in nr_mapped", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 3);
      task.touch(start, 3 * PAGE);
      const counts: number[] = [];
      inChild(machine, task, (child) => {
        inChild(machine, child, (grandchild) => {
          counts.push(stateOf(machine, grandchild, start).mapcount, nrMapped(machine.cpu));
        });
        counts.push(stateOf(machine, child, start).mapcount, nrMapped(machine.cpu));
        child.store32(start, 1);
        counts.push(stateOf(machine, child, start).mapcount, nrMapped(machine.cpu));
      });
      counts.push(stateOf(machine, task, start).mapcount, nrMapped(machine.cpu));

      expect(counts).toEqual([3, 3, 2, 3, 1, 4, 1, 3]);
    });
  });

  test("of the zero page is never counted", () => {
    const machine = new DirectMachine({ kernel });
    const zero = getU32(machine.cpu, BOOT_PARAMS + BootParams.zero_pfn);
    const state = (): unknown => pageState(machine.cpu, kernel, zero);
    const before = state();
    machine.run((task) => {
      const start = anonymous(task, 4);
      task.touch(start, 4 * PAGE, "read");
      expect(nrMapped(machine.cpu)).toBe(0);
      expect(state()).toEqual(before);
      inChild(machine, task, (child) => {
        child.store32(start, 1);
        expect(state()).toEqual(before);
        expect(nrMapped(machine.cpu)).toBe(1);
      });
      task.munmap(start, PAGE);
    });
    expect(state()).toEqual(before);
  });

  test("keeps its index when mremap moves it", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = fixed(task, 0, 4);
      task.touch(start, 4 * PAGE);
      const before = stateOf(machine, task, start + 2 * PAGE);
      const index = indexOf(machine, task, start + 2 * PAGE);

      const moved = task.mremap(start + PAGE, 3 * PAGE, 3 * PAGE, { fixedAt: PLACE + 700 * PAGE });

      expect(stateOf(machine, task, moved + PAGE)).toEqual(before);
      expect(indexOf(machine, task, moved + PAGE)).toBe(index);
      expect(nrMapped(machine.cpu)).toBe(4);
      const vmas = vmasOf(machine.cpu, mmOfTask(machine.cpu, task.address));
      const home = vmas.find(({ start: from }) => from === moved);
      expect(index).toBe((home?.pgoff ?? 0) + 1);
    });
  });

  test("that somebody still holds is forgotten by 2.6.8 at its last unmap, remembered by 2.6.9 until it is freed", () => {
    const machine = new DirectMachine({ kernel });
    const frame = machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      const found = frameOf(machine, task, start);
      const { mapping } = stateOf(machine, task, start);
      task.munmap(start, PAGE);

      // The pagevec has the only reference left.
      const state = pageState(machine.cpu, kernel, found);
      expect(state).toMatchObject({ count: 1, mapcount: 0 });
      if (kernel === "2.6.8") expect(state).toMatchObject({ anon: false, mapping: 0 });
      else expect(state).toMatchObject({ anon: true, mapping });
      expect(nrMapped(machine.cpu)).toBe(0);
      return found;
    });
    machine.cpu.k.lru_add_drain();
    expect(pageState(machine.cpu, kernel, frame)).toMatchObject({
      count: 0,
      anon: false,
      mapping: 0,
    });
  });

  test("says that it is anonymous by a flag in 2.6.8, by a bit of the pointer in 2.6.9", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      const page = pageAt(frameOf(machine, task, start));
      const flag = (getU32(machine.cpu, page + Page.flags) & PG_anon) !== 0;
      const bit = (getI32(machine.cpu, page + Page.mapping) & PAGE_MAPPING_ANON) !== 0;

      expect({ flag, bit }).toEqual({ flag: kernel === "2.6.8", bit: kernel === "2.6.9" });
      expect(getU32(machine.cpu, page + Page.flags) & PG_maplock).toBe(0);
      expect(getI32(machine.cpu, page + Page._mapcount)).toBe(kernel === "2.6.8" ? 1 : 0);
    });
  });

  test("gives back every count when a whole tree of processes ends", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 40);
      task.touch(start, 40 * PAGE);
      for (let i = 0; i < 5; i++) {
        inChild(machine, task, (child) => {
          child.touch(start + i * PAGE, 3 * PAGE);
          inChild(machine, child, (grandchild) => {
            grandchild.munmap(start, 10 * PAGE);
            grandchild.madviseDontneed(start + 20 * PAGE, 5 * PAGE);
          });
        });
      }
      const counts = Array.from({ length: 40 }, (_, i) => stateOf(machine, task, start + i * PAGE));
      expect(counts.every(({ mapcount }) => mapcount === 1)).toBe(true);
      expect(nrMapped(machine.cpu)).toBe(40);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

describe.each(KERNEL_NAMES)("%s: a page of a file", (kernel) => {
  test("is counted for each mapping, and belongs to its file with and without them", () => {
    const machine = new DirectMachine({ kernel });
    const file = machine.cpu.k.inode_alloc(FILE_SEED, 1, 4 * PAGE, 1);
    const frame = machine.run((task) => {
      const options = { length: 4 * PAGE, read: true, file } as const;
      const [first, second] = [task.mmap(options), task.mmap({ ...options, shared: true })];
      task.load8(first + PAGE);
      task.load8(second + PAGE);
      const found = frameOf(machine, task, first + PAGE);
      const state = (): ReturnType<typeof pageState> => pageState(machine.cpu, kernel, found);

      expect(state()).toMatchObject({ mapcount: 2, anon: false, mapping: file });
      expect(indexOf(machine, task, first + PAGE)).toBe(1);
      inChild(machine, task, () => {
        expect(state().mapcount).toBe(4);
        expect(nrMapped(machine.cpu)).toBe(1);
      });
      task.munmap(first, 4 * PAGE);
      expect(state().mapcount).toBe(1);
      task.munmap(second, 4 * PAGE);
      return found;
    });

    expect(pageState(machine.cpu, kernel, frame)).toMatchObject({ mapcount: 0, mapping: file });
    expect(nrMapped(machine.cpu)).toBe(0);
    machine.cpu.k.inode_put(file);
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("loses a mapping, and the copy gains one, when a private mapping is written", () => {
    const machine = new DirectMachine({ kernel });
    const file = machine.cpu.k.inode_alloc(FILE_SEED, 1, PAGE, 1);
    machine.run((task) => {
      const start = task.mmap({ length: PAGE, read: true, write: true, file });
      task.load8(start);
      const before = frameOf(machine, task, start);
      task.store8(start, 1);

      expect(pageState(machine.cpu, kernel, before)).toMatchObject({ mapcount: 0, mapping: file });
      expect(stateOf(machine, task, start)).toMatchObject({ mapcount: 1, anon: true });
      expect(nrMapped(machine.cpu)).toBe(1);
    });
    machine.cpu.k.inode_put(file);
  });
});

describe.each(KERNEL_NAMES)("%s stops the machine", (kernel) => {
  /** Breaks one field of the page that a process maps, and does something with it. */
  function spoil(
    field: "_mapcount" | "mapping" | "index",
    value: number,
    body: (task: ProgramTask, address: number) => void,
  ): string {
    const machine = new DirectMachine({ kernel });
    return machine.bugOf(() => {
      machine.run((task) => {
        const start = anonymous(task, 1);
        task.store32(start, 1);
        setI32(machine.cpu, pageAt(frameOf(machine, task, start)) + Page[field], value);
        body(task, start);
      });
    }).rule;
  }
  const unmap = (task: ProgramTask, address: number): void => {
    task.munmap(address, PAGE);
  };
  const unmapped = kernel === "2.6.8" ? 0 : -1;

  test("when a mapping is taken off a page that has none", () => {
    expect(spoil("_mapcount", unmapped, unmap)).toBe("BUG_MAPCOUNT_UNDERFLOW");
  });

  test("when a page is freed that is counted once too often", () => {
    const rule = spoil("_mapcount", unmapped + 2, (task, address) => {
      task.munmap(address, PAGE);
      task.cpu.k.lru_add_drain();
    });
    expect(rule).toBe("BUG_MAPCOUNT_AT_FREE");
  });

  test("when a VMA is merged with one of another anon_vma", () => {
    const machine = new DirectMachine({ kernel });
    const { rule } = machine.bugOf(() => {
      machine.run((task) => {
        fixed(task, 0, 1);
        fixed(task, 1, 1, { write: false });
        task.store32(PLACE, 1);
        task.mprotect(PLACE, PAGE, { read: true });
        const { cpu } = machine;
        const [first] = vmasOf(cpu, mmOfTask(cpu, task.address));
        const other = cpu.k.vma_dup(first?.at ?? 0);
        setI32(cpu, other + VmArea.anon_vma, cpu.k.kmem_cache_alloc(2));
        cpu.k.__anon_vma_merge(first?.at ?? 0, other);
      });
    });
    expect(rule).toBe("BUG_ANON_VMA_NOT_SHARED");
  });
});
