// When VMAs split and merge: the cases of vma_merge one by one, by what is there before and after.

import { describe, expect, test } from "vitest";
import { FILE_ZERO } from "../../src/layout/structs.gen.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmOfTask, vmasOf } from "../support/inspect.ts";
import { PAGE, PLACE, RO, RW, fixed, mapsOf } from "../support/process.ts";

const protect = (task: ProgramTask, from: number, to: number, prot: object): void => {
  task.mprotect(PLACE + from * PAGE, (to - from) * PAGE, prot);
};

/** Maps as the lines say, each page written if it may be; then acts; then looks. */
function changes(
  before: readonly string[],
  act: (task: ProgramTask) => void,
  after: readonly string[],
): void {
  for (const kernel of KERNEL_NAMES) {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      for (const line of before) {
        const [from, to] = line.split(/[- ]/).map(Number) as [number, number];
        const write = line.includes("w");
        fixed(task, from, to - from, { write: true });
        // One by one from below, so that neighbours share an anon_vma.
        task.touch(PLACE + from * PAGE, (to - from) * PAGE);
        if (!write) protect(task, from, to, RO);
      }
      const pages = vmasOf(machine.cpu, mmOfTask(machine.cpu, task.address)).flatMap((vma) =>
        Array.from({ length: (vma.end - vma.start) / PAGE }, (_, i) => vma.start / PAGE + i),
      );
      expect(mapsOf(machine, task)).toEqual(before);

      act(task);

      expect(mapsOf(machine, task)).toEqual(after);
      for (const page of pages) expect(task.load32(page * PAGE)).toBe(page);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  }
}

describe("mprotect of", () => {
  const cases: readonly (readonly [string, string[], [number, number, object], string[]])[] = [
    [
      "a whole VMA joins it with both neighbours",
      ["0-2 rw-p", "2-4 r--p", "4-6 rw-p"],
      [2, 4, RW],
      ["0-6 rw-p"],
    ],
    ["a whole VMA joins it with the one below", ["0-2 rw-p", "2-4 r--p"], [2, 4, RW], ["0-4 rw-p"]],
    ["a whole VMA joins it with the one above", ["0-2 r--p", "2-4 rw-p"], [0, 2, RW], ["0-4 rw-p"]],
    [
      "the start of a VMA moves the border up",
      ["0-2 rw-p", "2-6 r--p"],
      [2, 4, RW],
      ["0-4 rw-p", "4-6 r--p"],
    ],
    [
      "the end of a VMA moves the border down",
      ["0-4 r--p", "4-6 rw-p"],
      [2, 4, RW],
      ["0-2 r--p", "2-6 rw-p"],
    ],
    [
      "the middle of a VMA makes three",
      ["0-6 rw-p"],
      [2, 4, RO],
      ["0-2 rw-p", "2-4 r--p", "4-6 rw-p"],
    ],
    [
      "the start of a VMA without neighbours makes two",
      ["0-6 rw-p"],
      [0, 1, RO],
      ["0-1 r--p", "1-6 rw-p"],
    ],
    [
      "the end of a VMA without neighbours makes two",
      ["0-6 rw-p"],
      [5, 6, RO],
      ["0-5 rw-p", "5-6 r--p"],
    ],
    [
      "parts of three VMAs leaves as few as possible",
      ["0-2 rw-p", "2-4 r--p", "4-6 rw-p"],
      [1, 5, RO],
      ["0-1 rw-p", "1-5 r--p", "5-6 rw-p"],
    ],
    [
      "what has that protection already changes nothing",
      ["0-2 rw-p", "2-4 r--p"],
      [0, 2, RW],
      ["0-2 rw-p", "2-4 r--p"],
    ],
    [
      "a VMA behind a gap does not join over it",
      ["0-2 rw-p", "3-5 r--p"],
      [3, 5, RW],
      ["0-2 rw-p", "3-5 rw-p"],
    ],
  ];
  test.each(cases)("%s", (_, before, [from, to, prot], after) => {
    changes(
      before,
      (task) => {
        protect(task, from, to, prot);
      },
      after,
    );
  });
});

describe("mmap", () => {
  const run = (body: (task: ProgramTask, machine: DirectMachine, file: number) => void): void => {
    const machine = new DirectMachine();
    const file = machine.cpu.k.inode_alloc(FILE_ZERO, 0, 100 * PAGE, 1);
    machine.run((task) => {
      body(task, machine, file);
      expect(machine.cpu.k.inode_references(file)).toBe(
        1 +
          vmasOf(machine.cpu, mmOfTask(machine.cpu, task.address)).filter((v) => v.file !== 0)
            .length,
      );
    });
    machine.cpu.k.inode_put(file);
    expect(machine.census()).toEqual(machine.bootCensus);
  };

  test("into a gap of anonymous memory makes one of three", () => {
    run((task, machine) => {
      fixed(task, 0, 2);
      fixed(task, 4, 2);
      fixed(task, 2, 2);
      expect(mapsOf(machine, task)).toEqual(["0-6 rw-p"]);
    });
  });

  test("over the middle of a VMA that it equals leaves one VMA, with new content in the middle", () => {
    run((task, machine) => {
      fixed(task, 0, 6);
      task.touch(PLACE, 6 * PAGE);
      fixed(task, 2, 2);

      expect(task.load32(PLACE + 2 * PAGE)).toBe(0);
      expect(task.load32(PLACE + 5 * PAGE)).toBe(PLACE / PAGE + 5);
      expect(mapsOf(machine, task)).toEqual(["0-6 rw-p"]);
    });
  });

  test("of a file joins where the offsets go on, and not where they do not", () => {
    run((task, machine, file) => {
      fixed(task, 0, 2, { file, offset: 10 * PAGE });
      fixed(task, 2, 2, { file, offset: 12 * PAGE });
      fixed(task, 4, 2, { file, offset: 12 * PAGE });
      fixed(task, 6, 2);
      fixed(task, 8, 2, { file, offset: 16 * PAGE, shared: true });
      expect(mapsOf(machine, task)).toEqual(["0-4 rw-p", "4-6 rw-p", "6-8 rw-p", "8-10 rw-s"]);
    });
  });

  test("of another file does not join, though all else goes on", () => {
    run((task, machine, file) => {
      const other = machine.cpu.k.inode_alloc(FILE_ZERO, 0, 100 * PAGE, 2);
      fixed(task, 0, 2, { file });
      fixed(task, 2, 2, { file: other, offset: 2 * PAGE });
      expect(mapsOf(machine, task)).toEqual(["0-2 rw-p", "2-4 rw-p"]);
      task.munmap(PLACE, 4 * PAGE);
      machine.cpu.k.inode_put(other);
    });
  });

  test("of one file in pieces keeps a reference for each VMA, through splits and merges", () => {
    run((task, machine, file) => {
      fixed(task, 0, 9, { file });
      protect(task, 3, 6, RO);
      task.munmap(PLACE + 7 * PAGE, PAGE);
      expect(mapsOf(machine, task)).toEqual(["0-3 rw-p", "3-6 r--p", "6-7 rw-p", "8-9 rw-p"]);
      expect(machine.cpu.k.inode_references(file)).toBe(5);
      protect(task, 3, 6, RW);
      fixed(task, 7, 1, { file, offset: 7 * PAGE });
      expect(mapsOf(machine, task)).toEqual(["0-9 rw-p"]);
      expect(machine.cpu.k.inode_references(file)).toBe(2);
    });
  });
});
