// A program in TypeScript, with types that must be taken away before it can run.

import type { ProgramTask } from "../../../src/machine/task.ts";

interface Answer {
  readonly cpu: number;
  readonly word: number;
}

/** Works with memory a little. */
export default function typed(task: ProgramTask, value: number): Answer {
  const start = task.mmap({ length: 4096, read: true, write: true }) as number;
  task.store32(start, value satisfies number);
  return { cpu: task.cpuId, word: task.load32(start) };
}
