// Whether anybody has used a page: accessed bits of all who map it, asked from the page alone.

import { describe, expect, test } from "vitest";
import { PG_referenced, Page, _PAGE_ACCESSED } from "../../src/layout/structs.gen.ts";
import { getU32, setI32 } from "../../src/layout/view.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmOfTask, readPte } from "../support/inspect.ts";
import { PAGE, RW, anonymous, inChild } from "../support/process.ts";

/** The page at an address, with a reference that ends with `body`. */
function withPage(task: ProgramTask, address: number, body: (page: number) => void): void {
  const page = task.cpu.k.follow_page(address);
  expect(page).not.toBe(0);
  body(page);
  task.cpu.k.put_page(page);
}

/** How often a page was used; its own mark is taken away first, so that PTEs alone count. */
function youngPtes(task: ProgramTask, page: number): number {
  const flags = page + Page.flags;
  setI32(task.cpu, flags, getU32(task.cpu, flags) & ~PG_referenced);
  return task.cpu.k.page_referenced(page, 0);
}

const isYoung = (machine: DirectMachine, task: ProgramTask, address: number): boolean =>
  ((readPte(machine.cpu, mmOfTask(machine.cpu, task.address), address)?.bits ?? 0) &
    _PAGE_ACCESSED) !==
  0;

describe.each(KERNEL_NAMES)("%s: page_referenced", (kernel) => {
  test("counts who has used an anonymous page since it was asked last", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 2);
      task.store32(start, 1);
      withPage(task, start, (page) => {
        expect(youngPtes(task, page)).toBe(1);
        expect(youngPtes(task, page)).toBe(0);
        // The translation is gone too, so that an access is seen again.
        task.load32(start);
        expect(isYoung(machine, task, start)).toBe(true);
        expect(youngPtes(task, page)).toBe(1);
      });
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("finds the PTEs of all processes, and no others", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 3);
      task.touch(start, 3 * PAGE);
      withPage(task, start + PAGE, (page) => {
        youngPtes(task, page);
        inChild(machine, task, (child) => {
          child.load32(start);
          expect(youngPtes(child, page)).toBe(0);
          child.load32(start + PAGE);
          inChild(machine, child, (grandchild) => {
            // Fork has made the copy old.
            grandchild.load32(start + PAGE);
            expect(youngPtes(grandchild, page)).toBe(2);
            expect(youngPtes(grandchild, page)).toBe(0);
          });
          // A copy is another page.
          child.store32(start + PAGE, 5);
          expect(youngPtes(child, page)).toBe(0);
        });
        task.load32(start + PAGE);
        expect(youngPtes(task, page)).toBe(1);
      });
    });
  });

  test("finds a page where mremap has put it", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 4);
      task.touch(start, 4 * PAGE);
      withPage(task, start + 2 * PAGE, (page) => {
        youngPtes(task, page);
        const moved = task.mremap(start, 4 * PAGE, 4 * PAGE, { fixedAt: start + 64 * PAGE });
        task.load32(moved + 2 * PAGE);
        expect(youngPtes(task, page)).toBe(1);
      });
    });
  });

  test("goes from a page of a file to all who map it", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const file = task.createFile({ sizeBytes: 8 * PAGE, seed: 3 });
      const whole = task.mmap({ length: 8 * PAGE, read: true, file });
      const part = task.mmap({ length: 2 * PAGE, ...RW, shared: true, file, offset: 4 * PAGE });
      task.load32(whole + 5 * PAGE);
      task.store32(part + PAGE, 1);
      withPage(task, part + PAGE, (page) => {
        expect(youngPtes(task, page)).toBe(2);
        task.load32(whole + 4 * PAGE);
        expect(youngPtes(task, page)).toBe(0);
        task.load32(part + PAGE);
        expect(youngPtes(task, page)).toBe(1);
      });
      task.closeFile(file);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("says of a page that nobody maps any more whether it was marked, once", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, 1);
      task.store32(start, 1);
      withPage(task, start, (page) => {
        task.munmap(start, PAGE);
        const flags = page + Page.flags;
        setI32(task.cpu, flags, getU32(task.cpu, flags) | PG_referenced);
        expect(task.cpu.k.page_referenced(page, 0)).toBe(1);
        expect(task.cpu.k.page_referenced(page, 0)).toBe(0);
      });
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("takes a page of a file that is locked for one that is used", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const { k } = task.cpu;
      const file = task.createFile({ sizeBytes: PAGE });
      const start = task.mmap({ length: PAGE, read: true, file });
      task.load32(start);
      withPage(task, start, (page) => {
        youngPtes(task, page);
        task.load32(start);
        k.lock_page(page);
        // 2.6.9 does not look further; 2.6.8 asks without the page lock.
        expect(k.page_referenced(page, 0)).toBe(1);
        expect(k.page_referenced(page, 1)).toBe(kernel === "2.6.9" ? 1 : 0);
        expect(k.page_referenced(page, 1)).toBe(0);
        k.unlock_page(page);
      });
      task.closeFile(file);
    });
  });
});
