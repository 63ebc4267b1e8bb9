// Refusals of the memory syscalls: each bad argument has its errno, and nothing has changed then.

import { describe, expect, test } from "vitest";
import { FILE_ZERO, TASK_SIZE } from "../../src/layout/structs.gen.ts";
import { SyscallError } from "../../src/kernel/error.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import type { MmapOptions } from "../../src/syscall/memory.ts";
import { DirectMachine } from "../support/direct.ts";
import { PAGE, PLACE, RO, RW, anonymous, errnoOf, fixed, mapsOf } from "../support/process.ts";

const LAST = TASK_SIZE - PAGE;

/** Runs a body in a process, and sees that it gave everything back. */
function inProcess(body: (task: ProgramTask, machine: DirectMachine) => void): void {
  const machine = new DirectMachine();
  machine.run((task) => {
    body(task, machine);
  });
  expect(machine.census()).toEqual(machine.bootCensus);
}

describe("mmap", () => {
  const cases: readonly (readonly [string, MmapOptions, string])[] = [
    ["of no length", { length: 0 }, "EINVAL"],
    ["of a negative length", { length: -PAGE }, "EINVAL"],
    ["of a length that is no number", { length: NaN }, "EINVAL"],
    ["of an endless length", { length: Infinity }, "EINVAL"],
    ["of more than there are addresses", { length: TASK_SIZE + PAGE }, "EINVAL"],
    ["of all addresses", { length: TASK_SIZE }, "ENOMEM"],
    ["at a fixed place that is not aligned", { length: PAGE, hint: 4097, fixed: true }, "EINVAL"],
    ["at a fixed place beyond the end", { length: PAGE, hint: TASK_SIZE, fixed: true }, "ENOMEM"],
    ["over the end", { length: 2 * PAGE, hint: LAST, fixed: true }, "ENOMEM"],
    ["at a negative fixed place", { length: PAGE, hint: -PAGE, fixed: true }, "ENOMEM"],
    ["of an offset that is not aligned", { length: PAGE, offset: 100 }, "EINVAL"],
    ["of a negative offset", { length: PAGE, offset: -PAGE }, "EINVAL"],
    ["of a shared stack", { length: PAGE, shared: true, growsDown: true }, "EINVAL"],
  ];
  test.each(cases)("%s is refused", (_, options, code) => {
    inProcess((task, machine) => {
      fixed(task, 0, 2);

      expect(errnoOf(() => task.mmap({ ...RW, ...options }))).toBe(code);
      expect(mapsOf(machine, task)).toEqual(["0-2 rw-p"]);
    });
  });

  test("of a file as a stack is refused", () => {
    inProcess((task, machine) => {
      const file = machine.cpu.k.inode_alloc(FILE_ZERO, 0, PAGE, 1);
      expect(errnoOf(() => anonymous(task, 1, { file, growsDown: true }))).toBe("EINVAL");
      machine.cpu.k.inode_put(file);
    });
  });

  test("tells the syscall, the errno and what was wrong", () => {
    inProcess((task) => {
      const refuse = (): void => {
        task.mmap({ length: PAGE, offset: 100 });
      };
      expect(refuse).toThrow(SyscallError);
      expect(refuse).toThrow("mmap: EINVAL: offset 100");
    });
  });

  test("rounds a hint up and takes it when it is free, else goes elsewhere", () => {
    inProcess((task) => {
      expect(anonymous(task, 2, { hint: PLACE - 1 })).toBe(PLACE);
      expect(anonymous(task, 2, { hint: PLACE + PAGE })).toBeGreaterThan(PLACE + PAGE);
      for (const hint of [NaN, -5, TASK_SIZE, LAST, 2 ** 60, Infinity]) {
        const start = anonymous(task, 2, { hint });
        expect(start % PAGE).toBe(0);
        expect(start).toBeGreaterThan(0);
        expect(start + 2 * PAGE).toBeLessThanOrEqual(TASK_SIZE);
      }
    });
  });

  test("rounds a length up to pages", () => {
    inProcess((task, machine) => {
      task.mmap({ length: 1, ...RW, hint: PLACE, fixed: true });
      task.mmap({ length: PAGE + 1, ...RO, hint: PLACE + PAGE, fixed: true });
      expect(mapsOf(machine, task)).toEqual(["0-1 rw-p", "1-3 r--p"]);
    });
  });

  test("reaches the first and the last page of all addresses", () => {
    inProcess((task) => {
      for (const hint of [0, LAST]) {
        expect(anonymous(task, 1, { hint, fixed: true })).toBe(hint);
        task.store32(hint, 5);
        expect(task.load32(hint)).toBe(5);
      }
    });
  });

  test("at a fixed place replaces what is there, in the middle of a mapping too", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 6);
      task.touch(PLACE, 6 * PAGE);
      fixed(task, 2, 2, { write: false });

      expect(mapsOf(machine, task)).toEqual(["0-2 rw-p", "2-4 r--p", "4-6 rw-p"]);
      expect(task.load32(PLACE + 2 * PAGE)).toBe(0);
      expect(task.load32(PLACE + 4 * PAGE)).toBe(PLACE / PAGE + 4);
    });
  });
});

