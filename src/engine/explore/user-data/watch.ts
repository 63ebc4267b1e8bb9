// Tells the log of user data when a section of host code (a syscall or an access of a program) begins and
// when it has ended: once each, although a CPU that was suspended runs its host code again.

import type { ProgramTask } from "../../../machine/task.ts";
import { ReplayError, type Replay } from "../replay.ts";
import type { Section, UserLog } from "./log.ts";

/** The sections of one CPU. */
export class SectionWatch {
  readonly #log: UserLog;
  readonly #replay: Replay;
  /** Sections that have begun and not ended, from the outermost in. */
  #open: (Section | undefined)[] = [];
  /** How many of them host code, run again, has come to. */
  #depth = 0;

  constructor(log: UserLog, replay: Replay) {
    this.#log = log;
    this.#replay = replay;
  }

  /** Before an execution. */
  reset(): void {
    this.#open = [];
    this.#depth = 0;
  }

  /** Does what a section of `task` does; not called for sections that are answered from the record. */
  run(task: ProgramTask, name: string, args: readonly unknown[], body: () => unknown): unknown {
    const depth = this.#depth++;
    try {
      if (depth === this.#open.length) this.#open.push(this.#log.begin(task, name, args));
      const result = body();
      if (!this.#replay.isLeaving()) this.#end(depth, "returned", result);
      return result;
    } catch (error) {
      const isOver = depth < this.#open.length && !this.#replay.isLeaving();
      if (isOver && !(error instanceof ReplayError)) this.#end(depth, "thrown", error);
      throw error;
    } finally {
      this.#depth = depth;
    }
  }

  #end(depth: number, ending: "returned" | "thrown", result: unknown): void {
    const section = this.#open[depth];
    this.#open.length = depth;
    if (section !== undefined) this.#log.end(section, ending, result);
  }
}
