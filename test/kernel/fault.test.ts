// Page faults as a program can see them: which frame it gets, who else has it, which signal.

import { describe, expect, test } from "vitest";
import {
  BOOT_PARAMS,
  BootParams,
  FILE_SEED,
  FILE_ZERO,
  MmStruct,
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_RW,
} from "../../src/layout/structs.gen.ts";
import { getI32, getU32 } from "../../src/layout/view.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { leaveFrames } from "../support/hoard.ts";
import { mmOfTask, readPte } from "../support/inspect.ts";
import {
  PAGE,
  PLACE,
  RO,
  anonymous,
  fixed,
  frameOf,
  inChild,
  mapsOf,
  signalOf,
  stateOf,
} from "../support/process.ts";

const rss = (machine: DirectMachine, task: ProgramTask): number =>
  getI32(machine.cpu, mmOfTask(machine.cpu, task.address) + MmStruct.rss);
const bits = (machine: DirectMachine, task: ProgramTask, address: number): number =>
  readPte(machine.cpu, mmOfTask(machine.cpu, task.address), address)?.bits ?? 0;
const zeroFrame = (machine: DirectMachine): number =>
  getU32(machine.cpu, BOOT_PARAMS + BootParams.zero_pfn);

describe.each(KERNEL_NAMES)("%s: anonymous memory", (kernel) => {
  test("is the zero page when it is read first, and a frame of its own when it is written", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 3);

      expect(task.load32(start)).toBe(0);
      expect(task.load32(start + PAGE)).toBe(0);
      expect(frameOf(machine, task, start)).toBe(zeroFrame(machine));
      expect(frameOf(machine, task, start + PAGE)).toBe(zeroFrame(machine));
      expect(rss(machine, task)).toBe(0);

      task.store32(start, 5);
      expect(frameOf(machine, task, start)).not.toBe(zeroFrame(machine));
      expect(task.load32(start + 4)).toBe(0);
      expect(task.load32(start + PAGE)).toBe(0);
      expect(rss(machine, task)).toBe(1);
    });
    const zero = zeroFrame(machine) * 1024;
    expect(machine.cpu.i32.subarray(zero, zero + 1024).every((word) => word === 0)).toBe(true);
  });

  test("that is written first is writable, dirty and young at once", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);

      const all = _PAGE_RW | _PAGE_DIRTY | _PAGE_ACCESSED;
      expect(bits(machine, task, start) & all).toBe(all);
      expect(task.usage().minorFaults).toBe(1);
    });
  });

  test("raises SIGKILL when there is no frame, and works when there is one again", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 2);
      task.store32(start, 1);
      const giveBack = leaveFrames(machine.cpu, 0);
      const got = signalOf(() => {
        task.store32(start + PAGE, 2);
      });
      giveBack();

      expect(got).toBe(`SIGKILL write 0x${(start + PAGE).toString(16)}`);
      task.store32(start + PAGE, 2);
      expect([task.load32(start), task.load32(start + PAGE)]).toEqual([1, 2]);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("that the VMA does not allow raises SIGSEGV and gives no frame", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const none = anonymous(task, 1, { read: false, write: false });
      const readOnly = anonymous(task, 1, { write: false });
      const writeOnly = anonymous(task, 1, { read: false });
      const execOnly = anonymous(task, 1, { read: false, write: false, exec: true });
      const store = (at: number): string =>
        signalOf(() => {
          task.store8(at, 1);
        });
      const load = (at: number): string => signalOf(() => task.load8(at));
      const hex = (at: number): string => `0x${at.toString(16)}`;

      expect(load(none)).toBe(`SIGSEGV read ${hex(none)}`);
      expect(store(none + 7)).toBe(`SIGSEGV write ${hex(none + 7)}`);
      expect(load(readOnly)).toBe("ok");
      expect(store(readOnly)).toBe(`SIGSEGV write ${hex(readOnly)}`);
      expect([load(writeOnly), store(writeOnly)]).toEqual(["ok", "ok"]);
      expect([load(execOnly), store(execOnly)]).toEqual(["ok", `SIGSEGV write ${hex(execOnly)}`]);
      expect(load(0)).toBe("SIGSEGV read 0x0");
      expect(frameOf(machine, task, none)).toBe(0);
    });
  });

  test("is copied piece by piece up to the first byte that cannot be, and that is named", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const source = fixed(task, 0, 2);
      const target = fixed(task, 10, 4);
      for (let at = 0; at < 2 * PAGE; at += 4) task.store32(source + at, at);
      const hex = (address: number): string => `0x${address.toString(16)}`;
      const copy = (to: number, from: number, length: number): string =>
        signalOf(() => {
          task.copy(to, from, length);
        });

      expect(copy(target + 100, source + 50, 2 * PAGE - 50)).toBe("ok");
      const bytes = (start: number, length: number): number[] =>
        Array.from({ length }, (_, i) => task.load8(start + i));
      expect(bytes(target + 100, 2 * PAGE - 50)).toEqual(bytes(source + 50, 2 * PAGE - 50));
      expect(task.load32(target + 96)).toBe(0);

      expect(copy(target, source + PAGE, 2 * PAGE)).toBe(`SIGSEGV read ${hex(source + 2 * PAGE)}`);
      expect(task.load32(target + 4092)).toBe(2 * PAGE - 4);
      expect(copy(target + 3 * PAGE, source, 2 * PAGE)).toBe(
        `SIGSEGV write ${hex(target + 4 * PAGE)}`,
      );
      expect(task.load32(target + 3 * PAGE + 4092)).toBe(4092);
    });
  });

  test("that cannot be copied for want of a source is not written to", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const target = fixed(task, 0, 1);
      const got = signalOf(() => {
        task.copy(target, PLACE + 50 * PAGE, 4);
      });

      expect(got).toContain("SIGSEGV read");
      expect(frameOf(machine, task, target)).toBe(0);
    });
  });

  test("that is taken away by mprotect and given back still holds its content", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 99);
      machine.cpu.k.lru_add_drain();
      const frame = frameOf(machine, task, start);

      task.mprotect(start, PAGE, {});
      expect(signalOf(() => task.load32(start))).toContain("SIGSEGV read");
      task.mprotect(start, PAGE, RO);
      expect(task.load32(start)).toBe(99);
      task.mprotect(start, PAGE, { read: true, write: true });
      task.store32(start, 100);

      expect(frameOf(machine, task, start)).toBe(frame);
    });
  });
});

