// Operations on processes: fork, threads, exec, wait; and how a process ends.

import {
  PerCpu,
  TASK_SIZE,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_READ,
  VM_WRITE,
} from "../../layout/structs.gen.ts";
import { getU32 } from "../../layout/view.ts";
import type { ExecImage, Segment } from "../../mm/exec.ts";
import { VM_MAY_ALL } from "../../mm/map.ts";
import type { WaitResult } from "../../syscall/process.ts";
import { CHANGE_OVER, CPU_RUNNING, CPU_WAITING, PAGES, REGIONS, THREADS } from "./board.ts";
import type { Actor } from "./actor.ts";
import { enterHeap } from "./map-ops.ts";
import type { Model } from "./model.ts";
import {
  KIND_ANON,
  KIND_FILE,
  KIND_NONE,
  KIND_OBJECT,
  KIND_STACK,
  PAGE_EXEC,
  PAGE_MAPPED,
  PAGE_READ,
  PAGE_WRITE,
  UNCERTAIN,
  type Region,
} from "./region.ts";
import { stackTop, windowOf } from "./places.ts";
import { ALL_WORDS } from "./words.ts";

/** Forks between a job and its last descendants. */
const MAX_DEPTH = 3;
/** Children of one thread at a time. */
const MAX_CHILDREN = 4;

/** CPU for a child: this one, or another. */
function chooseCpu(actor: Actor): number {
  return actor.random.chance(40) ? actor.task.cpuId : actor.random.below(actor.task.cpus);
}

/**
 * What the child knows of a word that another thread of the parent may be storing during the fork.
 */
function blur(parent: Region, child: Region, page: number, word: number): void {
  const epoch = child.epoch(page);
  const certain = child.wordEpoch(page, word) === epoch;
  const most = parent.most(page, word);
  const least = certain ? child.least(page, word) : 0;
  child.setWord(page, word, least, most, certain ? epoch : UNCERTAIN);
}

/**
 * The part of one thread in a child's model, when fork is over: kept if it `stood` still
 * all the time, else given up. What the other threads of the parent store meanwhile may
 * or may not have reached the child.
 */
function settlePart(
  actor: Actor,
  child: Model,
  thread: number,
  stood: () => boolean,
  foreign: readonly number[],
): void {
  const part = child.regions.slice(thread * REGIONS, (thread + 1) * REGIONS);
  const regions = part.filter((region) => region.kind !== KIND_NONE);
  for (const region of part) region.settle();
  for (const region of regions) {
    const source = actor.model.regions[region.index] as Region;
    for (let page = 0; page < region.count; page++) {
      for (const word of foreign) blur(source, region, page, word);
    }
  }
  // Asked last: in the parent, another region may have taken the place of one that was read.
  if (stood()) return;
  child.markMoved(thread);
  for (const region of regions) actor.dropRegion(region);
}

/** Fork is over. `seqs`: of each thread's part, from before the model was copied. */
export function settle(
  actor: Actor,
  child: Model,
  seqs: readonly number[],
  foreign: readonly number[],
): void {
  seqs.forEach((seq, thread) => {
    const stood = (): boolean => seq % CHANGE_OVER === 0 && actor.model.threadSeq(thread) === seq;
    settlePart(actor, child, thread, stood, foreign);
  });
}

/**
 * A model for the child, with all that the parent's model says now; undefined when none is free.
 */
function prepareChild(actor: Actor): Model | undefined {
  const child = actor.models.find((model) => model.claim(actor.model.depth + 1));
  if (child === undefined) return undefined;
  child.copyRegions(actor.model);
  child.hoarding = actor.model.hoarding;
  // Before the parent's layout is known to have stood still: an object that goes meanwhile must not
  // come back as another.
  for (const region of child.regions) {
    if (region.kind === KIND_OBJECT) actor.objects[region.object]?.addReference();
  }
  return child;
}

/** Gives a model and what it refers to back. */
export function releaseModel(actor: Actor, model: Model): void {
  for (const region of model.regions) {
    if (region.kind === KIND_OBJECT) actor.objects[region.object]?.dropReference();
    region.vanish();
  }
  model.hoarding = false;
  model.release();
}

