// What the scenarios of secondary MMUs share.

import { MachineSignal } from "../kernel/error.ts";
import type { ProgramTask } from "../machine/task.ts";

/** A load through a secondary MMU; undefined: the process does not map that, or has gone. */
export function guestLoad(task: ProgramTask, handle: number, address: number): number | undefined {
  try {
    return task.secondaryLoad32(handle, address);
  } catch (error) {
    if (error instanceof MachineSignal) return undefined;
    throw error;
  }
}
