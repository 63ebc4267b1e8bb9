// Sizes and limits of a machine, checked before anything starts. Every refusal names the option and
// the way out.

import { ConfigError } from "../kernel/error.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import { MAX_PROGRAM_ARGS } from "../syscall/process.ts";
import os from "node:os";

/** What a machine is made of. */
export interface MachineOptions {
  /** Kernel version, or a variant of it: "2.6.9+spinlock=ticket". @defaultValue "2.6.9" */
  readonly kernel?: string;
  /** CPUs, 1 to 64. @defaultValue 1 */
  readonly cpus?: number;
  /**
   * Physical memory in bytes, or a text such as "256M", "1G", "64G"; from 8 MiB. @defaultValue
   * "256M"
   */
  readonly memory?: number | string;
  /**
   * A disk for swap areas and for dirty pages of files, in bytes or as a text. With one, memory is reclaimed when
   * it gets low; without, an allocation that finds nothing is refused. @defaultValue 0: none
   */
  readonly disk?: number | string;
  /** The checking build: poison, object tracking, event trace. @defaultValue false */
  readonly checking?: boolean;
  /** Another build of the kernel, compiled for this version. @defaultValue the one of racier */
  readonly module?: WebAssembly.Module;
}

/** A machine's sizes after all checks. */
export interface MachineConfig {
  readonly kernel: string;
  readonly cpus: number;
  /** Frames with content. */
  readonly lowmemPages: number;
  /** Frames without content. */
  readonly highmemPages: number;
  /** Blocks of the disk; 0: none. */
  readonly diskBlocks: number;
  /** Blocks of it that hold content: those that fit into the WebAssembly memory. */
  readonly backedBlocks: number;
  readonly checking: boolean;
  /** More CPUs than the computer has cores. */
  readonly oversubscribed: boolean;
}

/** CPUs, at most. */
export const MAX_CPUS = 64;
const PAGE = 4096;
const MIB = 1024 * 1024;
const MIN_MEMORY = 8 * MIB;
/** What one WebAssembly memory can hold, less its last 64 KiB: addresses must not wrap. */
const MAX_LOWMEM_PAGES = 2 ** 20 - 16;
/** Frames with content of a machine that has highmem, besides those for mem_map. */
const LOWMEM_WITH_HIGHMEM_PAGES = (768 * MIB) / PAGE;
const MAX_MEMORY = 160 * 1024 * MIB;

const UNITS: Record<string, number> = { "": 1, K: 1024, M: MIB, G: 1024 * MIB };

/** Bytes of a text such as "256M" or "1.5GiB"; `what` it is the size of. Throws ConfigError. */
export function parseMemory(text: number | string, what = "memory"): number {
  if (typeof text === "number") return text;
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?$/i.exec(text.trim());
  if (match === null) {
    throw new ConfigError(`${what} "${text}" is no size: write for example 256M, 1G or 64G`);
  }
  return Number(match[1]) * (UNITS[(match[2] ?? "").toUpperCase()] as number);
}

/** Checks a count of CPUs. Throws ConfigError. */
export function parseCpus(cpus: number): number {
  if (Number.isInteger(cpus) && cpus >= 1 && cpus <= MAX_CPUS) return cpus;
  throw new ConfigError(`a machine has 1 to ${MAX_CPUS} CPUs, not ${cpus}`);
}

/**
 * Checks where a program is to run, on a machine of `cpus` CPUs, and its arguments. Throws
 * ConfigError.
 */
export function checkPlace(cpus: number, cpu: number, args: readonly number[]): void {
  if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < cpus)) {
    throw new ConfigError(`there is no CPU ${cpu}: this machine has ${cpus}`);
  }
  if (args.length > MAX_PROGRAM_ARGS) {
    throw new ConfigError(
      `a program takes at most ${MAX_PROGRAM_ARGS} numbers, not ${args.length}`,
    );
  }
}

function splitMemory(bytes: number): { lowmemPages: number; highmemPages: number } {
  if (!(bytes >= MIN_MEMORY)) {
    throw new ConfigError(`a machine needs at least 8M of memory, not ${bytes} bytes`);
  }
  if (bytes > MAX_MEMORY) {
    throw new ConfigError(
      `a machine has at most 160G of memory (its mem_map must fit 4 GiB), not ${(bytes / 1024 / MIB).toFixed(0)}G`,
    );
  }
  const total = Math.floor(bytes / PAGE);
  if (total <= MAX_LOWMEM_PAGES) return { lowmemPages: total - (total % 16), highmemPages: 0 };
  const lowmemPages = Math.min(
    MAX_LOWMEM_PAGES,
    Math.ceil(total / 64 / 16) * 16 + LOWMEM_WITH_HIGHMEM_PAGES,
  );
  return { lowmemPages, highmemPages: total - lowmemPages };
}

/** Largest disk: what its bitmap and a swap area can name. */
const MAX_DISK = 64 * 1024 * MIB;

function splitDisk(
  bytes: number,
  lowmemPages: number,
): { diskBlocks: number; backedBlocks: number } {
  if (!(bytes >= 0 && bytes <= MAX_DISK)) {
    throw new ConfigError(`a disk has 0 to 64G, not ${bytes} bytes`);
  }
  // Whole WebAssembly pages.
  const diskBlocks = Math.ceil(bytes / PAGE / 16) * 16;
  return { diskBlocks, backedBlocks: Math.min(diskBlocks, MAX_LOWMEM_PAGES - lowmemPages) };
}

/** Checks the options of a machine and fills in what is missing. Throws ConfigError. */
export function machineConfig(options: MachineOptions): MachineConfig {
  const cpus = parseCpus(options.cpus ?? 1);
  const memory = splitMemory(parseMemory(options.memory ?? "256M"));
  return {
    kernel: chosenKernel(options.kernel ?? "2.6.9").name,
    cpus,
    ...memory,
    ...splitDisk(parseMemory(options.disk ?? 0, "disk"), memory.lowmemPages),
    checking: options.checking ?? false,
    oversubscribed: cpus > os.availableParallelism(),
  };
}

/**
 * Allocates the shared memory of a machine. Throws ConfigError when the computer cannot give it.
 */
export function allocateMemory(config: MachineConfig): WebAssembly.Memory {
  const wasmPages = (config.lowmemPages + config.backedBlocks) / 16;
  try {
    return new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
  } catch {
    const mib = (wasmPages / 16).toFixed(0);
    throw new ConfigError(
      `this computer cannot give the ${mib} MiB of one machine: choose less memory or fewer machines`,
    );
  }
}