describe("munmap", () => {
  test.each([
    ["of no length", PLACE, 0],
    ["of a negative length", PLACE, -PAGE],
    ["at a place that is not aligned", PLACE + 1, PAGE],
    ["beyond the end", TASK_SIZE, PAGE],
    ["over the end", LAST, 2 * PAGE],
    ["at a negative place", -PAGE, PAGE],
    ["of what is no number", NaN, PAGE],
  ])("%s is refused", (_, start, length) => {
    inProcess((task, machine) => {
      fixed(task, 0, 2);

      expect(
        errnoOf(() => {
          task.munmap(start, length);
        }),
      ).toBe("EINVAL");
      expect(mapsOf(machine, task)).toEqual(["0-2 rw-p"]);
    });
  });

  test("of nothing is well, and of several mappings with holes takes them all", () => {
    inProcess((task, machine) => {
      task.munmap(PLACE, 100 * PAGE);
      fixed(task, 0, 2);
      fixed(task, 4, 2, { write: false });
      fixed(task, 8, 4);

      task.munmap(PLACE + PAGE, 8 * PAGE);

      expect(mapsOf(machine, task)).toEqual(["0-1 rw-p", "9-12 rw-p"]);
    });
  });

  test("makes two of one when it takes the middle", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 5);
      task.touch(PLACE, 5 * PAGE);
      task.munmap(PLACE + PAGE, 3 * PAGE - 1);

      expect(mapsOf(machine, task)).toEqual(["0-1 rw-p", "4-5 rw-p"]);
      expect(task.load32(PLACE + 4 * PAGE)).toBe(PLACE / PAGE + 4);
    });
  });

  test("makes room that the next mmap fills again", () => {
    inProcess((task) => {
      const first = anonymous(task, 4);
      anonymous(task, 1);
      task.munmap(first, 4 * PAGE);
      expect(anonymous(task, 3)).toBe(first);
    });
  });
});

describe("mprotect", () => {
  test("of a place that is not aligned, or beyond the end, is refused", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 2);
      const refuse = (start: number, length: number): string =>
        errnoOf(() => {
          task.mprotect(start, length, RO);
        });

      expect(refuse(PLACE + 1, PAGE)).toBe("EINVAL");
      expect(refuse(LAST, 2 * PAGE)).toBe("EINVAL");
      expect(refuse(PLACE, -PAGE)).toBe("EINVAL");
      expect(refuse(PLACE, NaN)).toBe("EINVAL");
      expect(refuse(PLACE, 0)).toBe("ok");
      expect(mapsOf(machine, task)).toEqual(["0-2 rw-p"]);
    });
  });

  test("stops at a hole, and what came before it has changed", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 2);
      fixed(task, 3, 2);
      const refuse = (page: number, pages: number): string =>
        errnoOf(() => {
          task.mprotect(PLACE + page * PAGE, pages * PAGE, RO);
        });

      expect(refuse(1, 3)).toBe("ENOMEM");
      expect(mapsOf(machine, task)).toEqual(["0-1 rw-p", "1-2 r--p", "3-5 rw-p"]);
      expect(refuse(2, 2)).toBe("ENOMEM");
      expect(refuse(4, 2)).toBe("ENOMEM");
      expect(mapsOf(machine, task)).toEqual(["0-1 rw-p", "1-2 r--p", "3-4 rw-p", "4-5 r--p"]);
    });
  });
});

describe("madvise", () => {
  const drop = (task: ProgramTask, page: number, pages: number): string =>
    errnoOf(() => {
      task.madviseDontneed(PLACE + page * PAGE, pages * PAGE);
    });

  test("refuses places that are not aligned or beyond the end", () => {
    inProcess((task) => {
      fixed(task, 0, 1);
      expect(drop(task, 0.5, 1)).toBe("EINVAL");
      expect(
        errnoOf(() => {
          task.madviseDontneed(LAST, 2 * PAGE);
        }),
      ).toBe("EINVAL");
      expect(drop(task, 0, 0)).toBe("ok");
    });
  });

  test("drops what is mapped on both sides of a hole, and says that there was one", () => {
    inProcess((task) => {
      fixed(task, 0, 2);
      fixed(task, 4, 2);
      task.touch(PLACE, 2 * PAGE);
      task.touch(PLACE + 4 * PAGE, 2 * PAGE);

      expect(drop(task, 1, 4)).toBe("ENOMEM");
      const words = [0, 1, 4, 5].map((page) => task.load32(PLACE + page * PAGE));
      const first = PLACE / PAGE;
      expect(words).toEqual([first, 0, 0, first + 5]);
      expect(drop(task, 2, 2)).toBe("ENOMEM");
      expect(drop(task, 5, 3)).toBe("ENOMEM");
    });
  });

  test("of a file mapping shows the file again, shared writes included", () => {
    inProcess((task, machine) => {
      const file = machine.cpu.k.inode_alloc(FILE_ZERO, 0, 2 * PAGE, 1);
      fixed(task, 0, 1, { file });
      fixed(task, 1, 1, { file, shared: true });
      task.store32(PLACE, 1);
      task.store32(PLACE + PAGE, 2);

      expect(task.load32(PLACE)).toBe(1);
      expect(drop(task, 0, 2)).toBe("ok");
      expect([task.load32(PLACE), task.load32(PLACE + PAGE)]).toEqual([2, 2]);
      machine.cpu.k.inode_put(file);
    });
  });
});
