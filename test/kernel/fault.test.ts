// Page faults as a program can see them: which frame it gets, who else has it, which signal.

import { describe, expect, test } from "vitest";
import {
  BOOT_PARAMS,
  BootParams,
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
