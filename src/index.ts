// The public API: machines, programs, and what a program sees.

import { threadsEngine } from "./engine/threads/engine.ts";
import { createMachine as createOn, type Machine } from "./machine/machine.ts";
import type { MachineOptions } from "./machine/config.ts";

export { ConfigError, KernelBug, MachineSignal, SyscallError } from "./kernel/error.ts";
export type { SignalName } from "./kernel/error.ts";
export { KERNELS, type KernelEntry } from "./kernel/catalogue.ts";
export type { MachineConfig, MachineOptions } from "./machine/config.ts";
export { Machine, type RunOptions } from "./machine/machine.ts";
export type { Program, ProgramModule } from "./machine/program.ts";
export { ProgramTask, type ForkOptions } from "./machine/task.ts";
export type { ExecImage, Segment } from "./mm/exec.ts";
export type { Protection } from "./mm/map.ts";
export type { ContentFile, FileContent, SeedFile } from "./syscall/file.ts";
export type { MmapOptions, MremapOptions } from "./syscall/memory.ts";
export type { Usage, WaitResult } from "./syscall/process.ts";

/** Makes a machine with a worker thread for each CPU and boots it. Rejects with ConfigError. */
export async function createMachine(options: MachineOptions = {}): Promise<Machine> {
  return createOn(options, threadsEngine);
}
