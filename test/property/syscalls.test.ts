// Random sequences of syscalls and accesses, children included, against a model that knows no VMA and no page table.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import { Comparison, makeFiles } from "../support/comparison.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { type Op, mappings, operations } from "../support/operations.ts";

fc.configureGlobal({ seed: 0x5eed0010, numRuns: 200 });

/** Runs one sequence on a quiet machine and sees that nothing stays behind. */
function compare(machine: DirectMachine, ops: readonly Op[], exact = false): void {
  const files = makeFiles(machine);
  machine.run((task) => {
    new Comparison(machine, task, files, { exact }).run(ops);
    const handles = files.map(({ handle }) => handle);
    expect(checkInvariants(machine.cpu, { handles })).toEqual([]);
  });
  for (const { handle } of files) machine.cpu.k.inode_put(handle);
  expect(machine.census()).toEqual(machine.bootCensus);
}

/** Runs many sequences, each on the same machine until one fails. */
function compareAll(kernel: string, sequences: fc.Arbitrary<Op[]>, exact: boolean): void {
  let machine = new DirectMachine({ kernel, memory: "8M" });
  fc.assert(
    fc.property(sequences, (ops) => {
      try {
        compare(machine, ops, exact);
      } catch (error) {
        // The machine may be in any state now: the next, smaller case gets a fresh one.
        machine = new DirectMachine({ kernel, memory: "8M" });
        throw error;
      }
    }),
  );
}

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test("does what a table of pages does, and gives everything back", () => {
    compareAll(kernel, operations, false);
  });

  test("has as few VMAs as possible while nothing has been touched", () => {
    compareAll(kernel, mappings, true);
  });
});
