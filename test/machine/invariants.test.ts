// Each invariant is trusted only because it has failed: a live machine satisfies all of them, and one word
// changed by hand breaks the rule that watches it.

import { describe, expect, test } from "vitest";
import { MmStruct, PERCPU_AREAS, Page, PerCpu, VmArea } from "../../src/layout/structs.gen.ts";
import { getI32, getU64, setI32, setU64, type MemoryViews } from "../../src/layout/view.ts";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import { leaks, memoryReport, memoryState } from "../../src/machine/invariants/leaks.ts";
import { quiesceCpu } from "../../src/machine/cpu-loop.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmOfTask, pageAt, pteAt, tlbSet, vmasOf } from "../support/inspect.ts";
import { PAGE, fixed, frameOf } from "../support/process.ts";

/** Where the words of a process are. */
interface Scene {
  readonly memory: MemoryViews;
  readonly mm: number;
  readonly vma: number;
  readonly page: number;
  readonly pte: number;
  readonly tlb: number;
}

const add = (memory: MemoryViews, at: number, delta: number): void => {
  setI32(memory, at, getI32(memory, at) + delta);
};

/** What is changed, and the rule that must see it. */
const CORRUPTIONS: readonly [string, string, (scene: Scene) => void][] = [
  [
    "I-COUNT",
    "a mapcount",
    ({ memory, page }) => {
      add(memory, page + Page._mapcount, 1);
    },
  ],
  [
    "I-NRMAPPED",
    "nr_mapped",
    ({ memory }) => {
      add(memory, PERCPU_AREAS + PerCpu.nr_mapped, 1);
    },
  ],
  [
    "I-RSS",
    "rss",
    ({ memory, mm }) => {
      add(memory, mm + MmStruct.rss, -1);
    },
  ],
  [
    "I-INDEX",
    "a page's index",
    ({ memory, page }) => {
      add(memory, page + Page.index, 1);
    },
  ],
  [
    "I-MAPPING",
    "a page's mapping",
    ({ memory, page }) => {
      setI32(memory, page + Page.mapping, 0);
    },
  ],
  [
    "I-VISIBLE",
    "a VMA's anon_vma",
    ({ memory, vma }) => {
      setI32(memory, vma + VmArea.anon_vma, 0);
    },
  ],
  [
    "I-TLB",
    "a translation in a TLB",
    ({ memory, tlb }) => {
      setU64(memory, tlb + 8, getU64(memory, tlb + 8) + PAGE);
    },
  ],
];

/** A process with anonymous memory, files and a child that shares its pages. */
function live(kernel: string, body: (scene: Scene, machine: DirectMachine) => void): void {
  const machine = new DirectMachine({ kernel });
  machine.run((task) => {
    const start = fixed(task, 0, 4);
    task.touch(start, 4 * PAGE);
    task.mprotect(start + PAGE, PAGE, { read: true });
    task.load32(start);
    const memory = machine.cpu;
    const mm = mmOfTask(memory, task.address);
    const [vma] = vmasOf(memory, mm);
    const page = pageAt(frameOf(machine, task, start));
    const set = tlbSet(machine.cpu.area, start);
    const generation = getI32(memory, machine.cpu.area + PerCpu.tlb_generation);
    const tlb = set.find((entry) => getU64(memory, entry) === start + generation) as number;
    const pte = pteAt(memory, mm, start);
    body({ memory, mm, vma: (vma as { at: number }).at, page, pte, tlb }, machine);
  });
}

describe.each(KERNEL_NAMES)("%s: a quiet machine", (kernel) => {
  test("satisfies every invariant while a process lives", () => {
    live(kernel, ({ memory }) => {
      expect(checkInvariants(memory)).toEqual([]);
    });
  });

  test.each(CORRUPTIONS)("%s fires when somebody changes %s", (rule, _, corrupt) => {
    live(kernel, (scene) => {
      const saved = scene.memory.u8.slice(0, scene.memory.u8.length);
      corrupt(scene);
      const rules = checkInvariants(scene.memory).map((violation) => violation.rule);
      scene.memory.u8.set(saved);

      expect(rules).toContain(rule);
      expect(checkInvariants(scene.memory)).toEqual([]);
    });
  });

  test("has a use for every frame, and page tables and slabs while a process lives", () => {
    live(kernel, ({ memory }) => {
      const { lost, tables, slabs, anonymous, ...others } = memoryReport(memory);

      expect(lost).toBe(0);
      expect(tables).toBeGreaterThan(3);
      expect(slabs).toBeGreaterThan(0);
      expect(anonymous).toBe(4);
      expect(others.free).toBeGreaterThan(1000);
    });
  });

  test("that lost a frame is told by the comparison with the boot state", () => {
    const machine = new DirectMachine({ kernel });
    quiesceCpu(machine.cpu);
    const before = memoryState(machine.cpu);

    machine.cpu.k.alloc_pages(0, 0);

    quiesceCpu(machine.cpu);
    expect(leaks(before, memoryState(machine.cpu)).map(({ rule }) => rule)).toEqual(["LEAK"]);
  });
});
