// Files as programs make them, and handles that are none.

import { describe, expect, test } from "vitest";
import type { ProgramTask } from "../../src/machine/task.ts";
import type { FileContent } from "../../src/syscall/file.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { leaveFrames } from "../support/hoard.ts";
import { PAGE, RW, errnoOf, inChild, signalOf } from "../support/process.ts";

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) % 251);

describe.each(KERNEL_NAMES)("%s: a file", (kernel) => {
  const run = (body: (task: ProgramTask, machine: DirectMachine) => void): void => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      body(task, machine);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  };

  test("holds the bytes it was made of, and zeros up to the end of its last page", () => {
    run((task) => {
      const content = bytes(2 * PAGE + 100);
      const file = task.createFile({ content });
      const start = task.mmap({ length: 3 * PAGE, read: true, file });
      const mapped = content.map((_, i) => task.load8(start + i));

      expect(Buffer.from(mapped).equals(content)).toBe(true);
      expect([100, 101, 4095].map((at) => task.load8(start + 2 * PAGE + at))).toEqual([0, 0, 0]);
      expect(Buffer.from(task.fileBytes(file, 0, 10 * PAGE)).equals(content)).toBe(true);
      expect([...task.fileBytes(file, PAGE - 2, 4)]).toEqual([
        ...content.slice(PAGE - 2, PAGE + 2),
      ]);
      expect(task.fileBytes(file, 3 * PAGE, 5)).toHaveLength(0);
      task.closeFile(file);
    });
  });

  test("of no bytes can be mapped, and not be touched", () => {
    run((task) => {
      for (const content of [{ content: new Uint8Array() }, { sizeBytes: 0 }] as FileContent[]) {
        const file = task.createFile(content);
        const start = task.mmap({ length: PAGE, read: true, file });
        expect(signalOf(() => task.load8(start))).toContain("SIGBUS");
        task.closeFile(file);
      }
    });
  });

  test("shows its handle what a shared mapping writes", () => {
    run((task, machine) => {
      const file = task.createFile({ content: bytes(PAGE) });
      const start = task.mmap({ length: PAGE, ...RW, shared: true, file });
      inChild(machine, task, (child) => {
        child.store8(start + 5, 99);
      });
      expect(task.fileBytes(file, 5, 1)[0]).toBe(99);
      task.closeFile(file);
    });
  });

  test("lives without its handle as long as a process maps it", () => {
    run((task, machine) => {
      const file = task.createFile({ content: bytes(PAGE) });
      const start = task.mmap({ length: PAGE, read: true, file });
      task.closeFile(file);

      inChild(machine, task, (child) => {
        expect(child.load8(start + 10)).toBe(70);
      });
      expect(task.load8(start + 11)).toBe(77);
    });
  });

  test("that is closed, or never was, is refused with EBADF and harms nobody", () => {
    run((task) => {
      const file = task.createFile({ sizeBytes: PAGE, seed: 1 });
      const start = task.mmap({ length: PAGE, read: true, file });
      const gone = task.createFile({ sizeBytes: PAGE });
      const live = task.createFile({ sizeBytes: PAGE });
      task.closeFile(file);
      task.closeFile(gone);

      const near = [live + 16, live + 1, live + 0.5, live + 2 ** 32];
      for (const handle of [file, gone, ...near, 1, -1, NaN, 2 ** 31, 2 ** 40]) {
        const refusals = [
          errnoOf(() => task.mmap({ length: PAGE, read: true, file: handle })),
          errnoOf(() => task.fileBytes(handle, 0, 1)),
          errnoOf(() => {
            task.closeFile(handle);
          }),
        ];
        expect([handle, ...refusals]).toEqual([handle, "EBADF", "EBADF", "EBADF"]);
      }
      task.closeFile(live);
      expect(task.load32(start)).toBe(task.cpu.k.seed_word(1, 0, 0) >>> 0);
    });
  });

  test("of an impossible size is refused", () => {
    run((task) => {
      for (const sizeBytes of [-1, 1.5, NaN, Infinity, 2 ** 48]) {
        expect(errnoOf(() => task.createFile({ sizeBytes }))).toBe("EINVAL");
      }
      const file = task.createFile({ sizeBytes: PAGE });
      for (const [offset, length] of [
        [-1, 1],
        [0, -1],
        [0.5, 1],
        [0, NaN],
      ] as const) {
        expect(errnoOf(() => task.fileBytes(file, offset, length))).toBe("EINVAL");
      }
      task.closeFile(file);
    });
  });

  test("that does not fit is refused with ENOMEM at every size, and nothing stays", () => {
    const machine = new DirectMachine({ kernel, memory: "8M" });
    const outcomes: string[] = [];
    for (let frames = 0; frames < 9; frames++) {
      machine.run((task) => {
        const giveBack = leaveFrames(machine.cpu, frames);
        const code = errnoOf(() => {
          task.closeFile(task.createFile({ content: bytes(5 * PAGE) }));
        });
        giveBack();
        outcomes.push(code);
      });
      expect(machine.census()).toEqual(machine.bootCensus);
    }
    expect(outcomes.slice(0, 5)).toEqual(Array(5).fill("ENOMEM"));
    expect(outcomes.at(-1)).toBe("ok");
  });
});