/** fork: a child with a copy of everything, which goes on by itself. */
export function opFork(actor: Actor): void {
  const { model, random, board } = actor;
  if (model.depth >= MAX_DEPTH || actor.children.size >= MAX_CHILDREN) return;
  // Words that somebody else may store during the fork.
  const foreign = ALL_WORDS.filter((word) => !actor.owns(word % THREADS));
  const seqs = Array.from({ length: THREADS }, (_, thread) => model.threadSeq(thread));
  const record = board.newRecord();
  if (record === undefined) return;
  const child = prepareChild(actor);
  if (child === undefined) {
    board.dropRecord(record, false);
    return;
  }
  const args = [child.index, random.bits(), random.between(4, 90), record];
  const cpu = chooseCpu(actor);
  actor.count("fork");
  let pid = 0;
  const error = actor.request("fork", [], () => {
    pid = actor.task.fork("stressChild", { args, cpu });
  });
  if (error !== undefined) {
    board.dropRecord(record, false);
    releaseModel(actor, child);
    return;
  }
  actor.children.set(pid, { record });
  settle(actor, child, seqs, foreign);
  child.publish();
}

/**
 * fork of a child that does nothing, on this CPU; its pid, or undefined if there was no memory for
 * it.
 */
export function forkIdle(actor: Actor): number | undefined {
  const record = actor.board.newRecord();
  if (record === undefined) return undefined;
  actor.count("fork");
  let pid = 0;
  const error = actor.request("fork", [], () => {
    pid = actor.task.fork("stressIdle", { args: [record] });
  });
  if (error !== undefined) {
    actor.board.dropRecord(record, false);
    return undefined;
  }
  actor.children.set(pid, { record });
  return pid;
}

/**
 * Lets the tasks run that are queued on this CPU: a child that does nothing comes after them, and
 * is waited for.
 */
export function runQueued(actor: Actor): void {
  const { cpu } = actor.task;
  if (getU32(cpu, cpu.area + PerCpu.nr_running) === 0 || !actor.random.chance(30)) return;
  const pid = forkIdle(actor);
  while (pid !== undefined && actor.children.has(pid)) waitForOne(actor);
}

/**
 * A child cannot know what another thread of its parent was mapping during the fork: it unmaps the
 * whole part.
 */
export function forgetMoved(actor: Actor): void {
  const { model, task } = actor;
  for (let thread = 1; thread < THREADS; thread++) {
    if (!model.hasMoved(thread)) continue;
    const { low, high } = windowOf(thread);
    task.munmap(low, high - low);
  }
  if (!model.hasMoved(0)) return;
  // Everything that is in nobody's window belongs to the first thread, and so does its own.
  let low = 0;
  for (let thread = 1; thread < THREADS; thread++) {
    const window = windowOf(thread);
    task.munmap(low, window.low - low);
    low = window.high;
  }
  task.munmap(low, TASK_SIZE - low);
}

/**
 * clone: another thread for this address space, here or on another CPU. Only the first thread
 * starts others.
 */
export function opClone(actor: Actor): void {
  const { model, random, board } = actor;
  if (actor.thread !== 0 || actor.children.size >= MAX_CHILDREN) return;
  const thread = [1, 2, 3].find((each) => each < THREADS && !model.isAlive(each));
  if (thread === undefined) return;
  const record = board.newRecord();
  if (record === undefined) return;
  const args = [model.index * THREADS + thread, random.bits(), random.between(10, 120), record];
  const cpu = chooseCpu(actor);
  actor.count("clone");
  model.addUser();
  model.setAlive(thread, true);
  let pid = 0;
  const error = actor.request("clone", [], () => {
    pid = actor.task.clone("stressThread", { args, cpu });
  });
  if (error === undefined) {
    actor.children.set(pid, { record });
    return;
  }
  board.dropRecord(record, false);
  model.setAlive(thread, false);
  model.dropUser();
}

