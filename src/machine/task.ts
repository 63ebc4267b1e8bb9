// A running program's view of the machine: its syscalls, its memory accesses, its children. One
// object for each running task; made by the CPU loop and handed to the program as its first
// argument.

import { Task } from "../layout/structs.gen.ts";
import { getU32 } from "../layout/view.ts";
import { vaddr, type Vaddr } from "../layout/units.ts";
import type { Cpu } from "../kernel/load.ts";
import type { ExecImage } from "../mm/exec.ts";
import type { Protection } from "../mm/map.ts";
import type { NotifierHost } from "../notifier/host.ts";
import {
  sysCloseFile,
  sysCreateFile,
  sysFileBytes,
  sysFtruncate,
  type FileContent,
} from "../syscall/file.ts";
import {
  sysBrk,
  sysMadviseDontneed,
  sysMmap,
  sysMprotect,
  mmOf,
  sysMremap,
  sysMunmap,
  type MmapOptions,
  type MremapOptions,
} from "../syscall/memory.ts";
import {
  sysClone,
  sysExec,
  sysFork,
  sysGetrusage,
  type Usage,
  type WaitResult,
} from "../syscall/process.ts";
import { sysSwapoff, sysSwapon, type SwapArea } from "../syscall/swap.ts";
import { checkPlace } from "./config.ts";
import { faultSignal } from "./fault-signal.ts";
import { procText, type ProcFile } from "./proc/proc.ts";
import { smaps } from "./proc/smaps.ts";

/** What the CPU loop does for a task besides the kernel. */
export interface TaskHost {
  /**
   * Number of a program in the machine's table. Throws ConfigError for a name that is not in it.
   */
  programId(name: string): number;
  /** Waits for a child of `task`, running other tasks of this CPU meanwhile. */
  waitForChild(task: number): WaitResult;
  /** Clients of MMU notifiers. */
  readonly notifiers: NotifierHost;
  /** CPUs of the machine. */
  readonly cpus: number;
  /** Kernel version. */
  readonly kernel: string;
  /** What the host gave with a job. */
  sharedOf(job: number): unknown;
}

/** Ends a program from anywhere inside it; thrown by exit(). */
export class ProgramExit {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}

/** How a child is started. */
export interface ForkOptions {
  /** Numbers for the child's program, at most four. @defaultValue none */
  readonly args?: readonly number[];
  /** CPU that runs it. @defaultValue the parent's */
  readonly cpu?: number;
}

/** A running program's view of the machine. */
export class ProgramTask {
  /** The CPU it runs on; for harnesses that need kernel calls of their own. */
  readonly cpu: Cpu;
  /** Address of the task's struct. */
  readonly address: number;
  readonly pid: number;
  readonly #host: TaskHost;
  readonly #shared: unknown;

  /**
   * Made by the CPU loop.
   * @internal
   */
  constructor(cpu: Cpu, address: number, host: TaskHost) {
    this.cpu = cpu;
    this.address = address;
    this.pid = getU32(cpu, address + Task.pid);
    this.#shared = host.sharedOf(getU32(cpu, address + Task.job));
    this.#host = host;
  }

  /** Number of the CPU that runs the program. */
  get cpuId(): number {
    return this.cpu.id;
  }

  /** CPUs of the machine. */
  get cpus(): number {
    return this.#host.cpus;
  }

  /** Version of the machine's kernel. */
  get kernel(): string {
    return this.#host.kernel;
  }

  /** What the host gave with the job: a SharedArrayBuffer or plain data. Children find it too. */
  get shared(): unknown {
    return this.#shared;
  }

  /** Maps memory; returns its address. Throws SyscallError. */
  mmap(options: MmapOptions): Vaddr {
    return vaddr(sysMmap(this.cpu, this.address, options));
  }

  /** Unmaps [start, start + length). Throws SyscallError. */
  munmap(start: number, length: number): void {
    sysMunmap(this.cpu, this.address, start, length);
  }

  /** Changes what may be done with a range. Throws SyscallError. */
  mprotect(start: number, length: number, prot: Protection): void {
    sysMprotect(this.cpu, this.address, start, length, prot);
  }

