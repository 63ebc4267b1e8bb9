// Fork runs out of memory in the middle of a VMA, and returns without ending the range that it has begun. The guest
// believes for ever that its pages are about to change: its next fault never ends.
//
// rmap-history 6.32, as in v13.

import { MachineSignal, SyscallError } from "../kernel/error.ts";
import type { ProgramTask } from "../machine/task.ts";
import { PAGE, defineScenario } from "./scenario.ts";

/** Pages that are left: for the top table of the child, and not for those below. */
const LEFT = 2;
const HOARD = 4096;

/** Takes all memory but for some pages. */
function hoard(task: ProgramTask): void {
  const at = task.mmap({ length: HOARD * PAGE, read: true, write: true });
  try {
    task.touch(at, HOARD * PAGE);
  } catch (error) {
    if (!(error instanceof MachineSignal)) throw error;
  }
  task.munmap(at, LEFT * PAGE);
}

export const forkRange = defineScenario<{ at: number; handle: number }>({
  name: "fork-range",
  title: "fork runs out of memory, then a guest's fault",
  kernels: ["2.6.27"],
  others: ["mmn-v13"],
  switches: ["no-range-end"],
  children: { idle: () => undefined },
  setup(machine) {
    const parent = machine.spawn(0);
    const state = machine.run(parent, (task) => {
      const at = task.mmap({ length: PAGE, read: true, write: true });
      task.store32(at, 1);
      return { at, handle: task.registerNotifier("kvm", at, 1) };
    });
    const other = machine.spawn(0);
    machine.run(other, hoard);
    return { tasks: [machine.resume(parent)], state };
  },
  programs: [
    (task, { at, handle }) => {
      try {
        task.fork("idle");
        throw new Error("fork had memory enough");
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
      }
      task.secondaryLoad32(handle, at);
    },
  ],
});
