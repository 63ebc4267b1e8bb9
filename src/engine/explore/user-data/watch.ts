// Tells the log of user data when a section of host code (a syscall or an access of a program) begins and
// when it has ended: once each, although a CPU that was suspended runs its host code again.

import type { ProgramTask } from "../../../machine/task.ts";
import type { SectionListener } from "../replay.ts";
import type { Section, UserLog } from "./log.ts";

/** The sections of one CPU. */
export class SectionWatch {
  readonly #log: UserLog;
  /** Sections that have begun and not ended, from the outermost in. */
  #open: (Section | undefined)[] = [];
  /** How many of them host code, run again, has come to. */
  #depth = 0;

  constructor(log: UserLog) {
    this.#log = log;
  }

  /** Before an execution. */
  reset(): void {
    this.#open = [];
    this.#depth = 0;
  }

  /** What listens to the sections of `task`. */
  of(task: ProgramTask): SectionListener {
    return {
      begin: (name, args) => {
        if (this.#depth === this.#open.length) this.#open.push(this.#log.begin(task, name, args));
        this.#depth++;
      },
      leave: () => {
        this.#depth--;
      },
      end: (ending, result) => {
        const section = this.#open[--this.#depth];
        this.#open.length = this.#depth;
        if (section !== undefined) this.#log.end(section, ending, result);
      },
    };
  }
}