  /** Resizes or moves a mapping; returns its address. Throws SyscallError. */
  mremap(start: number, oldLength: number, newLength: number, options?: MremapOptions): Vaddr {
    return vaddr(sysMremap(this.cpu, this.address, start, oldLength, newLength, options));
  }

  /** Moves the end of the heap; returns where it is then. brk(0) asks. */
  brk(end: number): Vaddr {
    return vaddr(sysBrk(this.cpu, this.address, end));
  }

  /** Drops the pages of a range: private ones read as new afterwards. Throws SyscallError. */
  madviseDontneed(start: number, length: number): void {
    sysMadviseDontneed(this.cpu, this.address, start, length);
  }

  /** Makes a file for mmap from bytes or from a seed; returns its handle. Throws SyscallError. */
  createFile(content: FileContent): number {
    return sysCreateFile(this.cpu, content);
  }

  /** Gives the handle of a file back; mappings keep the file as long as they need it. */
  closeFile(file: number): void {
    sysCloseFile(this.cpu, file);
  }

  /** Gives a file a new length; an access behind its end is SIGBUS. Throws SyscallError. */
  ftruncate(file: number, sizeBytes: number): void {
    sysFtruncate(this.cpu, file, sizeBytes);
  }

  /** A copy of what a file holds in [offset, offset + length), as far as it reaches. */
  fileBytes(file: number, offset: number, length: number): Uint8Array {
    return sysFileBytes(this.cpu, file, offset, length);
  }

  /** Adds a swap area on the machine's disk; returns its number. Throws SyscallError EINVAL or ENOMEM. */
  swapon(options: SwapArea): number {
    return sysSwapon(this.cpu, options);
  }

  /** Empties a swap area and takes it away. Throws SyscallError EINVAL, or ENOMEM when its pages do not fit. */
  swapoff(area: number): void {
    sysSwapoff(this.cpu, area);
  }

