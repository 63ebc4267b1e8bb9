// Random sequences of syscalls and accesses, children included, against a model that knows no VMA and no page table.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Comparison, makeFiles } from "../support/comparison.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { type Op, operations } from "../support/operations.ts";

fc.configureGlobal({ seed: 0x77, numRuns: 6000 });

/** Runs one sequence on a quiet machine and sees that nothing stays behind. */
function compare(machine: DirectMachine, ops: readonly Op[]): void {
  const files = makeFiles(machine);
  machine.run((task) => {
    new Comparison(machine, task, files).run(ops);
  });
  for (const { handle } of files) machine.cpu.k.inode_put(handle);
  expect(machine.census()).toEqual(machine.bootCensus);
}

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test("does what a table of pages does, and gives everything back", () => {
    let machine = new DirectMachine({ kernel, memory: "16M" });
    fc.assert(
      fc.property(operations, (ops) => {
        try {
          compare(machine, ops);
        } catch (error) {
          // The machine may be in any state now: the next, smaller case gets a fresh one.
          machine = new DirectMachine({ kernel, memory: "16M" });
          throw error;
        }
      }),
    );
  });
});