describe.each(KERNEL_NAMES)("%s: copy on write", (kernel) => {
  test("reuses the frame when the child has exited and no pagevec holds it", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      machine.cpu.k.lru_add_drain();
      const frame = frameOf(machine, task, start);
      inChild(machine, task, (child) => {
        expect(child.load32(start)).toBe(1);
        expect(frameOf(machine, child, start)).toBe(frame);
        expect(bits(machine, child, start) & _PAGE_RW).toBe(0);
      });

      expect(bits(machine, task, start) & _PAGE_RW).toBe(0);
      expect(stateOf(machine, task, start)).toMatchObject({ count: 1, mapcount: 1 });
      task.store32(start, 2);
      expect(frameOf(machine, task, start)).toBe(frame);
    });
  });

  test("copies although nobody else maps the page while a pagevec holds it", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      const frame = frameOf(machine, task, start);
      inChild(machine, task, () => undefined);

      expect(stateOf(machine, task, start)).toMatchObject({ count: 2, mapcount: 1 });
      task.store32(start, 2);
      expect(frameOf(machine, task, start)).not.toBe(frame);
      expect(task.load32(start)).toBe(2);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("keeps parent and child apart, whoever writes first", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 2);
      task.store32(start, 1);
      task.store32(start + PAGE, 1);
      machine.cpu.k.lru_add_drain();
      machine.program("child", (child) => {
        expect([child.load32(start), child.load32(start + PAGE)]).toEqual([1, 1]);
        child.store32(start + PAGE, 3);
        expect([child.load32(start), child.load32(start + PAGE)]).toEqual([1, 3]);
      });
      task.fork("child");
      task.store32(start, 2);
      task.wait();

      expect([task.load32(start), task.load32(start + PAGE)]).toEqual([2, 1]);
    });
  });

  test("is not bypassed by mprotect to read-only and back, in the child or in the parent", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      const toggle = (who: ProgramTask): void => {
        who.mprotect(start, PAGE, RO);
        who.mprotect(start, PAGE, { read: true, write: true });
      };
      machine.program("child", (child) => {
        toggle(child);
        child.store32(start, 2);
        expect(child.load32(start)).toBe(2);
      });
      task.fork("child");
      toggle(task);
      task.wait();

      expect(task.load32(start)).toBe(1);
    });
  });

  test("leaves a page of a page shared by three to the last of them", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      machine.cpu.k.lru_add_drain();
      const frame = frameOf(machine, task, start);
      inChild(machine, task, (child) => {
        inChild(machine, child, (grandchild) => {
          expect(stateOf(machine, grandchild, start)).toMatchObject({ count: 3, mapcount: 3 });
          grandchild.store32(start, 3);
          expect(frameOf(machine, grandchild, start)).not.toBe(frame);
        });
        expect(stateOf(machine, child, start)).toMatchObject({ count: 2, mapcount: 2 });
        child.store32(start, 2);
        expect(frameOf(machine, child, start)).not.toBe(frame);
      });
      task.store32(start, 4);

      expect(frameOf(machine, task, start)).toBe(frame);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("that finds no frame raises SIGKILL and leaves the page shared as it was", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      machine.cpu.k.lru_add_drain();
      inChild(machine, task, (child) => {
        const giveBack = leaveFrames(machine.cpu, 0);
        const got = signalOf(() => {
          child.store32(start, 2);
        });
        giveBack();
        expect(got).toContain("SIGKILL write");
        expect(child.load32(start)).toBe(1);
        expect(stateOf(machine, child, start)).toMatchObject({ count: 2, mapcount: 2 });
      });
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

describe.each(KERNEL_NAMES)("%s: a file mapping", (kernel) => {
  /** A machine with a file of five pages. */
  function withFile(kind: number, body: (m: DirectMachine, t: ProgramTask, file: number) => void): void {
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
