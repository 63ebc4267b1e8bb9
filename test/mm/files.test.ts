// File mappings as programs see them: what is read, who sees what is written, where the file ends.

import { describe, expect, test } from "vitest";
import { FILE_SEED, FILE_ZERO } from "../../src/layout/structs.gen.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { PAGE, anonymous, frameOf, inChild, mapsOf, signalOf } from "../support/process.ts";

describe.each(KERNEL_NAMES)("%s: a file mapping", (kernel) => {
  /** A machine with a file of five pages. */
  function withFile(
    kind: number,
    body: (m: DirectMachine, t: ProgramTask, file: number) => void,
  ): void {
    const machine = new DirectMachine({ kernel });
    const file = machine.cpu.k.inode_alloc(kind, 7, 5 * PAGE - 100, 1);
    machine.run((task) => {
      body(machine, task, file);
    });
    machine.cpu.k.inode_put(file);
    expect(machine.census()).toEqual(machine.bootCensus);
  }
  const word = (machine: DirectMachine, page: number, at: number): number =>
    machine.cpu.k.seed_word(7, page, at) >>> 0;

  test("reads what the file holds, from the page asked for, and zeros behind its end", () => {
    withFile(FILE_SEED, (machine, task, file) => {
      const start = task.mmap({ length: 2 * PAGE, read: true, file, offset: 3 * PAGE });

      expect(task.load32(start)).toBe(word(machine, 3, 0));
      expect(task.load32(start + PAGE + 3992)).toBe(word(machine, 4, 998));
      expect(word(machine, 3, 0)).not.toBe(word(machine, 4, 0));
      expect(task.load32(start + PAGE + 3996)).toBe(0);
    });
  });

  test("raises SIGBUS behind the end of the file, for reads and private writes alike", () => {
    withFile(FILE_SEED, (machine, task, file) => {
      const shared = task.mmap({ length: 7 * PAGE, read: true, write: true, shared: true, file });
      const own = task.mmap({ length: 7 * PAGE, read: true, write: true, file });

      for (const start of [shared, own]) {
        const behind = `0x${(start + 5 * PAGE).toString(16)}`;
        expect(signalOf(() => task.load32(start + 5 * PAGE - 4))).toBe("ok");
        expect(signalOf(() => task.load32(start + 5 * PAGE))).toBe(`SIGBUS read ${behind}`);
        const store = (): void => {
          task.store32(start + 5 * PAGE, 1);
        };
        expect(signalOf(store)).toBe(`SIGBUS write ${behind}`);
      }
      expect(mapsOf(machine, task)).toHaveLength(2);
    });
  });

  test("that is private copies on the first write, and the file never changes", () => {
    withFile(FILE_SEED, (machine, task, file) => {
      const options = { length: PAGE, read: true, write: true, file } as const;
      const [first, second] = [task.mmap(options), task.mmap(options)];
      task.load32(first);
      task.load32(second);
      const cache = frameOf(machine, task, first);
      expect(frameOf(machine, task, second)).toBe(cache);

      task.store32(first, 1);
      const third = task.mmap(options);
      task.store32(third, 2);

      expect(new Set([first, second, third].map((at) => frameOf(machine, task, at))).size).toBe(3);
      expect(frameOf(machine, task, second)).toBe(cache);
      expect(task.load32(second)).toBe(word(machine, 0, 0));
      expect([task.load32(first + 4), task.load32(third + 4)]).toEqual(
        Array(2).fill(word(machine, 0, 1)),
      );
    });
  });

  test("that is shared shows writes to everybody, before and after, also to private mappings not yet copied", () => {
    withFile(FILE_ZERO, (machine, task, file) => {
      const options = { length: PAGE, read: true, write: true, file } as const;
      const mine = task.mmap({ ...options, shared: true });
      const reader = task.mmap(options);
      const copied = task.mmap(options);
      task.store32(copied, 50);
      expect(task.load32(reader)).toBe(0);

      task.store32(mine, 60);
      inChild(machine, task, (child) => {
        child.store32(mine + 4, 61);
      });
      task.munmap(mine, PAGE);
      const later = task.mmap({ ...options, shared: true });

      expect([task.load32(later), task.load32(later + 4)]).toEqual([60, 61]);
      expect(task.load32(reader)).toBe(60);
      expect([task.load32(copied), task.load32(copied + 4)]).toEqual([50, 0]);
    });
  });

  test("without a file of its own, shared, is memory that parent and child have in common", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 3, { shared: true });
      task.store32(start, 1);
      task.load32(start + PAGE);
      inChild(machine, task, (child) => {
        for (const page of [0, 1, 2]) child.store32(start + page * PAGE, 10 + page);
      });

      expect([0, 1, 2].map((page) => task.load32(start + page * PAGE))).toEqual([10, 11, 12]);
      const other = anonymous(task, 3, { shared: true });
      expect(task.load32(other)).toBe(0);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});
