// What a scenario is: a machine in a certain state, and a program for each of its CPUs, whose
// interleavings are worth to be explored. One small file each.

import { MachineSignal } from "../kernel/error.ts";
import { FILE_ZERO } from "../layout/structs.gen.ts";
import type { Program } from "../machine/program.ts";
import type { ProgramTask } from "../machine/task.ts";
import type { SwitchName } from "./switches.ts";

/** The machine while no program runs: before the first execution, and after each. */
export interface ScenarioMachine {
  /** Version of its kernel. */
  readonly kernel: string;
  /** Starts a process with an empty address space on a CPU. */
  spawn(cpu: number): ProgramTask;
  /** Starts a thread on another CPU: a task that shares the address space of `task`. */
  clone(task: ProgramTask, cpu: number): ProgramTask;
  /** Starts a process on another CPU with a copy of the address space of `task`. */
  fork(task: ProgramTask, cpu: number): ProgramTask;
  /** Lets a task be the one that runs on its CPU again, where others were started after it. Returns it. */
  resume(task: ProgramTask): ProgramTask;
  /** Does work as `task`, on its CPU; nobody else runs meanwhile. Returns what it returns. */
  run<T>(task: ProgramTask, body: (task: ProgramTask) => T): T;
}

/** What setup() leaves for the programs: plain data, never written again. */
export interface Prepared<S> {
  /** The task of each CPU, from CPU 0 on. */
  readonly tasks: readonly ProgramTask[];
  /** Addresses and the like. */
  readonly state: S;
}

/**
 * A program of a scenario: plain and synchronous, as a workload is. It may be run again from its
 * start, so it asks nobody but `task`: no clock, no random numbers, no variable outside.
 */
export type ScenarioProgram<S> = (task: ProgramTask, state: S) => void;

/** A scenario. S is what its setup leaves for its programs. */
export interface Scenario<S = unknown> {
  /** Its name on the command line. */
  readonly name: string;
  /** What meets what, in one line. */
  readonly title: string;
  /** Kernels that it is for: the hall shows it on each. */
  readonly kernels: readonly string[];
  /** Others that it can be explored on. @defaultValue none */
  readonly others?: readonly string[];
  /** Measures whose absence it shows. */
  readonly switches: readonly SwitchName[];
  /** Programs, one for each CPU. */
  readonly programs: readonly ScenarioProgram<S>[];
  /** Programs that task.fork() and task.clone() may start, by name. @defaultValue none */
  readonly children?: Readonly<Record<string, Program>>;
  /** Tasks end with their programs: exit and all that it frees. @defaultValue false */
  readonly exits?: boolean;
  /** Physical memory. @defaultValue "4M" */
  readonly memory?: string;
  /** Blocks of a disk at the end of the memory, a multiple of 16, for swap. @defaultValue 0 */
  readonly diskBlocks?: number;
  /** Brings the machine into the state that all executions start from. */
  setup(machine: ScenarioMachine): Prepared<S>;
  /**
   * After all programs have ended: what is wrong with the state of the machine, or undefined. A state
   * that was found right is not looked at again.
   */
  check?(machine: ScenarioMachine, prepared: Prepared<S>): string | undefined;
}

/** Gives a scenario its types. */
export const defineScenario = <S>(scenario: Scenario<S>): Scenario => scenario as Scenario;

/** Bytes of a page. */
export const PAGE = 4096;

/** Two threads of one process, on CPU 0 and CPU 1, and a fresh private mapping of some pages. */
export function twoThreads(
  machine: ScenarioMachine,
  pages: number,
): { readonly first: ProgramTask; readonly second: ProgramTask; readonly at: number } {
  const first = machine.spawn(0);
  const second = machine.clone(first, 1);
  const at = machine.run(first, (task) =>
    task.mmap({ length: pages * PAGE, read: true, write: true }),
  );
  return { first, second, at };
}

/** Two processes, on CPU 0 and CPU 1, that have shared some pages since a fork; page n holds n + 1. */
export function sharedByFork(
  machine: ScenarioMachine,
  pages: number,
): { readonly parent: ProgramTask; readonly child: ProgramTask; readonly at: number } {
  const parent = machine.spawn(0);
  const at = machine.run(parent, (task) => {
    const start = task.mmap({ length: pages * PAGE, read: true, write: true });
    for (let page = 0; page < pages; page++) task.store32(start + page * PAGE, page + 1);
    return start;
  });
  return { parent, child: machine.fork(parent, 1), at };
}

/** A file of zeros that nobody has read yet, and where `task` maps it: shared, to be read and written. */
export function mappedFile(
  task: ProgramTask,
  pages: number,
): { readonly file: number; readonly at: number } {
  const file = task.cpu.k.inode_alloc(FILE_ZERO, 0, pages * PAGE, 0);
  const mapping = { length: pages * PAGE, file, shared: true, read: true, write: true };
  return { file, at: task.mmap(mapping) };
}

/** Runs `body`; false if it ended in SIGSEGV. */
export function survives(task: ProgramTask, body: (task: ProgramTask) => void): boolean {
  try {
    body(task);
    return true;
  } catch (error) {
    if (error instanceof MachineSignal && error.signal === "SIGSEGV") return false;
    throw error;
  }
}

/** Fails the execution unless `found` is what is `expected`. Throws Error. */
export function expectEqual(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what} is ${found}, not ${expected}`);
}
