// The programs of racier stress. A job is a process that the host starts, again and again, on each
// CPU; it does random operations, forks children and starts threads, here and on other CPUs, which
// do the same; then it waits for them and ends. What is random comes from the seed alone. See
// docs/stress.md.

import { ProgramExit, type ProgramTask } from "../../machine/task.ts";
import { MachineSignal, type SignalName } from "../../kernel/error.ts";
import { SIGBUS, SIGKILL, SIGSEGV } from "../../layout/structs.gen.ts";
import { opAccess, opCopy, opProbe, opTouch, opVerify } from "./access-ops.ts";
import { Actor, type Desk } from "./actor.ts";
import { Board, CPU_RUNNING, THREADS, type StressFile, type StressOrder } from "./board.ts";
import { opHoard } from "./hoard-ops.ts";
import {
  enterHeap,
  opBrk,
  opFillHole,
  opMap,
  opMapInside,
  opMapOver,
  opMapStack,
} from "./map-ops.ts";
import { joinMeeting, opForkStorm, opMeet } from "./meet-ops.ts";
import { Model } from "./model.ts";
import { sharedObjects } from "./objects.ts";
import {
  forgetMoved,
  opClone,
  opExec,
  opFork,
  releaseModel,
  runQueued,
  waitForAll,
  waitForOne,
} from "./process-ops.ts";
import { opNotifier } from "./notifier-ops.ts";
import { opReclaim } from "./reclaim-ops.ts";
import { opSwap } from "./swap-ops.ts";
import { opTruncate } from "./truncate-ops.ts";
import { opRemap, opRemapPart } from "./remap-ops.ts";
import { opDontneed, opProtect, opUnmap } from "./unmap-ops.ts";

/** Programs of this module, for Machine.load. */
export const STRESS_PROGRAMS = [
  "stressFiles",
  "stressCloseFiles",
  "stressSwapon",
  "stressSwapoff",
  "stressJob",
  "stressChild",
  "stressThread",
  "stressIdle",
] as const;

const OPERATIONS: readonly (readonly [operation: (actor: Actor) => void, weight: number])[] = [
  [opAccess, 420],
  [opMap, 70],
  [opTouch, 50],
  [opUnmap, 36],
  [opProtect, 45],
  [opDontneed, 30],
  [opFillHole, 15],
  [opMapInside, 10],
  [opMapOver, 8],
  [opMapStack, 8],
  [opRemap, 24],
  [opRemapPart, 8],
  [opBrk, 16],
  [opCopy, 20],
  [opVerify, 12],
  [opProbe, 6],
  [opReclaim, 40],
  [opTruncate, 24],
  [opSwap, 2],
  [opHoard, 8],
  [opMeet, 40],
  [opForkStorm, 3],
  [opFork, 26],
  [opClone, 14],
  [opExec, 4],
  [waitForOne, 22],
];

/** The same, and secondary MMUs, where the kernel has notifiers. */
const WITH_NOTIFIERS: typeof OPERATIONS = [...OPERATIONS, [opNotifier, 60]];

/** What Board.operation() tells, in words. */
export const operationName = (operation: number): string =>
  WITH_NOTIFIERS[operation - 1]?.[0].name ?? "nothing";

const choicesOf = (operations: typeof OPERATIONS): (readonly [index: number, weight: number])[] =>
  operations.map(([, weight], index) => [index, weight] as const);
const CHOICES = choicesOf(OPERATIONS);
const CHOICES_WITH_NOTIFIERS = choicesOf(WITH_NOTIFIERS);

const desks = new WeakMap<StressOrder, Desk>();

/** The board of the run, once for each job of a CPU. */
function deskOf(task: ProgramTask): Desk {
  const order = task.shared as StressOrder;
  const known = desks.get(order);
  if (known !== undefined) return known;
  const board = new Board(order.buffer, order.cpus);
  const models = Array.from({ length: board.models }, (_, index) => new Model(board, index));
  const desk = { order, board, models, objects: sharedObjects(board) };
  desks.set(order, desk);
  return desk;
}

const SIGNALS: Readonly<Record<SignalName, number>> = { SIGSEGV, SIGBUS, SIGKILL };

/** How a process ends, as wait will tell. Any other error stops the machine. */
function endOf(error: unknown): { status: number; signal: number } {
  if (error instanceof ProgramExit) return { status: error.status & 0xff, signal: 0 };
  if (error instanceof MachineSignal) return { status: 0, signal: SIGNALS[error.signal] };
  return { status: 255, signal: 0 };
}

