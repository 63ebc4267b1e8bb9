// The process syscalls: fork, clone of a thread, exec, exit, wait. Linux: kernel/fork.c and
// kernel/exit.c of 2.6.9, as far as memory management sees them. A child is a program of the host's
// table with up to four numbers; see src/machine.

import { EAGAIN, ECHILD, ENOEXEC, isErrno } from "../layout/errno.ts";
import { Task } from "../layout/structs.gen.ts";
import { getI32, getU32, setI32 } from "../layout/view.ts";
import { SyscallError } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";
import { buildMm, type ExecImage } from "../mm/exec.ts";
import { dupMm } from "../mm/fork.ts";
import { mmput } from "../mm/unmap.ts";
import { mmOf } from "./memory.ts";

/** What a child runs: a program's number in the host's table, and its arguments. */
export interface ChildProgram {
  readonly program: number;
  readonly args: readonly number[];
  /** CPU that runs it. */
  readonly cpu: number;
}

/** Arguments that a program takes, at most. */
export const MAX_PROGRAM_ARGS = 4;

/** Writes a program's arguments into its task. */
export function setTaskArgs(cpu: Cpu, task: number, args: readonly number[]): void {
  for (let i = 0; i < MAX_PROGRAM_ARGS; i++) {
    cpu.f64[(task + Task.arg0 + i * 8) >>> 3] = args[i] ?? 0;
  }
}

/** Reads what setTaskArgs wrote: always four numbers. */
export function taskArgs(cpu: Cpu, task: number): [number, number, number, number] {
  const { f64 } = cpu;
  const at = (task + Task.arg0) >>> 3;
  return [f64[at] ?? 0, f64[at + 1] ?? 0, f64[at + 2] ?? 0, f64[at + 3] ?? 0];
}

/**
 * A task for `mm`, whose reference it takes over; made ready on its CPU. Returns its pid, or
 * -EAGAIN.
 */
function startChild(cpu: Cpu, parent: number, mm: number, child: ChildProgram): number {
  const task = cpu.k.task_alloc(parent, mm, child.program);
  if (task === 0) {
    mmput(cpu, mm);
    return -EAGAIN;
  }
  setTaskArgs(cpu, task, child.args);
  const pid = getU32(cpu, task + Task.pid);
  cpu.k.wake_up_new_task(task, child.cpu);
  return pid;
}

/**
 * Starts a child with a copy of the address space; returns its pid. Throws SyscallError EAGAIN when
 * out of memory.
 */
export function sysFork(cpu: Cpu, task: number, child: ChildProgram): number {
  cpu.k.take_interrupts();
  const mm = dupMm(cpu, mmOf(cpu, task));
  const pid = mm === 0 ? -EAGAIN : startChild(cpu, task, mm, child);
  if (pid < 0) throw new SyscallError("fork", pid, "out of memory");
  return pid;
}

/**
 * Starts a thread: a child that shares the address space; returns its pid. Throws SyscallError
 * EAGAIN.
 */
export function sysClone(cpu: Cpu, task: number, child: ChildProgram): number {
  cpu.k.take_interrupts();
  const mm = mmOf(cpu, task);
  cpu.k.mm_get_user(mm);
  const pid = startChild(cpu, task, mm, child);
  if (pid < 0) throw new SyscallError("clone", pid, "out of memory");
  return pid;
}

/** Replaces the address space of the task. Throws SyscallError; the old one stays then. */
export function sysExec(cpu: Cpu, task: number, image: ExecImage): void {
  cpu.k.take_interrupts();
  const mm = buildMm(cpu, image);
  if (mm === 0 || isErrno(mm)) {
    throw new SyscallError("exec", mm === 0 ? -ENOEXEC : mm, "the image could not be mapped");
  }
  const old = mmOf(cpu, task);
  setI32(cpu, task + Task.mm, mm);
  cpu.k.switch_to(task);
  mmput(cpu, old);
}

/** Ends a task: its address space first, then the task itself. */
export function sysExit(cpu: Cpu, task: number, exitCode: number): void {
  const mm = mmOf(cpu, task);
  setI32(cpu, task + Task.mm, 0);
  mmput(cpu, mm);
  cpu.k.switch_to(0);
  cpu.k.task_exit(task, exitCode);
}

/** What wait tells of a child that ended. */
export interface WaitResult {
  readonly pid: number;
  /** What it gave to exit, 0 to 255; 0 if a signal ended it. */
  readonly status: number;
  /** Number of the signal that ended it, or 0. */
  readonly signal: number;
}

/**
 * A child that has ended, or undefined when all still run. Throws SyscallError ECHILD when there is
 * none.
 */
export function sysWaitNoHang(cpu: Cpu, task: number): WaitResult | undefined {
  cpu.k.take_interrupts();
  const child = cpu.k.wait_task_zombie(task);
  if (child === 0) {
    if (cpu.k.has_children(task) === 0) throw new SyscallError("wait", ECHILD, "no child is left");
    return undefined;
  }
  const pid = getU32(cpu, child + Task.pid);
  const code = getI32(cpu, child + Task.exit_code);
  cpu.k.task_free(child);
  return { pid, status: code & 0xff, signal: code >>> 8 };
}

/** Counters of a task and of its children that have been waited for: getrusage. */
export interface Usage {
  readonly minorFaults: number;
  readonly childrenMinorFaults: number;
}

/** The counters of a task. */
export function sysGetrusage(cpu: Cpu, task: number): Usage {
  return {
    minorFaults: getU32(cpu, task + Task.min_flt),
    childrenMinorFaults: getU32(cpu, task + Task.cmin_flt),
  };
}
