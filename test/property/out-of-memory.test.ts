// The same random sequences on a machine that runs out of frames at any moment: whatever is refused, nothing is lost.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeFiles } from "../support/comparison.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { leaveFrames } from "../support/hoard.ts";
import { BASE, type Op, operations } from "../support/operations.ts";
import { MachineSignal, SyscallError } from "../../src/kernel/error.ts";
import type { ProgramTask } from "../../src/machine/task.ts";

fc.configureGlobal({ seed: 0x5eed0011, numRuns: 250 });

const address = (page: number): number => (BASE + page) * 4096;

/** Refusals that any operation may meet. */
const tally = new Map<string, number>();

function attempt(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof SyscallError || error instanceof MachineSignal)) throw error;
    const name = error instanceof SyscallError ? `${error.syscall} ${error.code}` : error.signal;
    tally.set(name, (tally.get(name) ?? 0) + 1);
  }
}

function doOne(machine: DirectMachine, task: ProgramTask, files: number[], op: Op): void {
  switch (op.op) {
    case "mmap": {
      const file = files[op.file] ?? 0;
      const prot = { read: true, write: op.perms.includes("w") };
      const where = {
        hint: op.place === "anywhere" ? 0 : address(op.at),
        fixed: op.place === "fixed",
      };
      const what = { shared: op.shared, file, offset: file ? op.pgoff * 4096 : 0 };
      task.mmap({ length: op.count * 4096, ...prot, ...where, ...what });
      return;
    }
    case "munmap":
      task.munmap(address(op.at), op.count * 4096);
      return;
    case "mprotect":
      task.mprotect(address(op.at), op.count * 4096, { read: true, write: op.perms.includes("w") });
      return;
    case "dontneed":
      task.madviseDontneed(address(op.at), op.count * 4096);
      return;
    case "mremap": {
      const how =
        op.how === "fixed" ? { fixedAt: address(op.to) } : { mayMove: op.how === "may move" };
      task.mremap(address(op.at), op.from * 4096, op.count * 4096, how);
      return;
    }
    case "brk":
      task.brk(task.brk(0) + op.pages * 4096);
      return;
    case "load":
      task.load32(address(op.at) + op.offset);
      return;
    case "store":
      task.store32(address(op.at) + op.offset, 1);
      return;
    case "touch":
      task.touch(address(op.at), op.count * 4096, op.write ? "write" : "read");
      return;
    case "copy":
      task.copy(address(op.to) + 4080, address(op.at) + 4064, op.words * 4);
      return;
    case "fork":
      machine.program("child", (child) => {
        doAll(machine, child, files, op.child);
      });
      task.fork("child");
      doAll(machine, task, files, op.parent);
      task.wait();
  }
}

function doAll(
  machine: DirectMachine,
  task: ProgramTask,
  files: number[],
  ops: readonly Op[],
): void {
  for (const op of ops) {
    attempt(() => {
      doOne(machine, task, files, op);
    });
  }
}

/** The sequence with `frames` free frames at its start. */
function starve(machine: DirectMachine, frames: number, ops: readonly Op[]): void {
  const { k } = machine.cpu;
  const giveBack = leaveFrames(machine.cpu, frames);
  const files = makeFiles(machine).map(({ handle }) => handle);
  attempt(() => {
    machine.run((task) => {
      doAll(machine, task, files, ops);
    });
  });
  for (const handle of files) if (handle !== 0) k.inode_put(handle);
  giveBack();
  expect(machine.census()).toEqual(machine.bootCensus);
}

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test("loses nothing when frames run out in the middle of anything", () => {
    let machine = new DirectMachine({ kernel, memory: "8M" });
    const frames = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(frames, operations, (free, ops) => {
        try {
          starve(machine, free, ops);
        } catch (error) {
          machine = new DirectMachine({ kernel, memory: "8M" });
          throw error;
        }
      }),
    );
    // The sequences must have met every kind of refusal, or this test says little.
    for (const refusal of [
      "mmap ENOMEM",
      "mremap ENOMEM",
      "fork EAGAIN",
      "spawn EAGAIN",
      "SIGKILL",
    ]) {
      expect(tally.get(refusal) ?? 0, refusal).toBeGreaterThan(0);
    }
  });
});
