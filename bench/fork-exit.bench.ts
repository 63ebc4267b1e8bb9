// Whole fork and exit. Asks: what does fork, exit and wait of a whole process cost, kernel and host
// together, against a C program that does the same steps?
// Not asked here: the loops over PTEs alone (pte-copy.bench.ts), more CPUs (scaling.bench.ts), what
// fork costs under Linux (linux.bench.ts).

import { DirectMachine, KERNELS } from "./direct.ts";
import { WorkHash, begin, ownProcess, printResult, sayNativeProblem } from "./harness.ts";
import { serveSide, sized, takeTurns } from "./harness.ts";
import type { Line, Side } from "./harness.ts";
import { type NativeProgram, openTwin, twinLayout } from "./native.ts";
import { median } from "../src/experiment/stats.ts";
import type { ProgramTask } from "../src/machine/task.ts";
import type { ProcessLayout } from "../src/workload/process-layout/layout.ts";
import { lmbenchLayout, pagesLayout } from "../src/workload/process-layout/synthetic.ts";
import { buildProcess, createFiles, hotPages } from "../src/workload/process/image.ts";

const ROUNDS = sized(2, 40);
const PAGES = sized(1024, 16_384);

/** A process to fork. */
interface Case {
  readonly what: string;
  readonly layout: ProcessLayout;
  /** Pages that parent and child write around the fork. */
  readonly hot: readonly number[];
  /** Operations in one round and side. */
  readonly operations: number;
  /** Operations before anything is measured: until the compilers are done. */
  readonly warmup: number;
  readonly atMost: number;
}

const small = { layout: lmbenchLayout(), operations: sized(20, 1000), warmup: sized(20, 20_000) };
const CASES: readonly Case[] = [
  {
    what: `${PAGES} anonymous pages`,
    layout: pagesLayout(PAGES),
    hot: [],
    operations: sized(2, 24),
    warmup: sized(2, 400),
    atMost: 1.25,
  },
  { ...small, what: "lmbench, 12 VMAs, 200 pages", hot: [], atMost: 2 },
  { ...small, what: "lmbench, and its COW", hot: hotPages(small.layout), atMost: 2 },
];

function writePages(task: ProgramTask, pages: readonly number[]): void {
  for (const page of pages) task.store32(page, page);
}

/** A parent on a machine of one CPU, which is this thread: measures rounds, in ns an operation. */
function serveRacier(kernel: string, { layout, hot, operations, warmup }: Case): void {
  const machine = new DirectMachine(kernel, "256M");
  machine.program("child", (task) => {
    writePages(task, hot);
  });
  const parent = machine.spawn();
  buildProcess(parent, layout, createFiles(machine.cpu, [layout]));
  machine.cpu.k.lru_add_drain();
  const operate = (): number => {
    const start = performance.now();
    parent.fork("child");
    writePages(parent, hot);
    parent.wait();
    return (performance.now() - start) * 1e6;
  };
  for (let i = 0; i < warmup; i++) operate();
  const { minorFaults, childrenMinorFaults } = parent.usage();
  const proof = [machine.rss(machine.mmOf(parent)), minorFaults, childrenMinorFaults];
  serveSide(() => median(Array.from({ length: operations }, operate)), proof);
}

async function twinSide(twin: NativeProgram, { layout, hot, operations }: Case): Promise<Side> {
  for (const command of twinLayout(layout, hot)) await twin.run(command);
  return async () => median(await twin.run(`forkexit layout ${operations}`));
}

async function measure(
  twin: NativeProgram | undefined,
  kernel: string,
  index: number,
  hash: WorkHash,
): Promise<Line> {
  const { what, atMost, ...rest } = CASES[index]!;
  const racier = await ownProcess(import.meta.url, [kernel, `${index}`]);
  hash.add(...racier.proof);
  const sides = [racier.measure];
  if (twin !== undefined) sides.push(await twinSide(twin, { what, atMost, ...rest }));
  const [ours, theirs] = await takeTurns(ROUNDS, sides);
  racier.close();
  const micros = (series: number[] | undefined): number[] | undefined =>
    series?.map((ns) => ns / 1000);
  const line = { what: `${kernel} ${what}`, unit: "µs", target: { atMost } };
  return { ...line, ours: micros(ours)!, theirs: micros(theirs) };
}

async function main(): Promise<void> {
  begin("What does a whole fork, exit and wait cost against the same steps in C, on one CPU?");
  sayNativeProblem();
  const hash = new WorkHash();
  const lines: Line[] = [];
  for (const kernel of KERNELS) {
    const twin = await openTwin(kernel);
    for (const index of CASES.keys()) lines.push(await measure(twin, kernel, index, hash));
    await twin?.close();
  }
  printResult(lines, "racier", "C", hash);
}

const [kernel, index] = process.argv.slice(2);
if (kernel === undefined) await main();
else serveRacier(kernel, CASES[Number(index)]!);
