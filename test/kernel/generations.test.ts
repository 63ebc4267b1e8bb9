// The generations of the reverse map before anon_vma: chains of PTEs (2.6.6) and anonmm. Both are compiled here.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AnonMm,
  CACHE_STRIDE,
  CACHE_PTE_CHAIN,
  CACHE_TABLE,
  KmemCache,
  MmStruct,
  PG_direct,
  Page,
  PerCpu,
} from "../../src/layout/structs.gen.ts";
import { getU32, getU64, setI32 } from "../../src/layout/view.ts";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { nrMapped } from "../support/census.ts";
import { Comparison, makeFiles } from "../support/comparison.ts";
import { DirectMachine } from "../support/direct.ts";
import { mmOfTask, pageAt } from "../support/inspect.ts";
import { operations } from "../support/operations.ts";
import { PAGE, anonymous, fixed, frameOf, inChild } from "../support/process.ts";

/** Slots of an element, as 2.6.6 is compiled. */
const NRPTE = 15;

/** Rules that do not hold, each once. */
const broken = (machine: DirectMachine): string[] => [
  ...new Set(checkInvariants(machine.cpu).map(({ rule }) => rule)),
];

/** Address of struct page of the frame at an address. */
const pageOf = (machine: DirectMachine, task: ProgramTask, address: number): number =>
  pageAt(frameOf(machine, task, address));

const mmOf = (task: ProgramTask): number => mmOfTask(task.cpu, task.address) >>> 0;

/** A tree of processes that all map a page: each runs `body`, and forks the next one. */
function generations(
  machine: DirectMachine,
  task: ProgramTask,
  depth: number,
  body: (task: ProgramTask, depth: number) => void,
): void {
  body(task, depth);
  if (depth > 0) {
    inChild(machine, task, (child) => {
      generations(machine, child, depth - 1, body);
    });
  }
}

describe.each(["2.6.6", "anonmm"])("%s", (kernel) => {
  test("does what a table of pages does, and gives everything back", () => {
    const machine = new DirectMachine({ kernel, memory: "8M" });
    for (const ops of fc.sample(operations, { seed: 0x5eed0066, numRuns: 60 })) {
      const files = makeFiles(machine);
      machine.run((task) => {
        new Comparison(machine, task, files).run(ops);
        const handles = files.map(({ handle }) => handle);
        expect(checkInvariants(machine.cpu, { handles })).toEqual([]);
      });
      for (const { handle } of files) machine.cpu.k.inode_put(handle);
      expect(machine.census()).toEqual(machine.bootCensus);
    }
  });

  test("counts a page for each of forty generations, and asks them all", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 7);
      const page = pageOf(machine, task, start);
      generations(machine, task, 40, (each, depth) => {
        expect(each.load32(start)).toBe(7);
        expect(k.page_mapcount(page)).toBe(41 - depth);
        expect(nrMapped(machine.cpu)).toBe(1);
        if (depth > 0) return;
        expect(broken(machine)).toEqual([]);
        // Each has loaded; what the mark of the page says comes on top.
        setI32(each.cpu, page + Page.flags, getU32(each.cpu, page + Page.flags) & ~4);
        expect(k.page_referenced(page, 0)).toBe(41);
        expect(k.page_referenced(page, 0)).toBe(0);
      });
      expect(k.page_mapcount(page)).toBe(1);
      expect(broken(machine)).toEqual([]);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

describe("2.6.6", () => {
  const kernel = "2.6.6";

  test("fills an element before it takes the next, and makes a chain of one direct when it is asked", () => {
    const machine = new DirectMachine({ kernel });
    const { cpu } = machine;
    const used = CACHE_TABLE + CACHE_PTE_CHAIN * CACHE_STRIDE;
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 7);
      const page = pageOf(machine, task, start);
      const isDirect = (): boolean => (getU32(cpu, page + Page.flags) & PG_direct) !== 0;
      const heads = new Set<number>();
      expect(isDirect()).toBe(true);
      generations(machine, task, NRPTE + 1, () => {
        if (!isDirect()) heads.add(getU32(cpu, page + Page.pte));
      });

      // Two elements for NRPTE + 2 PTEs; when all children are gone, one with one PTE.
      expect(heads.size).toBe(2);
      expect(getU32(cpu, used + KmemCache.nr_slabs)).toBe(1);
      expect(isDirect()).toBe(false);
      expect(cpu.k.page_mapcount(page)).toBe(1);
      cpu.k.page_referenced(page, 0);
      expect(isDirect()).toBe(true);
      expect(broken(machine)).toEqual([]);
    });
  });

  test("has the new PTE in the chain when mremap has moved a page that others map", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = fixed(task, 0, 2);
      task.touch(start, 2 * PAGE);
      const frame = frameOf(machine, task, start);
      inChild(machine, task, (child) => {
        const moved = child.mremap(start, 2 * PAGE, 2 * PAGE, { fixedAt: start + 900 * PAGE });
        expect(frameOf(machine, child, moved)).toBe(frame);
        expect(machine.cpu.k.page_mapcount(pageAt(frame))).toBe(2);
        expect(broken(machine)).toEqual([]);
      });
    });
  });

  test("a PTE that is missing in its chain, or stands there twice, is found", () => {
    const machine = new DirectMachine({ kernel });
    const { cpu } = machine;
    machine.run((task) => {
      const start = anonymous(task, 2);
      task.touch(start, 2 * PAGE);
      inChild(machine, task, () => {
        const [page, other] = [start, start + PAGE].map((at) => pageOf(machine, task, at));
        const head = getU32(cpu, (page ?? 0) + Page.pte);
        const last = head + 4 * NRPTE;
        const [mine, theirs] = [getU32(cpu, last), getU32(cpu, last - 4)];
        setI32(cpu, last, theirs);
        expect(broken(machine)).toEqual(["I-CHAIN"]);
        setI32(cpu, last, getU32(cpu, getU32(cpu, (other ?? 0) + Page.pte) + 4 * NRPTE));
        expect(broken(machine)).toEqual(["I-CHAIN"]);
        setI32(cpu, last, mine);
        setI32(cpu, cpu.area + PerCpu.local_pte_chain, cpu.k.kmem_cache_alloc(CACHE_PTE_CHAIN));
        cpu.k.kmem_cache_alloc(CACHE_PTE_CHAIN);
        expect(broken(machine)).toEqual(["I-CHAIN"]);
      });
    });
  });
});

