// mremap and brk: where things go, what moves along, what is refused.

import { describe, expect, test } from "vitest";
import { FILE_ZERO, TASK_SIZE } from "../../src/layout/structs.gen.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import type { MremapOptions } from "../../src/syscall/memory.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { PAGE, PLACE, RW, errnoOf, fixed, mapsOf, signalOf } from "../support/process.ts";

/** Runs a body in a process of each kernel, and sees that it gave everything back. */
function inProcess(body: (task: ProgramTask, machine: DirectMachine) => void): void {
  for (const kernel of KERNEL_NAMES) {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      body(task, machine);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  }
}

/** mremap in pages from PLACE; the new place likewise, or the errno. */
function remap(
  task: ProgramTask,
  from: number,
  pages: number,
  newPages: number,
  options: MremapOptions & { readonly to?: number } = {},
): number | string {
  let result = 0;
  const { to, ...rest } = options;
  const how = to === undefined ? rest : { ...rest, fixedAt: PLACE + to * PAGE };
  const code = errnoOf(() => {
    result = task.mremap(PLACE + from * PAGE, pages * PAGE, newPages * PAGE, how);
  });
  return code === "ok" ? (result - PLACE) / PAGE : code;
}

/** The first word of a page. */
const word = (task: ProgramTask, page: number): number => task.load32(PLACE + page * PAGE);
/** What touch writes there. */
const touched = (page: number): number => PLACE / PAGE + page;

describe("mremap", () => {
  test("grows in place as far as there is room", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 2);
      fixed(task, 8, 1, { write: false });
      task.touch(PLACE, 2 * PAGE);

      expect(remap(task, 0, 2, 8, { mayMove: false })).toBe(0);
      expect(remap(task, 0, 8, 9, { mayMove: false })).toBe("ENOMEM");
      expect(mapsOf(machine, task)).toEqual(["0-8 rw-p", "8-9 r--p"]);
      expect([word(task, 1), word(task, 2)]).toEqual([touched(1), 0]);
    });
  });

  test("moves when there is no room, and takes content and protection along", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 2, { exec: true });
      fixed(task, 2, 1);
      task.touch(PLACE, 3 * PAGE);

      const to = remap(task, 0, 2, 4) as number;

      expect(to).toBeGreaterThan(3);
      expect([word(task, to), word(task, to + 1), word(task, to + 2)]).toEqual([
        touched(0),
        touched(1),
        0,
      ]);
      expect(mapsOf(machine, task)).toEqual(["2-3 rw-p", `${to}-${to + 4} rwxp`]);
      expect(signalOf(() => word(task, 0))).toContain("SIGSEGV");
      expect(word(task, 2)).toBe(touched(2));
    });
  });

  test("shrinks in place, whatever lies behind", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 6);
      task.touch(PLACE, 6 * PAGE);

      expect(remap(task, 0, 4, 1)).toBe(0);
      expect(mapsOf(machine, task)).toEqual(["0-1 rw-p", "4-6 rw-p"]);
      expect([word(task, 0), word(task, 5)]).toEqual([touched(0), touched(5)]);
      expect(remap(task, 0, 1, 1)).toBe(0);
    });
  });

  test("moves to a fixed place, over what is there, growing, shrinking or as it is", () => {
    for (const pages of [1, 3, 5]) {
      inProcess((task, machine) => {
        fixed(task, 0, 3);
        fixed(task, 18, 10, { write: false });
        task.touch(PLACE, 3 * PAGE);

        expect(remap(task, 0, 3, pages, { to: 20 })).toBe(20);
        expect(mapsOf(machine, task)).toEqual([
          "18-20 r--p",
          `20-${20 + pages} rw-p`,
          `${20 + pages}-28 r--p`,
        ]);
        const words = Array.from({ length: pages }, (_, i) => word(task, 20 + i));
        expect(words).toEqual([touched(0), touched(1), touched(2), 0, 0].slice(0, pages));
      });
    }
  });

  test("moves the middle of a mapping and leaves its ends", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 6);
      task.touch(PLACE, 6 * PAGE);

      expect(remap(task, 2, 2, 2, { to: 700 })).toBe(700);
      expect(mapsOf(machine, task)).toEqual(["0-2 rw-p", "4-6 rw-p", "700-702 rw-p"]);
      const pages = [0, 1, 700, 701, 4, 5];
      expect(pages.map((page) => word(task, page))).toEqual([0, 1, 2, 3, 4, 5].map(touched));
    });
  });

  test("brings a part back to where it was, and the mapping is one again", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 6);
      task.touch(PLACE, 6 * PAGE);
      remap(task, 2, 2, 2, { to: 700 });

      expect(remap(task, 700, 2, 2, { to: 2 })).toBe(2);
      expect(mapsOf(machine, task)).toEqual(["0-6 rw-p"]);
      expect([2, 3].map((page) => word(task, page))).toEqual([2, 3].map(touched));
    });
  });

  test("of a length of 0 makes a second mapping of shared memory, and is refused for private", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 4, { shared: true });
      fixed(task, 50, 2);
      task.store32(PLACE + PAGE, 7);

      expect(remap(task, 1, 0, 2, { to: 20 })).toBe(20);
      expect(word(task, 20)).toBe(7);
      task.store32(PLACE + 21 * PAGE, 8);
      expect(word(task, 2)).toBe(8);
      expect(mapsOf(machine, task)).toEqual(["0-4 rw-s", "20-22 rw-s", "50-52 rw-p"]);
      expect(remap(task, 50, 0, 2)).toBe("EINVAL");
    });
  });

  test("is refused for bad arguments, and nothing has changed", () => {
    inProcess((task, machine) => {
      fixed(task, 0, 4);
      fixed(task, 4, 2, { write: false });
      fixed(task, 10, 2, { shared: true });
      const before = mapsOf(machine, task);
      const all = (pages: number): string =>
        errnoOf(() => task.mremap(PLACE, PAGE, pages * PAGE, { fixedAt: TASK_SIZE - PAGE }));

      expect(remap(task, 0.5, 1, 1)).toBe("EINVAL");
      expect(remap(task, 0, 1, 0)).toBe("EINVAL");
      expect(remap(task, 0, -1, 1)).toBe("EINVAL");
      expect(remap(task, 0, 1, 1, { to: 20.5 })).toBe("EINVAL");
      expect(all(2)).toBe("EINVAL");
      for (const to of [0, 1, 3, -1]) expect(remap(task, 0, 4, 2, { to })).toBe("EINVAL");
      expect(remap(task, 10, 0, 2, { to: 10 })).toBe("EINVAL");
      expect(remap(task, 10, 0, 2, { to: 9 })).toBe("EINVAL");
      expect(remap(task, 0, 6, 8)).toBe("EFAULT");
      expect(remap(task, 3, 2, 4)).toBe("EFAULT");
      expect(remap(task, 30, 1, 2)).toBe("EFAULT");
      expect(remap(task, 1, 1, 2, { mayMove: false })).toBe("ENOMEM");
      expect(mapsOf(machine, task)).toEqual(before);
    });
  });

  test("takes pages of a file along, and keeps their place in it", () => {
    inProcess((task, machine) => {
      const file = machine.cpu.k.inode_alloc(FILE_ZERO, 0, 8 * PAGE, 1);
      fixed(task, 0, 4, { file, offset: 2 * PAGE });
      task.touch(PLACE, 2 * PAGE);
      fixed(task, 4, 1, { write: false });
      expect(remap(task, 0, 4, 6, { to: 40 })).toBe(40);
      fixed(task, 60, 8, { file, shared: true });
      task.store32(PLACE + 65 * PAGE, 55);

      expect([word(task, 40), word(task, 41)]).toEqual([touched(0), touched(1)]);
      expect(word(task, 43)).toBe(55);
      expect(signalOf(() => word(task, 46))).toContain("SIGSEGV");
      machine.cpu.k.inode_put(file);
    });
  });

  test("moves between tables of every level", () => {
    for (const distance of [2 ** 21, 2 ** 30, 2 ** 39, 2 ** 46]) {
      inProcess((task) => {
        const start = PLACE - 2 * PAGE;
        task.mmap({ length: 5 * PAGE, ...RW, hint: start, fixed: true });
        task.touch(start, 5 * PAGE);

        const to = task.mremap(start, 5 * PAGE, 5 * PAGE, { fixedAt: start + distance });

        for (let page = 0; page < 5; page++) {
          expect(task.load32(to + page * PAGE)).toBe(start / PAGE + page);
        }
      });
    }
  });
});

