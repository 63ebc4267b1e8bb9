// One syscall, again and again, with one free frame more each time: it is refused as a whole or done as a whole.

import { describe, expect, test } from "vitest";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { leaveFrames, useUpVmas } from "../support/hoard.ts";
import { PAGE, PLACE, RO, errnoOf, fixed, mapsOf } from "../support/process.ts";

interface Case {
  readonly name: string;
  /** VMAs and content before. */
  readonly setUp: (task: ProgramTask) => void;
  /** The syscall. */
  readonly act: (task: ProgramTask) => unknown;
  /** What must hold if it was refused with ENOMEM, besides that the content is as before. */
  readonly refused: readonly string[];
  /** VMAs if it was done. */
  readonly done: readonly string[];
  /** Where the words of the first four pages are then; -1: nowhere. */
  readonly moved: readonly number[];
}

const words = (task: ProgramTask): void => {
  fixed(task, 0, 4);
  task.touch(PLACE, 4 * PAGE);
};
/** A place with no table near it. */
const FAR = 2 ** 33;

const CASES: readonly Case[] = [
  {
    name: "mremap to a place that needs tables of every level",
    setUp: words,
    act: (task) => task.mremap(PLACE, 4 * PAGE, 4 * PAGE, { fixedAt: PLACE + FAR * PAGE }),
    refused: ["0-4 rw-p"],
    done: [`${FAR}-${FAR + 4} rw-p`],
    moved: [FAR, FAR + 1, FAR + 2, FAR + 3],
  },
  {
    name: "mremap of the middle, over two tables",
    setUp: words,
    act: (task) => task.mremap(PLACE + PAGE, 2 * PAGE, 2 * PAGE, { fixedAt: PLACE + 1023 * PAGE }),
    refused: ["0-4 rw-p"],
    done: ["0-1 rw-p", "3-4 rw-p", "1023-1025 rw-p"],
    moved: [0, 1023, 1024, 3],
  },
  {
    name: "mremap of pages that have tables at one place only, there or here",
    setUp: (task) => {
      fixed(task, -2, 6);
      task.touch(PLACE, 4 * PAGE);
      fixed(task, 1010, 1);
      task.touch(PLACE + 1010 * PAGE, PAGE);
    },
    // To the last four pages of a table that is there, and to the first two of one that is not.
    act: (task) =>
      task.mremap(PLACE - 2 * PAGE, 6 * PAGE, 6 * PAGE, { fixedAt: PLACE + 1020 * PAGE }),
    refused: ["-2-4 rw-p", "1010-1011 rw-p"],
    done: ["1010-1011 rw-p", "1020-1026 rw-p"],
    moved: [1022, 1023, 1024, 1025],
  },
  {
    name: "munmap of the middle",
    setUp: words,
    act: (task) => {
      task.munmap(PLACE + PAGE, 2 * PAGE);
    },
    refused: ["0-4 rw-p"],
    done: ["0-1 rw-p", "3-4 rw-p"],
    moved: [0, -1, -1, 3],
  },
  {
    name: "mmap elsewhere",
    setUp: words,
    act: (task) => fixed(task, 50, 2, { write: false }),
    refused: ["0-4 rw-p"],
    done: ["0-4 rw-p", "50-52 r--p"],
    moved: [0, 1, 2, 3],
  },
  {
    name: "mmap of shared memory",
    setUp: words,
    act: (task) => fixed(task, 50, 2, { shared: true }),
    refused: ["0-4 rw-p"],
    done: ["0-4 rw-p", "50-52 rw-s"],
    moved: [0, 1, 2, 3],
  },
];

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test.each(CASES)("$name is refused as a whole or done as a whole", (one) => {
    const outcomes = new Set<string>();
    const machine = new DirectMachine({ kernel, memory: "8M" });
    for (let frames = 0; frames < 12; frames++) {
      machine.run((task) => {
        one.setUp(task);
        const giveBackAll = leaveFrames(machine.cpu, 0);
        const freeVmas = useUpVmas(machine.cpu);
        giveBackAll();
        const giveBack = leaveFrames(machine.cpu, frames);
        const code = errnoOf(() => one.act(task));
        giveBack();
        freeVmas();

        outcomes.add(code);
        expect(mapsOf(machine, task)).toEqual(code === "ok" ? one.done : one.refused);
        const places = code === "ok" ? one.moved : [0, 1, 2, 3];
        places.forEach((place, page) => {
          if (place >= 0) expect(task.load32(PLACE + place * PAGE)).toBe(PLACE / PAGE + page);
        });
      });
      expect(machine.census()).toEqual(machine.bootCensus);
    }
    expect([...outcomes].sort()).toEqual(["ENOMEM", "ok"]);
  });

  test("mprotect that can split but once changes nothing that it does not finish", () => {
    const machine = new DirectMachine({ kernel, memory: "8M" });
    for (let vmas = 0; vmas < 3; vmas++) {
      machine.run((task) => {
        words(task);
        const giveBack = leaveFrames(machine.cpu, 0);
        const freeVmas = useUpVmas(machine.cpu, vmas);
        const code = errnoOf(() => {
          task.mprotect(PLACE + PAGE, 2 * PAGE, RO);
        });
        freeVmas();
        giveBack();

        expect(code).toBe(vmas === 2 ? "ok" : "ENOMEM");
        const writable = [0, 1, 2, 3].map((page) =>
          mapsOf(machine, task).some((line) => holds(line, page, "rw-p")),
        );
        expect(writable).toEqual(vmas === 2 ? [true, false, false, true] : Array(4).fill(true));
        expect(task.load32(PLACE + 2 * PAGE)).toBe(PLACE / PAGE + 2);
      });
      expect(machine.census()).toEqual(machine.bootCensus);
    }
  });
});

/** True if a line of maps holds the page with these permissions. */
function holds(line: string, page: number, permissions: string): boolean {
  const [, start, end, letters] = /^(\d+)-(\d+) (\S+)$/.exec(line) ?? [];
  return Number(start) <= page && page < Number(end) && letters === permissions;
}