/** Random operations until the budget is used up or the host says stop. */
function work(actor: Actor, budget: number): void {
  const choices = actor.order.notifiers.length > 0 ? CHOICES_WITH_NOTIFIERS : CHOICES;
  for (let i = 0; i < budget; i++) {
    actor.pause();
    if (actor.hasStopped()) return;
    runQueued(actor);
    joinMeeting(actor);
    const index = actor.random.weighted(choices);
    actor.note(index, actor.random.state);
    actor.board.setOperation(actor.task.cpuId, index + 1);
    WITH_NOTIFIERS[index]?.[0](actor);
    // What was still waiting when the host said stop has not been done.
    if (!actor.hasStopped()) actor.board.addOperation(actor.task.cpuId);
  }
}

/** One of the ways in which a process ends when it has done its work. */
function finish(actor: Actor): void {
  actor.count("exit");
  const choice = actor.random.below(100);
  if (choice < 30) actor.task.exit(actor.random.below(256));
  // A signal that the program does not catch.
  if (choice < 40) actor.task.load64(4096);
}

/** Everything that a thread does, and what it leaves behind. */
function live(actor: Actor, budget: number, record: number | undefined): void {
  const { board, model, task, thread } = actor;
  const before = board.cpuState(task.cpuId);
  model.setRunning(thread);
  let end = { status: 0, signal: 0 };
  board.setCpuState(task.cpuId, CPU_RUNNING);
  try {
    try {
      work(actor, budget);
      if (!leavesOrphans(actor)) waitForAll(actor);
      finish(actor);
    } catch (error) {
      end = endOf(error);
      if (end.signal === SIGKILL) waitForAll(actor);
      throw error;
    }
  } finally {
    for (const child of actor.children.values()) board.dropRecord(child.record, true);
    if (record !== undefined) board.setRecord(record, end.status, end.signal);
    model.setAlive(thread, false);
    if (model.dropUser()) releaseModel(actor, model);
    board.setCpuState(task.cpuId, before);
  }
}

/** Now and then a process ends before its children. */
const leavesOrphans = (actor: Actor): boolean =>
  actor.children.size > 0 && !actor.hasStopped() && actor.random.chance(4);

/** A process that the host starts. Returns true if it found a model to work with. */
export function stressJob(task: ProgramTask, seed: number, budget: number): boolean {
  const desk = deskOf(task);
  const model = desk.models.find((each) => each.claim(0));
  if (model === undefined) return false;
  const actor = new Actor({ task, desk, model, thread: 0, seed });
  enterHeap(actor, task.brk(0));
  live(actor, budget, undefined);
  return true;
}

/** A child of fork. */
export function stressChild(
  task: ProgramTask,
  index: number,
  seed: number,
  budget: number,
  record: number,
): void {
  const desk = deskOf(task);
  const model = desk.models[index] as Model;
  model.awaitReady();
  const actor = new Actor({ task, desk, model, thread: 0, seed });
  forgetMoved(actor);
  live(actor, budget, record);
}

/** A thread of an address space that others use too. */
export function stressThread(
  task: ProgramTask,
  place: number,
  seed: number,
  budget: number,
  record: number,
): void {
  const desk = deskOf(task);
  const model = desk.models[Math.floor(place / THREADS)] as Model;
  live(new Actor({ task, desk, model, thread: place % THREADS, seed }), budget, record);
}

/** A child that does nothing: it is there to have been forked. */
export function stressIdle(task: ProgramTask, record: number): void {
  deskOf(task).board.setRecord(record, 0, 0);
}

/** Makes the files of a run. `task.shared`: their seeds and sizes. */
export function stressFiles(task: ProgramTask): StressFile[] {
  const wanted = task.shared as readonly Omit<StressFile, "handle">[];
  return wanted.map(({ seed, sizeBytes }) => ({
    ...{ seed, sizeBytes },
    handle: task.createFile({ sizeBytes, seed }),
  }));
}

/** Adds the swap areas of a run. `task.shared`: the order. */
export function stressSwapon(task: ProgramTask): void {
  const { board, order } = deskOf(task);
  for (let slot = 0; slot < order.swapAreas; slot++) {
    const length = order.swapBytes / order.swapAreas;
    board.setSwapArea(slot, task.swapon({ length, priority: slot }));
  }
}

/** Takes them away. `task.shared`: the order. */
export function stressSwapoff(task: ProgramTask): void {
  const { board, order } = deskOf(task);
  for (let slot = 0; slot < order.swapAreas; slot++) {
    if (board.swapArea(slot) >= 0) task.swapoff(board.swapArea(slot));
  }
}

/** Gives the handles of files back. `task.shared`: the files. */
export function stressCloseFiles(task: ProgramTask): void {
  for (const file of task.shared as readonly StressFile[]) task.closeFile(file.handle);
}
