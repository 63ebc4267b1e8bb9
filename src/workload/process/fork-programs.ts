// lmbench's lat_proc on the machine: fork+exit, fork+exec, fork+sh of a process that a layout
// describes. Each CPU has a parent of its own, built anew in every round; the child runs on the
// parent's CPU and is waited for.
//
// Around the fork the parent and the child each write the top of the stack and two data pages, as a
// C library does: these are the copy-on-write faults of one operation. Left out: the pages that a
// real shell would touch for its arguments.

import { PHASE_OTHER, NR_PHASES } from "../../layout/structs.gen.ts";
import type { ProgramTask } from "../../machine/task.ts";
import type { ExecImage } from "../../mm/exec.ts";
import type { ForkWorkloadName, RoundOrder, RoundResult } from "./fork-round.ts";
import type { ProcessLayout } from "../process-layout/layout.ts";
import {
  buildProcess,
  createFiles,
  execImage,
  hotPages,
  touchImage,
  type FileTable,
} from "./image.ts";

const CHILDREN: Record<ForkWorkloadName, string> = {
  "fork+exit": "childExit",
  "fork+exec": "childExec",
  "fork+sh": "childShell",
};

/** What follows from an order, worked out once: the programs are measured, not this. */
interface Plan extends RoundOrder {
  readonly hot: readonly number[];
  readonly shellHot: readonly number[];
  readonly helloImage: ExecImage;
  readonly shellImage: ExecImage;
}

const plans = new WeakMap<RoundOrder, Plan>();

function planOf(task: ProgramTask): Plan {
  const order = task.shared as RoundOrder;
  const known = plans.get(order);
  if (known !== undefined) return known;
  const plan = {
    ...order,
    hot: hotPages(order.layout),
    shellHot: hotPages(order.shell),
    helloImage: execImage(order.hello, order.files),
    shellImage: execImage(order.shell, order.files),
  };
  plans.set(order, plan);
  return plan;
}

/** Makes the files of all layouts; run once on a machine. */
export function prepareFiles(task: ProgramTask): FileTable {
  return createFiles(task.cpu, task.shared as ProcessLayout[]);
}

/** Waits until the parents of all CPUs are built. */
function meet(order: RoundOrder, cpus: number): void {
  const arrived = new Int32Array(order.barrier);
  const before = Atomics.add(arrived, 0, 1);
  if (before === cpus - 1) {
    Atomics.store(arrived, 1, 1);
    Atomics.notify(arrived, 1);
  } else {
    Atomics.wait(arrived, 1, 0);
  }
}

function writePages(task: ProgramTask, pages: readonly number[]): void {
  for (const page of pages) task.store32(page, page);
}

/** One operation; returns its time in ns. */
function operate(task: ProgramTask, child: string, pages: readonly number[]): number {
  const start = performance.now();
  task.fork(child);
  writePages(task, pages);
  const { status, signal } = task.wait();
  const ns = (performance.now() - start) * 1e6;
  if (status !== 0 || signal !== 0) {
    throw new Error(
      `a child ended with status ${status}, signal ${signal}: is the memory too small?`,
    );
  }
  return ns;
}

/** A parent: builds the process, forks it until the time is over, tells how long each took. */
export function forkParent(task: ProgramTask): RoundResult {
  const order = planOf(task);
  const { k } = task.cpu;
  const pages = order.hot;
  buildProcess(task, order.layout, order.files);
  const child = CHILDREN[order.workload];
  meet(order, task.cpus);
  for (let i = 0; i < order.warmup; i++) operate(task, child, pages);

  k.phase_reset();
  const times: number[] = [];
  const end = performance.now() + order.milliseconds;
  do times.push(operate(task, child, pages));
  while (performance.now() < end);
  k.phase_enter(PHASE_OTHER);

  const phases: number[] = [];
  for (let phase = 0; phase < NR_PHASES; phase++) {
    phases.push(k.phase_time(phase) / times.length);
  }
  return { times, phases };
}

/** The child of fork+exit. */
export function childExit(task: ProgramTask): void {
  writePages(task, planOf(task).hot);
}

/** The child of fork+exec: becomes the small program, which touches its pages and exits. */
export function childExec(task: ProgramTask): void {
  const { hot, hello, helloImage } = planOf(task);
  writePages(task, hot);
  task.exec(helloImage);
  touchImage(task, hello);
}

/**
 * The child of fork+sh: becomes a shell, which forks and executes the small program and waits for
 * it.
 */
export function childShell(task: ProgramTask): void {
  const { hot, shell, shellHot, shellImage } = planOf(task);
  writePages(task, hot);
  task.exec(shellImage);
  touchImage(task, shell);
  task.fork("shellChild");
  writePages(task, shellHot);
  task.wait();
}

/** What the shell forks. */
export function shellChild(task: ProgramTask): void {
  const { shellHot, hello, helloImage } = planOf(task);
  writePages(task, shellHot);
  task.exec(helloImage);
  touchImage(task, hello);
}
