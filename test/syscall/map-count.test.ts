// 65,530 VMAs and no more: every syscall that would make one too many is refused, and those that need none go on.

import { expect, test } from "vitest";
import type { ProgramTask } from "../../src/machine/task.ts";
import { MAX_MAP_COUNT } from "../../src/mm/vma.ts";
import { DirectMachine } from "../support/direct.ts";
import { mmField, mmOfTask } from "../support/inspect.ts";
import { PAGE, PLACE, RO, RW, errnoOf } from "../support/process.ts";

/** Maps single pages that cannot merge until there are `count` VMAs; the first has four pages. */
function fill(task: ProgramTask, count: number): void {
  task.mmap({ length: 4 * PAGE, ...RW, hint: PLACE, fixed: true });
  for (let i = 1; i < count; i++) {
    const prot = i % 2 === 0 ? RW : RO;
    task.mmap({ length: PAGE, ...prot, hint: PLACE + (3 + i) * PAGE, fixed: true });
  }
}

test("a process has at most 65,530 VMAs", () => {
  const machine = new DirectMachine({ memory: "32M" });
  machine.run((task) => {
    fill(task, MAX_MAP_COUNT);
    const count = (): number =>
      mmField(machine.cpu, mmOfTask(machine.cpu, task.address), "map_count");
    const last = PLACE + (3 + MAX_MAP_COUNT) * PAGE;
    const split = (body: () => void): string => errnoOf(body);

    expect(count()).toBe(65_530);
    expect(errnoOf(() => task.mmap({ length: PAGE, read: true, exec: true }))).toBe("ENOMEM");
    expect(
      split(() => {
        task.munmap(PLACE + PAGE, PAGE);
      }),
    ).toBe("ENOMEM");
    expect(
      split(() => {
        task.mprotect(PLACE + PAGE, PAGE, RO);
      }),
    ).toBe("ENOMEM");
    expect(errnoOf(() => task.mremap(PLACE, 4 * PAGE, 8 * PAGE))).toBe("ENOMEM");
    expect(count()).toBe(65_530);
    expect(task.load32(PLACE + PAGE)).toBe(0);

    // One that its neighbour swallows needs no VMA: the last is read-only.
    expect(errnoOf(() => task.mmap({ length: PAGE, ...RO, hint: last, fixed: true }))).toBe("ok");
    expect(count()).toBe(65_530);
    task.munmap(PLACE, 4 * PAGE);
    expect(errnoOf(() => task.mmap({ length: PAGE, read: true, exec: true }))).toBe("ok");
    expect(count()).toBe(65_530);
  });
  expect(machine.census()).toEqual(machine.bootCensus);
});

test("fork copies them all, and exit frees them all", () => {
  const machine = new DirectMachine({ memory: "64M" });
  machine.run((task) => {
    fill(task, 20_000);
    machine.program("child", (child) => {
      expect(mmField(machine.cpu, mmOfTask(machine.cpu, child.address), "map_count")).toBe(20_000);
      expect(child.load32(PLACE + 10_000 * PAGE)).toBe(0);
    });
    task.fork("child");
    expect(task.wait().status).toBe(0);
  });
  expect(machine.census()).toEqual(machine.bootCensus);
});
