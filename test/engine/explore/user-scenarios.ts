// Scenarios for the tests of user data: syscalls of every kind beside accesses to the same memory.

import { MachineSignal } from "../../../src/kernel/error.ts";
import type { ProgramTask } from "../../../src/machine/task.ts";
import {
  PAGE,
  twoThreads,
  type Scenario,
  type ScenarioProgram,
} from "../../../src/scenario/scenario.ts";

interface State {
  /** Four pages, private. */
  readonly at: number;
  /** A page that is shared with children. */
  readonly shared: number;
  /** A file of two pages: shared, and private. */
  readonly file: number;
  readonly fileShared: number;
  readonly filePrivate: number;
}

/** Runs `body`; a SIGSEGV ends it. */
function untilSignal(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof MachineSignal)) throw error;
  }
}

/** A child on the parent's CPU: reads, writes, ends. */
const child = (task: ProgramTask, at: number, shared: number): void => {
  task.load32(at);
  task.store32(at + 8, 7);
  task.load32(at + 8);
  task.store32(shared + 4, 8);
  task.copy(at + 16, at, 16);
  task.load64(at + 16);
};

/** Gets an image of its own. */
const image = (task: ProgramTask): void => {
  task.exec({
    segments: [{ start: 0x400000, length: PAGE, flags: 3, file: 0, pgoff: 0 }],
    brk: 0x600000,
    stackTop: 0x800000,
  });
  task.store32(0x400000, 1);
  task.load32(0x400000);
};

function scenarioOf(name: string, ...programs: ScenarioProgram<State>[]): Scenario {
  const scenario: Scenario<State> = {
    name,
    title: name,
    kernels: ["2.6.9", "2.6.8"],
    switches: [],
    children: { child, image },
    programs,
    setup(machine) {
      const { first, second, at } = twoThreads(machine, 4);
      const state = machine.run(first, (task) => {
        const file = task.createFile({ content: Uint8Array.from({ length: 5000 }, (_, i) => i) });
        const map = { length: 2 * PAGE, read: true, write: true };
        const fileShared = task.mmap({ ...map, file, shared: true });
        const filePrivate = task.mmap({ ...map, file });
        const shared = task.mmap({ ...map, length: PAGE, shared: true });
        task.touch(at, 2 * PAGE);
        task.store32(fileShared, 5);
        return { at, shared, file, fileShared, filePrivate };
      });
      machine.run(second, (task) => {
        task.touch(at, 4 * PAGE, "read");
      });
      return { tasks: [first, second], state };
    },
  };
  return scenario as Scenario;
}

/** Loads and stores of all widths to two pages, from both of which something may be taken. */
const accesses: ScenarioProgram<State> = (task, { at }) => {
  untilSignal(() => {
    task.store8(at + 3, 1);
    task.load32(at);
    task.store64(at + PAGE, 0x0102030405060708n);
    task.load16(at + PAGE + 2);
    task.store16(at + PAGE + 2, 0xffff);
    task.load64(at + PAGE);
    task.copy(at + 100, at + PAGE, 32);
    task.load8(at + 100);
  });
};

const WRITABLE = { read: true, write: true };

/** By what goes on beside the accesses. */
export const MIXES: Readonly<Record<string, Scenario>> = {
  "madvise beside accesses": scenarioOf(
    "madvise",
    (task, { at }) => {
      task.madviseDontneed(at, PAGE);
      task.load32(at);
      task.touch(at, 2 * PAGE);
      task.load32(at + PAGE);
    },
    accesses,
  ),
  "mprotect beside accesses": scenarioOf(
    "mprotect",
    (task, { at }) => {
      task.mprotect(at, 2 * PAGE, { read: true });
      task.load32(at);
      task.mprotect(at, 2 * PAGE, WRITABLE);
      task.store32(at, 1);
    },
    accesses,
  ),
  "mremap beside accesses": scenarioOf(
    "mremap",
    (task, { at }) => {
      const to = task.mremap(at + PAGE, PAGE, 2 * PAGE);
      task.load32(to);
      task.store32(to + PAGE, 4);
      const back = task.mremap(to, 2 * PAGE, PAGE, { fixedAt: at + PAGE });
      task.load64(back);
    },
    accesses,
  ),
  "munmap and mmap at the same place": scenarioOf(
    "mmap",
    (task, { at }) => {
      task.munmap(at + PAGE, PAGE);
      const own = task.mmap({ length: PAGE, ...WRITABLE, hint: at, fixed: true });
      task.store32(own, 3);
      task.load32(own);
      task.mmap({ length: PAGE, ...WRITABLE, hint: at + PAGE, fixed: true });
    },
    accesses,
  ),
  "two that map and unmap the same range": scenarioOf(
    "rivals",
    (task, { at }) => {
      task.mmap({ length: 2 * PAGE, ...WRITABLE, hint: at, fixed: true });
      untilSignal(() => {
        task.store32(at, 3);
        task.load32(at);
      });
    },
    (task, { at }) => {
      task.munmap(at, PAGE);
      untilSignal(() => {
        task.load32(at);
      });
      task.madviseDontneed(at + PAGE, PAGE);
    },
  ),
  "fork beside accesses": scenarioOf(
    "fork",
    (task, { at, shared }) => {
      task.fork("child", { args: [at, shared] });
      task.store32(at, 11);
      task.wait();
      task.load32(at);
      task.load32(shared + 4);
    },
    accesses,
  ),
  "fork beside munmap": scenarioOf(
    "fork-munmap",
    (task, { at, shared }) => {
      task.fork("child", { args: [at, shared] });
      task.wait();
    },
    (task, { at }) => {
      task.munmap(at + PAGE, PAGE);
      task.madviseDontneed(at, PAGE);
      task.load32(at);
    },
  ),
  "a thread and an image": scenarioOf(
    "clone-exec",
    (task, { at, shared }) => {
      task.clone("child", { args: [at, shared] });
      task.wait();
      task.fork("image");
      task.wait();
      task.load32(at + 8);
    },
    accesses,
  ),
  "a file, shared and private": scenarioOf(
    "file",
    (task, { fileShared, filePrivate }) => {
      task.load32(filePrivate);
      task.store32(filePrivate + 4, 2);
      task.load32(filePrivate);
      task.madviseDontneed(filePrivate, PAGE);
      task.load32(filePrivate + 4);
      task.store32(fileShared + PAGE, 6);
    },
    (task, { fileShared, filePrivate }) => {
      task.store32(fileShared, 1);
      task.load32(fileShared);
      task.load32(filePrivate + PAGE);
      task.store32(filePrivate + 8, 3);
      task.load32(filePrivate);
    },
  ),
  "the heap": scenarioOf(
    "brk",
    (task) => {
      const start = task.brk(0);
      task.brk(start + 2 * PAGE);
      task.store32(start, 1);
      task.store32(start + PAGE, 1);
      task.brk(start + PAGE);
      task.brk(start + 2 * PAGE);
      task.load32(start + PAGE);
      task.load32(start);
    },
    accesses,
  ),
};

/** Two threads over a page of a file; the first does `body` with the file, behind everybody's back. */
export const misbehaving = (body: (task: ProgramTask, file: number) => void): Scenario =>
  scenarioOf(
    "misbehaving",
    (task, { file }) => {
      body(task, file);
    },
    (task, { fileShared }) => {
      task.touch(fileShared, PAGE, "read");
    },
  );
