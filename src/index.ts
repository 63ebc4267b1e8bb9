// The public API: machines, programs, and what a program sees.

import { threadsEngine } from "./engine/threads/engine.ts";
import { bootParts, Machine as MachineOnAnyEngine } from "./machine/machine.ts";
import type { MachineOptions } from "./machine/config.ts";

export { ConfigError, KernelBug, MachineSignal, SyscallError } from "./kernel/error.ts";
export type { SignalName } from "./kernel/error.ts";
export { KERNELS, type KernelEntry } from "./kernel/catalogue.ts";
export type { KernelSettings } from "./kernel/variant.ts";
export type { Cpu } from "./kernel/load.ts";
export { LOCKS, type LockEntry, type LockPromises } from "./lab/catalogue.ts";
export { compileLock, type CompiledLock, type LockBuild } from "./lab/compile.ts";
export type { Reading } from "./lab/contract.ts";
export {
  LAB_MAX_CPUS,
  LAB_MEMORY,
  labImports,
  writeLabParams,
  type LabParams,
} from "./lab/memory.ts";
export { lockSource, textSource, type LockSource } from "./lab/sources.ts";
export { defineNotifierClient, entryFor } from "./notifier/client.ts";
export type {
  NotifierClient,
  Perform,
  Secondary,
  Self,
  Tag,
  Translation,
  UserPage,
} from "./notifier/client.ts";
export {
  atomic,
  atomics,
  entries,
  i32,
  mutex,
  spinlock,
  u32,
  waitQueue,
  words,
} from "./notifier/state.ts";
export type {
  AtomicField,
  EntriesField,
  FieldType,
  MutexField,
  SpinLockField,
  StateFields,
  StateOf,
  WaitQueueField,
  WordsField,
} from "./notifier/state.ts";
export type { Unit, Vaddr } from "./layout/units.ts";
export type { MemoryViews } from "./layout/view.ts";
export type { MachineConfig, MachineOptions } from "./machine/config.ts";
export type { RunOptions } from "./machine/machine.ts";
export type { ProcFile } from "./machine/proc/proc.ts";
export type { Program, ProgramModule } from "./machine/program.ts";
export { ProgramTask, type ForkOptions } from "./machine/task.ts";
export type { ExecImage, Segment } from "./mm/exec.ts";
export type { Protection } from "./mm/map.ts";
export type { ContentFile, FileContent, SeedFile } from "./syscall/file.ts";
export type { MmapOptions, MremapOptions } from "./syscall/memory.ts";
export type { SwapArea } from "./syscall/swap.ts";
export type { Usage, WaitResult } from "./syscall/process.ts";

/** An emulated machine: `await Machine.boot({ kernel: "2.6.9", cpus: 2 })`. */
export class Machine extends MachineOnAnyEngine {
  /** Makes a machine with a worker thread for each CPU and boots it. Rejects with ConfigError. */
  static async boot(options: MachineOptions = {}): Promise<Machine> {
    return new Machine(...(await bootParts(options, threadsEngine)));
  }
}
