// What can go wrong, in five forms that are never mixed: a refused syscall, a signal, a broken
// kernel, a configuration that makes no sense, a user who ends it.

import { errnoName } from "../layout/errno.ts";

/** A syscall refused. Expected; carries the errno that the kernel returned. */
export class SyscallError extends Error {
  override readonly name = "SyscallError";
  readonly syscall: string;
  readonly code: string;

  constructor(syscall: string, errno: number, detail: string) {
    super(`${syscall}: ${errnoName(errno)}: ${detail}`);
    this.syscall = syscall;
    this.code = errnoName(errno);
  }
}

/** The signals that a memory access can raise. */
export type SignalName = "SIGSEGV" | "SIGBUS" | "SIGKILL";

/**
 * An access that the kernel answered with a signal. Uncaught, it ends the process like the signal
 * would.
 */
export class MachineSignal extends Error {
  override readonly name = "MachineSignal";
  readonly signal: SignalName;
  /** Virtual address of the access, in bytes. */
  readonly address: number;
  readonly access: "read" | "write";

  constructor(signal: SignalName, address: number, access: "read" | "write") {
    super(`${signal}: ${access} at 0x${address.toString(16)}`);
    this.signal = signal;
    this.address = address;
    this.access = access;
  }
}

/** The kernel broke one of its own rules: the machine has stopped. */
export class KernelBug extends Error {
  override readonly name = "KernelBug";
  readonly rule: string;
  readonly cpu: number;
  /** The last events of the machine, oldest first. */
  readonly events: readonly string[];

  constructor(rule: string, cpu: number, detail: string, events: readonly string[] = []) {
    super(`${rule} on CPU ${cpu}: ${detail}`);
    this.rule = rule;
    this.cpu = cpu;
    this.events = events;
  }
}

/** The user configured something impossible. One sentence that names the thing and the way out. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The user ended it before there was anything to tell. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}