describe.each(KERNEL_NAMES)("%s: ftruncate", (kernel) => {
  const run = (body: (task: ProgramTask, machine: DirectMachine) => void): void => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      body(task, machine);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  };

  test("takes what is cut off from all who map it, copies of their own too", () => {
    run((task, machine) => {
      const file = task.createFile({ content: bytes(4 * PAGE) });
      const shared = task.mmap({ length: 4 * PAGE, ...RW, shared: true, file });
      const own = task.mmap({ length: 2 * PAGE, ...RW, file, offset: PAGE });
      task.touch(shared, 4 * PAGE, "read");
      task.store8(own, 1);
      task.store8(own + PAGE, 2);
      inChild(machine, task, (child) => {
        child.load8(own);
        child.ftruncate(file, 2 * PAGE);
        expect(signalOf(() => child.load8(own + PAGE))).toContain("SIGBUS");
      });

      expect(task.load8(own)).toBe(1);
      expect(signalOf(() => task.load8(own + PAGE))).toContain("SIGBUS");
      expect(task.load8(shared + PAGE)).toBe(bytes(4 * PAGE)[PAGE]);
      expect(signalOf(() => task.load8(shared + 2 * PAGE))).toContain("SIGBUS");
      expect(
        signalOf(() => {
          task.store8(shared + 3 * PAGE, 1);
        }),
      ).toContain("SIGBUS");
      task.closeFile(file);
    });
  });

  test("leaves zeros behind the new end, which are there when the file grows again", () => {
    run((task) => {
      const content = bytes(3 * PAGE).fill(7);
      const file = task.createFile({ content });
      const start = task.mmap({ length: 3 * PAGE, ...RW, shared: true, file });
      task.ftruncate(file, PAGE + 10);

      expect([9, 10, 4095].map((at) => task.load8(start + PAGE + at))).toEqual([7, 0, 0]);
      expect(task.fileBytes(file, 0, 3 * PAGE)).toHaveLength(PAGE + 10);
      task.ftruncate(file, 3 * PAGE);
      expect([0, 9, 10].map((at) => task.load8(start + PAGE + at))).toEqual([7, 7, 0]);
      expect(task.load8(start + 2 * PAGE)).toBe(0);
      task.closeFile(file);
    });
  });

  test("gives the frames back, while somebody has a reference to one", () => {
    run((task) => {
      const { k } = task.cpu;
      const file = task.createFile({ content: bytes(2 * PAGE) });
      const start = task.mmap({ length: 2 * PAGE, read: true, file });
      const first = bytes(1)[0];
      task.load8(start);
      const page = k.follow_page(start);
      task.ftruncate(file, 0);

      expect(k.page_referenced(page, 0)).toBeLessThan(2);
      expect(k.page_mapcount(page)).toBe(0);
      k.put_page(page);
      task.ftruncate(file, PAGE);
      expect(task.load8(start)).toBe(0);
      expect(first).toBe(0);
      task.closeFile(file);
    });
  });

  test("to its own length, and of nothing, changes nothing", () => {
    run((task) => {
      const file = task.createFile({ content: bytes(PAGE) });
      const start = task.mmap({ length: PAGE, read: true, file });
      const faults = (): number => task.usage().minorFaults;
      task.load8(start);
      const before = faults();
      task.ftruncate(file, PAGE);
      expect(task.load8(start + 3)).toBe(21);
      expect(faults()).toBe(before);
      task.closeFile(file);
    });
  });

  test("refuses what is no file and what is no length", () => {
    run((task) => {
      const file = task.createFile({ content: bytes(PAGE) });
      for (const size of [-1, 0.5, NaN, 2 ** 48]) {
        expect(
          errnoOf(() => {
            task.ftruncate(file, size);
          }),
        ).toBe("EINVAL");
      }
      task.closeFile(file);
      expect(
        errnoOf(() => {
          task.ftruncate(file, 0);
        }),
      ).toBe("EBADF");
    });
  });
});
