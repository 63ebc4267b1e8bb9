// Page tables come with the first fault and go with the last mapping that needs them, in whatever order mappings go.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TASK_SIZE } from "../../src/layout/structs.gen.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmField, mmOfTask } from "../support/inspect.ts";
import { PAGE, RW } from "../support/process.ts";

fc.configureGlobal({ seed: 0x5eed0015, numRuns: 60 });

/** Places that share tables of some levels and not of others. */
const PLACES = [
  0,
  PAGE,
  2 ** 21 - PAGE,
  2 ** 21,
  2 ** 30 - PAGE,
  2 ** 30,
  2 ** 31,
  2 ** 39 - PAGE,
  2 ** 39,
  2 ** 39 + 2 ** 30,
  2 ** 40,
  2 ** 46,
  TASK_SIZE - 2 ** 30,
  TASK_SIZE - PAGE,
];

/** Tables below the top one that pages at these places need. */
function needed(places: readonly number[]): number {
  const distinct = (shift: number): number =>
    new Set(places.map((place) => Math.floor(place / 2 ** shift))).size;
  return distinct(21) + distinct(30) + distinct(39);
}

const tables = (machine: DirectMachine, task: ProgramTask): number =>
  mmField(machine.cpu, mmOfTask(machine.cpu, task.address), "nr_tables");

describe.each(KERNEL_NAMES)("%s: page tables", (kernel) => {
  test("are there exactly while a page below them is mapped, in any order", () => {
    const machine = new DirectMachine({ kernel });
    const orders = fc.tuple(
      fc.shuffledSubarray(PLACES, { minLength: 1 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
    );
    fc.assert(
      fc.property(orders, ([places, random]) => {
        machine.run((task) => {
          const mapped = [...places];
          for (const place of places) {
            task.mmap({ length: PAGE, ...RW, hint: place, fixed: true });
            expect(tables(machine, task)).toBe(needed(places.slice(0, places.indexOf(place))));
            task.store32(place, 1);
          }
          while (mapped.length > 0) {
            const index = Math.floor((random.next().value as number) * mapped.length);
            const [place] = mapped.splice(index, 1) as [number];
            task.munmap(place, PAGE);
            expect(tables(machine, task)).toBe(needed(mapped));
          }
        });
        expect(machine.census()).toEqual(machine.bootCensus);
      }),
    );
  });

  test("all go when the process ends, wherever its mappings lie", () => {
    const machine = new DirectMachine({ kernel });
    fc.assert(
      fc.property(fc.shuffledSubarray(PLACES), (places) => {
        machine.run((task) => {
          for (const place of places) {
            task.mmap({ length: PAGE, ...RW, hint: place, fixed: true });
            task.store32(place, 1);
          }
        });
        expect(machine.census()).toEqual(machine.bootCensus);
      }),
    );
  });

  test("of a child are its own, and only where the parent has pages", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      for (const place of PLACES) task.mmap({ length: PAGE, ...RW, hint: place, fixed: true });
      task.store32(2 ** 39, 1);
      machine.program("child", (child) => {
        expect(tables(machine, child)).toBe(3);
        child.store32(2 ** 46, 1);
        expect(tables(machine, child)).toBe(6);
      });
      task.fork("child");
      task.wait();
      expect(tables(machine, task)).toBe(3);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});
