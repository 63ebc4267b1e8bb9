// The testcases of racier scale on the machine. Each CPU does one thing over and over until the host says stop, and
// says how often it did it in which time: as processes that have nothing in common, or as threads of one mm.
//
// What malloc does is what a C library does with a request of that size: it maps the bytes and a page for
// itself, writes the size into it, and unmaps them in free. Left out: smaller requests, which cost no syscall.

import type { ProgramTask } from "../../machine/task.ts";
import { buildProcess, createFiles, hotPages } from "../process/image.ts";
import type { ProcessLayout } from "../process-layout/layout.ts";
import {
  CONTROL_ARRIVED,
  CONTROL_GO,
  CONTROL_STOP,
  MAPPED_BYTES,
  type ScaleFiles,
  type ScaleOrder,
  type TestcaseName,
} from "./scale-order.ts";

const PAGE = 4096;
const ANYTHING = { read: true, write: true };

/** One turn: does it once, or as often as it lies in one mapping. Returns how many operations that were. */
export type Turn = () => number;

/** Makes ready, and gives the turn. */
type Body = (task: ProgramTask, order: ScaleOrder) => Turn;

/** A file that a CPU has for itself. */
const fileOf = (task: ProgramTask, order: ScaleOrder): number => order.files[task.cpuId] as number;

/** Maps, writes a word of each page, unmaps. */
function pageFaults(task: ProgramTask, order: ScaleOrder, from: object): Turn {
  const length = order.touchedBytes;
  return () => {
    const at = task.mmap({ length, ...ANYTHING, ...from });
    task.touch(at, length);
    task.munmap(at, length);
    return length / PAGE;
  };
}

function mapAndUnmap(task: ProgramTask, from: object): Turn {
  return () => {
    task.munmap(task.mmap({ length: MAPPED_BYTES, ...ANYTHING, ...from }), MAPPED_BYTES);
    return 1;
  };
}

const BODIES: Readonly<Record<TestcaseName, Body>> = {
  page_fault1: (task, order) => pageFaults(task, order, {}),
  page_fault2: (task, order) => pageFaults(task, order, { file: fileOf(task, order) }),
  page_fault3: (task, order) =>
    pageFaults(task, order, { file: fileOf(task, order), shared: true }),
  mmap1: (task) => mapAndUnmap(task, {}),
  mmap2: (task, order) => mapAndUnmap(task, { file: fileOf(task, order), shared: true }),
  brk1: (task) => {
    const end = task.brk(0) + PAGE;
    return () => {
      task.brk(end + PAGE);
      task.brk(end);
      return 2;
    };
  },
  fork1: (task, order) => {
    const hot = hotPages(order.forked);
    return () => {
      task.fork("scaleChild");
      for (const page of hot) task.store32(page, page);
      task.wait();
      return 1;
    };
  },
  tlb_flush1: (task) => () => {
    const at = task.mmap({ length: PAGE, ...ANYTHING });
    task.store32(at, 1);
    task.munmap(at, PAGE);
    return 1;
  },
  tlb_flush2: (task) => {
    const at = task.mmap({ length: PAGE, ...ANYTHING });
    return () => {
      task.store32(at, 1);
      task.madviseDontneed(at, PAGE);
      return 1;
    };
  },
  tlb_flush3: (task) => {
    const at = task.mmap({ length: PAGE, ...ANYTHING });
    return () => {
      task.store32(at, 1);
      task.mprotect(at, PAGE, { read: true });
      task.mprotect(at, PAGE, ANYTHING);
      return 1;
    };
  },
  malloc1: (task) => () => {
    const chunk = task.mmap({ length: MAPPED_BYTES + PAGE, ...ANYTHING });
    task.store32(chunk, MAPPED_BYTES + PAGE);
    task.munmap(chunk, task.load32(chunk));
    return 1;
  },
};

/** What a task does over and over. */
export const turnOf = (task: ProgramTask, order: ScaleOrder): Turn =>
  BODIES[order.testcase](task, order);

const orderOf = (task: ProgramTask): ScaleOrder => task.shared as ScaleOrder;

/** Waits until all CPUs are ready. */
function meet(control: Int32Array, cpus: number): void {
  if (Atomics.add(control, CONTROL_ARRIVED, 1) === cpus - 1) {
    Atomics.store(control, CONTROL_GO, 1);
    Atomics.notify(control, CONTROL_GO);
  } else {
    Atomics.wait(control, CONTROL_GO, 0);
  }
}

/** Takes turns until the host says stop, and writes down how many operations that were. */
function work(task: ProgramTask): void {
  const order = orderOf(task);
  const control = new Int32Array(order.control);
  const turn = turnOf(task, order);
  meet(control, task.cpus);
  let operations = 0;
  const start = performance.now();
  do operations += turn();
  while (Atomics.load(control, CONTROL_STOP) === 0);
  const milliseconds = performance.now() - start;
  new Float64Array(order.results).set([operations, milliseconds], task.cpuId * 2);
}

/** Makes the process that is to be measured. */
function build(task: ProgramTask): void {
  const { testcase, forked, images } = orderOf(task);
  if (testcase === "fork1") buildProcess(task, forked, images);
}

/** Makes the files of a machine; run once. */
export function scaleFiles(task: ProgramTask): ScaleFiles {
  const files = Array.from({ length: task.cpus }, (_, seed) =>
    task.createFile({ sizeBytes: MAPPED_BYTES, seed }),
  );
  return { files, images: createFiles(task.cpu, [task.shared as ProcessLayout]) };
}

/** One of the processes: there is one on each CPU. */
export function scaleProcess(task: ProgramTask): void {
  build(task);
  work(task);
}

/** The process whose threads work: it is one of them, and starts one on every other CPU. */
export function scaleMain(task: ProgramTask): void {
  // Before there are threads: who waits for the others answers no interrupt.
  build(task);
  for (let cpu = 0; cpu < task.cpus; cpu++) {
    if (cpu !== task.cpuId) task.clone("scaleThread", { cpu });
  }
  work(task);
  for (let cpu = 1; cpu < task.cpus; cpu++) {
    const { status, signal } = task.wait();
    if (status !== 0 || signal !== 0) {
      throw new Error(`a thread ended with status ${status}, signal ${signal}`);
    }
  }
}

/** One of the others. */
export function scaleThread(task: ProgramTask): void {
  work(task);
}

/** The child of fork1: writes what a C library writes, and exits. */
export function scaleChild(task: ProgramTask): void {
  for (const page of hotPages(orderOf(task).forked)) task.store32(page, page);
}