  /**
   * Starts a child with a copy of the address space; returns its pid. Throws SyscallError EAGAIN
   * when out of memory.
   */
  fork(program: string, options: ForkOptions = {}): number {
    return sysFork(this.cpu, this.address, this.#child(program, options));
  }

  /** Starts a thread that shares the address space; returns its pid. Throws SyscallError EAGAIN. */
  clone(program: string, options: ForkOptions = {}): number {
    return sysClone(this.cpu, this.address, this.#child(program, options));
  }

  /** Replaces the address space by a new image. Throws SyscallError. */
  exec(image: ExecImage): void {
    sysExec(this.cpu, this.address, image);
  }

  /** What a file of /proc says, in the lines of Linux; `smaps` is that of the process itself. */
  proc(file: ProcFile | "smaps"): string {
    const { cpu } = this;
    if (file !== "smaps") return procText(cpu, file);
    const mapcountOf = (pfn: number): number => cpu.k.page_mapcount(cpu.k.page_of_pfn(pfn));
    return smaps(cpu, mmOf(cpu, this.address), mapcountOf);
  }

  /** Waits for a child to end. Throws SyscallError ECHILD when there is none. */
  wait(): WaitResult {
    return this.#host.waitForChild(this.address);
  }

  /** Ends the program with a status of 0 to 255. */
  exit(status = 0): never {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- no error: it only leaves the program's frames
    throw new ProgramExit(status);
  }

  /** Counters of the task. */
  usage(): Usage {
    return sysGetrusage(this.cpu, this.address);
  }

  /** Loads a byte. Throws MachineSignal. */
  load8(address: number): number {
    const value = this.cpu.k.user_load8(address);
    this.#check();
    return value;
  }

  /** Loads 16 bits; the address is a multiple of 2. Throws MachineSignal. */
  load16(address: number): number {
    const value = this.cpu.k.user_load16(address);
    this.#check();
    return value;
  }

  /** Loads 32 bits; the address is a multiple of 4. Throws MachineSignal. */
  load32(address: number): number {
    const value = this.cpu.k.user_load32(address) >>> 0;
    this.#check();
    return value;
  }

  /** Loads 64 bits; the address is a multiple of 8. Throws MachineSignal. */
  load64(address: number): bigint {
    const value = BigInt.asUintN(64, this.cpu.k.user_load64(address));
    this.#check();
    return value;
  }

  /** Stores a byte. Throws MachineSignal. */
  store8(address: number, value: number): void {
    this.cpu.k.user_store8(address, value);
    this.#check();
  }

  /** Stores 16 bits; the address is a multiple of 2. Throws MachineSignal. */
  store16(address: number, value: number): void {
    this.cpu.k.user_store16(address, value);
    this.#check();
  }

  /** Stores 32 bits; the address is a multiple of 4. Throws MachineSignal. */
  store32(address: number, value: number): void {
    this.cpu.k.user_store32(address, value);
    this.#check();
  }

  /** Stores 64 bits; the address is a multiple of 8. Throws MachineSignal. */
  store64(address: number, value: bigint): void {
    this.cpu.k.user_store64(address, value);
    this.#check();
  }

  /** Touches one word of each page of a range. Throws MachineSignal. */
  touch(start: number, length: number, access: "read" | "write" = "write"): void {
    this.cpu.k.user_touch(start, length, access === "write" ? 1 : 0);
    this.#check();
  }

  /** Copies inside the program's memory. Throws MachineSignal; what was copied before it stays. */
  copy(target: number, source: number, length: number): void {
    this.cpu.k.user_copy(target, source, length);
    this.#check();
  }

  /**
   * Lets a secondary MMU follow this address space: `client` maps `pages` pages from `start` on. Returns its handle,
   * which other processes may use too. Throws SyscallError EINVAL or ENOMEM.
   */
  registerNotifier(client: string, start: number, pages: number): number {
    return this.#host.notifiers.register(client, mmOf(this.cpu, this.address), { start, pages });
  }

  /**
   * registerNotifier() by a driver, for an address space that it is a user of (get_task_mm). It goes on when the
   * process has ended, until the driver unregisters.
   */
  registerNotifierFor(mm: number, client: string, start: number, pages: number): number {
    return this.#host.notifiers.register(client, mm, { start, pages, foreign: true });
  }

  /** Ends a registration: its handle is no longer valid. Throws SyscallError ENOMEM, and then it goes on. */
  unregisterNotifier(handle: number): void {
    this.#host.notifiers.unregister(handle);
  }

  /** Another process uses a handle: what it stands for stays until detachNotifier(). */
  attachNotifier(handle: number): void {
    this.#host.notifiers.attach(handle);
  }

  /** Ends attachNotifier(). */
  detachNotifier(handle: number): void {
    this.#host.notifiers.detach(handle);
  }

  /** Loads 32 bits through a secondary MMU; the address is that of the process. Throws MachineSignal. */
  secondaryLoad32(handle: number, address: number): number {
    return this.#host.notifiers.load32(handle, address);
  }

  /** Stores 32 bits through a secondary MMU; the address is that of the process. Throws MachineSignal. */
  secondaryStore32(handle: number, address: number, value: number): void {
    this.#host.notifiers.store32(handle, address, value);
  }

  /** Loads 64 bits through a secondary MMU. Throws MachineSignal. */
  secondaryLoad64(handle: number, address: number): bigint {
    return this.#host.notifiers.load64(handle, address);
  }

  /** Stores 64 bits through a secondary MMU. Throws MachineSignal. */
  secondaryStore64(handle: number, address: number, value: bigint): void {
    this.#host.notifiers.store64(handle, address, value);
  }

  /** What the client of a secondary MMU has counted so far, by name. */
  secondaryCounts(handle: number): Readonly<Record<string, number>> {
    return this.#host.notifiers.counts(handle);
  }

  /** Lets this CPU do what there is to do for a secondary MMU; false if there was nothing. */
  serveSecondary(handle: number): boolean {
    return this.#host.notifiers.serve(handle);
  }

  #child(
    program: string,
    options: ForkOptions,
  ): { program: number; args: readonly number[]; cpu: number } {
    const { args = [], cpu = this.cpu.id } = options;
    checkPlace(this.#host.cpus, cpu, args);
    return { program: this.#host.programId(program), args, cpu };
  }

  #check(): void {
    const signal = faultSignal(this.cpu);
    if (signal !== undefined) throw signal;
  }
}