describe("anonmm", () => {
  const kernel = "anonmm";

  test("copies a page that others map before mremap moves it, and moves one that is its own", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = fixed(task, 0, 2);
      task.store32(start, 1);
      task.store32(start + PAGE, 2);
      inChild(machine, task, (child) => {
        child.store32(start + PAGE, 3);
        const frames = [start, start + PAGE].map((at) => frameOf(machine, child, at));
        const moved = child.mremap(start, 2 * PAGE, 2 * PAGE, { fixedAt: start + 900 * PAGE });

        expect([child.load32(moved), child.load32(moved + PAGE)]).toEqual([1, 3]);
        expect(frameOf(machine, child, moved)).not.toBe(frames[0]);
        expect(frameOf(machine, child, moved + PAGE)).toBe(frames[1]);
        const page = pageOf(machine, child, moved + PAGE);
        expect(getU64(child.cpu, page + Page.index)).toBe(moved / PAGE + 1);
        expect(broken(machine)).toEqual([]);
      });
      expect([task.load32(start), task.load32(start + PAGE)]).toEqual([1, 2]);
    });
  });

  test("moves a page of a process that has ended to one that lives, so that the dead can go", () => {
    const machine = new DirectMachine({ kernel });
    const { cpu } = machine;
    machine.program("grandchild", () => undefined);
    machine.run((task) => {
      const start = anonymous(task, 1);
      let page = 0;
      let child = 0;
      inChild(machine, task, (first) => {
        first.store32(start, 7);
        page = pageOf(machine, first, start);
        child = getU32(cpu, mmOf(first) + MmStruct.anonmm);
        first.fork("grandchild");
      });
      // The child has ended and the grandchild, which maps its page, waits to run.
      expect(getU32(cpu, page + Page.mapping)).toBe(child);
      expect(getU32(cpu, child + AnonMm.mm)).toBe(0);
      expect(broken(machine)).toEqual([]);
      setI32(cpu, child + AnonMm.count, 2);
      expect(broken(machine)).toEqual(["I-ANONMM"]);
      setI32(cpu, child + AnonMm.count, 1);

      cpu.k.page_referenced(page, 0);
      const heir = getU32(cpu, page + Page.mapping);
      expect(heir).not.toBe(child);
      expect(getU32(cpu, heir + AnonMm.mm)).not.toBe(0);
      expect(getU32(cpu, heir + AnonMm.head)).toBe(getU32(cpu, mmOf(task) + MmStruct.anonmm));
      expect(broken(machine)).toEqual([]);
    });
  });
});
