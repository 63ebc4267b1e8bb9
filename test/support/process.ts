// Short forms of what tests of processes do again and again.

import { MachineSignal, SyscallError } from "../../src/kernel/error.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import type { MmapOptions } from "../../src/syscall/memory.ts";
import type { DirectMachine } from "./direct.ts";
import { maps, mmOfTask, pageState, readPte } from "./inspect.ts";

export const PAGE = 4096;
export const RW = { read: true, write: true } as const;
export const RO = { read: true } as const;
/** Where tests put mappings when the place matters: a table of PTEs begins here. */
export const PLACE = 0x4000_0000;

/** Maps private anonymous pages, read and write unless `options` say otherwise. */
export function anonymous(
  task: ProgramTask,
  pages: number,
  options: Partial<MmapOptions> = {},
): number {
  return task.mmap({ length: pages * PAGE, ...RW, ...options });
}

/** Maps at PLACE + `page` pages. */
export function fixed(
  task: ProgramTask,
  page: number,
  pages: number,
  options: Partial<MmapOptions> = {},
): number {
  return anonymous(task, pages, { hint: PLACE + page * PAGE, fixed: true, ...options });
}

/** How a syscall was refused, or "ok". */
export function errnoOf(body: () => unknown): string {
  try {
    body();
    return "ok";
  } catch (error) {
    if (error instanceof SyscallError) return error.code;
    throw error;
  }
}

/** The signal of an access as "SIGSEGV read 0x40000000", or "ok". */
export function signalOf(body: () => unknown): string {
  try {
    body();
    return "ok";
  } catch (error) {
    if (!(error instanceof MachineSignal)) throw error;
    return `${error.signal} ${error.access} 0x${error.address.toString(16)}`;
  }
}

/** The VMAs of a process, in pages from PLACE. */
export function mapsOf(machine: DirectMachine, task: ProgramTask): string[] {
  return maps(machine.cpu, mmOfTask(machine.cpu, task.address), PLACE);
}

/** The frame that a process has at an address, or 0. */
export function frameOf(machine: DirectMachine, task: ProgramTask, address: number): number {
  return readPte(machine.cpu, mmOfTask(machine.cpu, task.address), address)?.pfn ?? 0;
}

/** The state of the page that a process has at an address. */
export function stateOf(
  machine: DirectMachine,
  task: ProgramTask,
  address: number,
): ReturnType<typeof pageState> {
  return pageState(machine.cpu, machine.config.kernel, frameOf(machine, task, address));
}

/** Forks a child that runs `body`, and waits for it; what it throws is thrown by DirectMachine.run. */
export function inChild(
  machine: DirectMachine,
  task: ProgramTask,
  body: (child: ProgramTask) => void,
): ReturnType<ProgramTask["wait"]> {
  machine.program("child", body);
  task.fork("child");
  return task.wait();
}
