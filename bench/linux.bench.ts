// Against the Linux underneath. Asks: what do fork and exit, the first touch of a page, and a broken
// copy-on-write cost a page, here and in this computer's own kernel?
// Not asked here: what a call costs whatever the size (fork and exit are taken as a slope over pages),
// huge pages (off on both sides), memory that the computer has never given out (both sides are warm: a
// round that is not timed comes first, and Linux and racier get the pages back that they had before).

import { DirectMachine, KERNELS } from "./direct.ts";
import { WorkHash, begin, printResult, sayNativeProblem, sized, takeTurns } from "./harness.ts";
import type { Line, Side } from "./harness.ts";
import { type NativeProgram, openLinux } from "./native.ts";
import { median } from "../src/experiment/stats.ts";
import type { ProgramTask } from "../src/machine/task.ts";

const ROUNDS = sized(2, 24);
const FEW = sized(64, 1024);
const MANY = sized(1024, 16_384);
/** Repetitions in one round and side; of which the median counts. */
const REPETITIONS = sized(2, 5);
const WARMUP = sized(2, 30);
const BASE = 2 ** 40;
const TARGET = { atMost: 0.4 };

const timed = (work: () => void): number => {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1e6;
};

/** A process with private anonymous memory, on a machine of its own: the same steps as linux.c. */
class Process {
  readonly #task: ProgramTask;

  constructor(kernel: string, hash: WorkHash) {
    const machine = new DirectMachine(kernel, "256M");
    machine.program("child", () => undefined);
    this.#task = machine.spawn();
    for (let i = 0; i < WARMUP; i++) {
      this.forkExit(MANY);
      this.touch(MANY);
      this.breakCow(MANY);
    }
    hash.add(this.#task.usage().minorFaults);
  }

  /** ns of fork, exit and wait with `pages` pages that were written since the last fork. */
  forkExit(pages: number): number {
    const length = this.#map(pages);
    this.#task.touch(BASE, length);
    const times = Array.from({ length: REPETITIONS }, () => {
      const ns = timed(() => {
        this.#task.fork("child");
        this.#task.wait();
      });
      this.#task.touch(BASE, length);
      return ns;
    });
    this.#task.munmap(BASE, length);
    return median(times);
  }

  /** ns a page of the first write to a new mapping. */
  touch(pages: number): number {
    const times = Array.from({ length: REPETITIONS }, () => {
      const length = this.#map(pages);
      const ns = timed(() => {
        this.#task.touch(BASE, length);
      });
      this.#task.munmap(BASE, length);
      return ns / pages;
    });
    return median(times);
  }

  /** ns a page of a write to what a child shares. */
  breakCow(pages: number): number {
    const length = this.#map(pages);
    this.#task.touch(BASE, length);
    const times = Array.from({ length: REPETITIONS }, () => {
      this.#task.fork("child");
      const ns = timed(() => {
        this.#task.touch(BASE, length);
      });
      this.#task.wait();
      return ns / pages;
    });
    this.#task.munmap(BASE, length);
    return median(times);
  }

  #map(pages: number): number {
    const length = pages * 4096;
    this.#task.mmap({ length, hint: BASE, fixed: true, read: true, write: true });
    return length;
  }
}

const slope = (few: number, many: number): number => (many - few) / (MANY - FEW);

/** What is compared: how racier measures it, and how Linux does. */
interface Case {
  readonly what: string;
  readonly ours: (process: Process) => number;
  readonly linux: (ask: (command: string) => Promise<number>) => Promise<number>;
}

const CASES: readonly Case[] = [
  {
    what: "fork+exit+wait, slope",
    ours: (process) => slope(process.forkExit(FEW), process.forkExit(MANY)),
    linux: async (ask) => slope(await ask(`forkexit ${FEW}`), await ask(`forkexit ${MANY}`)),
  },
  {
    what: "first touch",
    ours: (process) => process.touch(MANY),
    linux: (ask) => ask(`touch ${MANY}`),
  },
  {
    what: "COW break",
    ours: (process) => process.breakCow(MANY),
    linux: (ask) => ask(`cow ${MANY}`),
  },
];

async function measure(linux: NativeProgram | undefined, hash: WorkHash): Promise<Line[]> {
  const processes = KERNELS.map((kernel) => new Process(kernel, hash));
  const lines: Line[] = [];
  for (const { what, ours, linux: asked } of CASES) {
    const sides: Side[] = processes.map((process) => () => ours(process));
    if (linux !== undefined) {
      const ask = async (command: string): Promise<number> =>
        median(await linux.run(`${command} ${REPETITIONS}`));
      sides.push(() => asked(ask));
    }
    const series = await takeTurns(ROUNDS, sides);
    const theirs = series[KERNELS.length];
    KERNELS.forEach((kernel, index) => {
      const line = { what: `${kernel} ${what}`, unit: "ns/page", target: TARGET };
      lines.push({ ...line, ours: series[index]!, theirs });
    });
  }
  return lines;
}

begin(
  "What do fork, first touch and COW break cost a page, against this computer's own Linux?",
  `Compared: a C program under Linux with ${MANY} private anonymous pages of 4 KiB, huge pages off,`,
  "and the same calls of a program on a machine of one CPU in this process, without worker threads.",
  `fork+exit+wait: slope from ${FEW} to ${MANY} written pages, so that what a call costs at least is`,
  "left out on both sides. Memory is warm on both sides.",
);
sayNativeProblem();
const hash = new WorkHash();
const linux = await openLinux();
const lines = await measure(linux, hash);
await linux?.close();
printResult(lines, "racier", "Linux", hash);