describe("brk", () => {
  test("asks, grows and shrinks by bytes, and pages follow", () => {
    inProcess((task, machine) => {
      const start = task.brk(0);
      const first = (start - PLACE) / PAGE;
      expect(task.brk(start + 1)).toBe(start + 1);
      expect(mapsOf(machine, task)).toEqual([`${first}-${first + 1} rw-p`]);
      task.store32(start, 5);

      expect(task.brk(start + 3 * PAGE)).toBe(start + 3 * PAGE);
      expect(mapsOf(machine, task)).toEqual([`${first}-${first + 3} rw-p`]);
      task.store32(start + 2 * PAGE, 6);
      expect(task.brk(start + 2 * PAGE)).toBe(start + 2 * PAGE);
      expect(signalOf(() => task.load8(start + 2 * PAGE))).toContain("SIGSEGV");
      expect(task.brk(start + 3 * PAGE)).toBe(start + 3 * PAGE);
      expect([task.load32(start), task.load32(start + 2 * PAGE)]).toEqual([5, 0]);
      expect(task.brk(start)).toBe(start);
      expect(mapsOf(machine, task)).toEqual([]);
    });
  });

  test("stays where it is when the heap cannot go there", () => {
    inProcess((task) => {
      const start = task.brk(0);
      const end = task.brk(start + 2 * PAGE);
      task.mmap({ length: PAGE, ...RW, hint: start + 5 * PAGE, fixed: true });

      for (const place of [0, start - 1, -1, NaN, start + 6 * PAGE, start + 5 * PAGE, TASK_SIZE]) {
        expect(task.brk(place)).toBe(end);
      }
      expect(task.brk(start + 4 * PAGE)).toBe(start + 4 * PAGE);
    });
  });

  test("is a process' own, and fork copies it", () => {
    inProcess((task, machine) => {
      const start = task.brk(0);
      task.brk(start + PAGE);
      task.store32(start, 1);
      machine.program("child", (child) => {
        expect(child.brk(0)).toBe(start + PAGE);
        child.brk(start + 4 * PAGE);
        child.store32(start + 3 * PAGE, 2);
      });
      task.fork("child");
      task.wait();

      expect(task.brk(0)).toBe(start + PAGE);
      expect(task.load32(start)).toBe(1);
    });
  });
});
