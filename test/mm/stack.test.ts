// Stacks: mappings that grow down when the page below them is touched.

import { describe, expect, test } from "vitest";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { PAGE, PLACE, fixed, inChild, mapsOf, signalOf } from "../support/process.ts";

describe.each(KERNEL_NAMES)("%s: a stack", (kernel) => {
  const stack = (task: ProgramTask, page: number, pages: number): number =>
    fixed(task, page, pages, { growsDown: true });

  test("grows down to the page that is touched, and no further", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      stack(task, 100, 4);
      task.store32(PLACE + 97 * PAGE, 1);
      expect(mapsOf(machine, task)).toEqual(["97-104 rw-pd"]);
      expect(task.load32(PLACE + 60 * PAGE + 8)).toBe(0);
      expect(mapsOf(machine, task)).toEqual(["60-104 rw-pd"]);
      expect(task.load32(PLACE + 97 * PAGE)).toBe(1);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("reaches 8 MiB below its top and raises SIGSEGV one page further", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = stack(task, 3000, 4);
      const top = start + 4 * PAGE;
      const lowest = top - 8 * 2 ** 20;

      expect(signalOf(() => task.load8(lowest - 1))).toContain("SIGSEGV");
      expect(mapsOf(machine, task)).toEqual(["3000-3004 rw-pd"]);
      expect(signalOf(() => task.load8(lowest))).toBe("ok");
      expect(signalOf(() => task.load8(lowest - 1))).toContain("SIGSEGV");
    });
  });

  test("does not grow into its neighbour, nor over it", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      stack(task, 100, 1);
      fixed(task, 90, 2, { write: false });
      const store = (page: number): string =>
        signalOf(() => {
          task.store32(PLACE + page * PAGE, 1);
        });

      expect(store(89)).toContain("SIGSEGV");
      expect(store(91)).toContain("SIGSEGV");
      expect(store(92)).toBe("ok");
      expect(mapsOf(machine, task)).toEqual(["90-92 r--p", "92-101 rw-pd"]);
    });
  });

  test("is the only kind of mapping that grows", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      fixed(task, 100, 1);
      expect(signalOf(() => task.load8(PLACE + 99 * PAGE))).toContain("SIGSEGV");
    });
  });

  test("grows in the child without the parent knowing", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      stack(task, 100, 1);
      inChild(machine, task, (child) => {
        child.store32(PLACE + 98 * PAGE, 1);
        expect(mapsOf(machine, child)).toEqual(["98-101 rw-pd"]);
      });
      expect(mapsOf(machine, task)).toEqual(["100-101 rw-pd"]);
    });
  });
});