/** Compares what wait told with what the child wrote. */
function checkEnd(actor: Actor, { pid, status, signal }: WaitResult): void {
  const child = actor.children.get(pid);
  if (child === undefined) {
    actor.fail("WAIT", `wait of pid ${actor.task.pid}`, "a child", `pid ${pid}`);
  }
  actor.children.delete(pid);
  const said = actor.board.takeRecord(child.record);
  const found = status + signal * 256;
  if (said !== found) {
    actor.fail(
      "WAIT",
      `end of pid ${pid}`,
      `status ${said & 255}, signal ${said >> 8}`,
      `status ${status}, signal ${signal}`,
    );
  }
}

/** Waits for one child; other tasks of this CPU run meanwhile. */
export function waitForOne(actor: Actor): void {
  if (actor.children.size === 0) return;
  const { board, task } = actor;
  actor.count("wait");
  board.setCpuState(task.cpuId, CPU_WAITING);
  const result = task.wait();
  board.setCpuState(task.cpuId, CPU_RUNNING);
  checkEnd(actor, result);
}

/** Waits for all children. */
export function waitForAll(actor: Actor): void {
  while (actor.children.size > 0) waitForOne(actor);
}

const BRK = 0x1000_0000;
const TEXT = 0x40_0000;

/** An image: text and data of a file, bss, a stack; and what the model will say of each. */
function randomImage(actor: Actor): { image: ExecImage; enter: () => void } {
  const { random, order, model, board } = actor;
  const file = random.pick(order.seedFiles);
  const text = random.between(1, 12);
  const data = random.between(1, 8);
  const bss = random.between(1, 16);
  const stack = random.between(1, 8);
  const at = (pages: number): number => TEXT + pages * 4096;
  const segment = (start: number, pages: number, flags: number, pgoff = -1): Segment => ({
    ...{ start, length: pages * 4096, flags: flags | VM_MAY_ALL },
    ...{ file: pgoff < 0 ? 0 : file.handle, pgoff: Math.max(pgoff, 0) },
  });
  const segments = [
    segment(at(0), text, VM_READ | VM_EXEC, 0),
    segment(at(text), data, VM_READ | VM_WRITE, text),
    segment(at(text + data), bss, VM_READ | VM_WRITE),
    segment(stackTop(0) - stack * 4096, stack, VM_READ | VM_WRITE | VM_GROWSDOWN),
  ];
  const writable = PAGE_MAPPED | PAGE_READ | PAGE_WRITE;
  const content = { seed: file.seed, sizeBytes: file.sizeBytes };
  const shapes = [
    {
      ...content,
      kind: KIND_FILE,
      base: at(0),
      count: text,
      protection: PAGE_MAPPED | PAGE_READ | PAGE_EXEC,
    },
    {
      ...content,
      kind: KIND_FILE,
      base: at(text),
      count: data,
      protection: writable,
      filePage: text,
    },
    { kind: KIND_ANON, base: at(text + data), count: bss, protection: writable },
    { kind: KIND_STACK, base: stackTop(0), count: PAGES, protection: writable },
  ];
  const enter = (): void => {
    shapes.forEach((shape, i) => {
      const region = model.regions[i + 1] as Region;
      region.beginChange();
      region.become(shape, board.nextIdentity());
      for (let page = stack; shape.kind === KIND_STACK && page < PAGES; page++) {
        region.setProtection(page, 0);
      }
      region.endChange();
    });
    enterHeap(actor, BRK);
  };
  return { image: { segments, brk: BRK, stackTop: stackTop(0) }, enter };
}

/** exec: a new address space in place of the old one. */
export function opExec(actor: Actor): void {
  const { model } = actor;
  if (actor.thread !== 0 || !actor.alone) return;
  const { image, enter } = randomImage(actor);
  actor.count("exec");
  const error = actor.request("exec", [], () => {
    actor.task.exec(image);
  });
  if (error !== undefined) return;
  actor.hoard = undefined;
  // They were closed with the old address space.
  actor.notifiers.length = 0;
  model.hoarding = false;
  for (const region of actor.ownRegions) {
    region.beginChange();
    actor.dropRegion(region);
    region.endChange();
  }
  enter();
}
