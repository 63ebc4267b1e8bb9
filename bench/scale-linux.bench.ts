// The testcases of racier scale against the Linux underneath. Asks: what does an operation cost on one CPU, here and in
// this computer's own kernel?
// Not asked here: more CPUs (racier scale), huge pages (off on both sides), a file system (the file of Linux is in
// memory, as ours are). malloc is that of the C library there, and what it does to the kernel here.

import { DirectMachine, KERNELS } from "./direct.ts";
import { WorkHash, begin, printResult, sayNativeProblem, sized, takeTurns } from "./harness.ts";
import type { Line, Side } from "./harness.ts";
import { type NativeProgram, openScale } from "./native.ts";
import { median } from "../src/experiment/stats.ts";
import { buildProcess, createFiles, hotPages } from "../src/workload/process/image.ts";
import { loadPreset } from "../src/workload/process-layout/presets.ts";
import {
  MAPPED_BYTES,
  TESTCASES,
  type ScaleOrder,
  type TestcaseName,
} from "../src/workload/scale/scale-order.ts";
import { turnOf, type Turn } from "../src/workload/scale/scale-programs.ts";

const ROUNDS = sized(2, 24);
/** Repetitions in one round and side; of which the median counts. */
const REPETITIONS = sized(1, 3);
const TOUCHED_PAGES = sized(256, 8192);
/** A repetition takes turns for at least this long, as scale.c does. */
const REPETITION_MS = 5;
const MEMORY = sized("16M", "128M");
const WARMUP_MS = sized(10, 200);
const TARGET = { atMost: 0.5 };
const FORKED = loadPreset("hello");

/** ns an operation, of turns for a while. */
function timed(turn: Turn, milliseconds: number): number {
  const start = performance.now();
  let operations = 0;
  let elapsed: number;
  do {
    operations += turn();
    elapsed = performance.now() - start;
  } while (elapsed < milliseconds);
  return (elapsed * 1e6) / operations;
}

/** A testcase on a machine of its own. */
function sideOf(kernel: string, testcase: TestcaseName, hash: WorkHash): Side {
  const machine = new DirectMachine(kernel, MEMORY);
  const hot = hotPages(FORKED);
  machine.program("scaleChild", (child) => {
    for (const page of hot) child.store32(page, page);
  });
  const task = machine.spawn();
  const order: ScaleOrder = {
    ...{ testcase, touchedBytes: TOUCHED_PAGES * 4096, forked: FORKED },
    files: [task.createFile({ sizeBytes: MAPPED_BYTES })],
    images: createFiles(task.cpu, [FORKED]),
    ...{ control: new SharedArrayBuffer(0), results: new SharedArrayBuffer(0) },
  };
  if (testcase === "fork1") buildProcess(task, FORKED, order.images);
  const turn = turnOf(task, order);
  hash.add(turn());
  timed(turn, WARMUP_MS);
  return () => median(Array.from({ length: REPETITIONS }, () => timed(turn, REPETITION_MS)));
}

async function measure(linux: NativeProgram | undefined, hash: WorkHash): Promise<Line[]> {
  const lines: Line[] = [];
  for (const { name } of TESTCASES) {
    const sides: Side[] = KERNELS.map((kernel) => sideOf(kernel, name, hash));
    if (linux !== undefined) {
      sides.push(async () => median(await linux.run(`${name} ${TOUCHED_PAGES} ${REPETITIONS}`)));
    }
    const series = await takeTurns(ROUNDS, sides);
    const theirs = series[KERNELS.length];
    KERNELS.forEach((kernel, index) => {
      const line = { what: `${kernel} ${name}`, unit: "ns", target: TARGET };
      lines.push({ ...line, ours: series[index]!, theirs });
    });
  }
  return lines;
}

begin(
  "What does an operation of each testcase of racier scale cost, against this computer's own Linux?",
  "Compared: a C program under Linux with the same loops, huge pages off, its file in memory, and the same",
  "calls of a program on a machine of one CPU in this process. At most half of Linux: twice as many operations.",
);
sayNativeProblem();
const hash = new WorkHash();
const linux = await openScale();
const lines = await measure(linux, hash);
await linux?.close();
printResult(lines, "racier", "Linux", hash);
