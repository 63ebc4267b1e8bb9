// What an engine is: something that runs the CPUs of a machine. Types only, so that machine and
// engines need not know each other.

import type { MachineConfig } from "../machine/config.ts";
import type { ClientEntry } from "../machine/client-module.ts";
import type { ProgramEntry } from "../machine/program.ts";

/** A program to be run from the host, as a process of its own. */
export interface Job {
  readonly program: ProgramEntry;
  readonly args: readonly number[];
  /** CPU that runs it. */
  readonly cpu: number;
  /** What the program finds as `task.shared`: data that can be posted to another thread. */
  readonly shared: unknown;
}

/** The running CPUs of one machine. */
export interface RunningEngine {
  /** Makes a program known to every CPU. Rejects with ConfigError. */
  addProgram(entry: ProgramEntry): Promise<void>;
  /** Makes a client of MMU notifiers known to every CPU. Rejects with ConfigError. */
  addClient(entry: ClientEntry): Promise<void>;
  /**
   * Runs a program; resolves with its result when it has ended. Jobs of one CPU run one after the
   * other.
   */
  run(job: Job): Promise<unknown>;
  /**
   * Makes every CPU give back what it keeps for itself: lazy mm, pagevec, hot lists, slab arrays.
   * No job runs.
   */
  quiesce(): Promise<void>;
  /** Stops the CPUs, in the middle of whatever they do. */
  stop(): Promise<void>;
}

/** Starts the CPUs of a booted machine. */
export type Engine = (
  config: MachineConfig,
  memory: WebAssembly.Memory,
  module: WebAssembly.Module,
) => Promise<RunningEngine>;
