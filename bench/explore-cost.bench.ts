// What the explorer costs. Asks: how much slower is an instrumented kernel on one CPU than the plain one,
// with a record of everything that can be taken back, alone and with the log of what programs store; and where does the time of an execution over the
// kernel go: running host code again up to where it was suspended, putting the memory back, looking at the
// state at the end, and the rest, which is the kernel with its switches?
// Not asked here: how many executions a second there are (explore.bench.ts).

import { WorkHash, begin, printResult, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import { DirectMachine, KERNELS } from "./direct.ts";
import { Exploration, type Subject } from "../src/engine/explore/exploration.ts";
import type { DetectorName } from "../src/engine/explore/detect/catalogue.ts";
import { KernelSubject } from "../src/engine/explore/kernel-subject.ts";
import type { RuntimeCalls } from "../src/engine/explore/runtime.ts";
import { Pct } from "../src/engine/explore/strategy/pct.ts";
import { RandomWalk } from "../src/engine/explore/strategy/random.ts";
import { RoundRobin } from "../src/engine/explore/strategy/round-robin.ts";
import type { ProgramTask } from "../src/machine/task.ts";
import { scenarioNamed } from "../src/scenario/catalogue.ts";
import { PAGE, defineScenario } from "../src/scenario/scenario.ts";

const ROUNDS = sized(2, 20);
const WARM_ROUNDS = sized(1, 3);
const PASSES = sized(2, 300);
const EXECUTIONS = sized(3, 400);
const PAGES = 32;
const HOOK_LIMIT = 30;

/** Maps, faults, forks, copies on write, unmaps: leaves the address space as it was. */
function work(task: ProgramTask, child: string): void {
  const at = task.mmap({ length: PAGES * PAGE, read: true, write: true });
  for (let page = 0; page < PAGES; page++) task.store32(at + page * PAGE, page);
  task.fork(child);
  for (let page = 0; page < PAGES; page++) task.store32(at + page * PAGE, 1);
  task.wait();
  task.munmap(at, PAGES * PAGE);
}

const alone = defineScenario({
  name: "alone",
  title: "one CPU that does some of everything",
  kernels: KERNELS,
  switches: [],
  children: { child: () => undefined },
  setup: (machine) => ({ tasks: [machine.spawn(0)], state: undefined }),
  programs: [
    (task) => {
      work(task, "child");
    },
  ],
});

const micros = (start: number, count: number): number =>
  ((performance.now() - start) * 1000) / count;

const NO_LOG: ReadonlySet<DetectorName> = new Set(["wrong-data", "stale-tlb"]);

/** An exploration that does the work of `alone`, and nothing else. */
function exploredAlone(kernel: string, off: ReadonlySet<DetectorName>): () => number {
  const subject = new KernelSubject(alone, { kernel, checking: false, off });
  const exploration = new Exploration(subject.runtime, subject, subject.explain);
  return () => {
    const start = performance.now();
    for (let pass = 0; pass < PASSES; pass++) exploration.execute(new RoundRobin());
    return micros(start, PASSES);
  };
}

/** The same work on a plain kernel, and on the instrumented one. */
async function hookCost(kernel: string): Promise<Line[]> {
  const machine = new DirectMachine(kernel, "16M");
  machine.program("child", () => undefined);
  const task = machine.spawn();
  const plain = (): number => {
    const start = performance.now();
    for (let pass = 0; pass < PASSES; pass++) work(task, "child");
    return micros(start, PASSES);
  };
  const contenders = [exploredAlone(kernel, NO_LOG), exploredAlone(kernel, new Set()), plain];
  await takeTurns(WARM_ROUNDS, contenders);
  const [hooked = [], logged = [], theirs = []] = await takeTurns(ROUNDS, contenders);
  const what = `${kernel} on one CPU, explored against plain`;
  return [
    { what, unit: "us", ours: hooked, theirs, target: { atMost: HOOK_LIMIT } },
    { what: "  with the log of user data", unit: "us", ours: logged, theirs },
  ];
}

/** Sums of times. */
interface Shares {
  replay: number;
  restore: number;
  check: number;
}

/** An exploration that keeps account of its time in `shares`. */
function accounted(subject: KernelSubject, shares: Shares): Exploration {
  const { calls } = subject.runtime;
  const { rewind, undo } = calls;
  let resumed = 0;
  const timed: Pick<RuntimeCalls, "rewind" | "undo"> = {
    rewind: () => {
      shares.replay += performance.now() - resumed;
      rewind();
    },
    undo: () => {
      const start = performance.now();
      undo();
      shares.restore += performance.now() - start;
    },
  };
  Object.assign(calls, timed);
  const outer: Subject = {
    cpus: subject.cpus,
    begin: () => {
      subject.begin();
    },
    idle: () => subject.idle(),
    run: (cpu) => {
      resumed = performance.now();
      subject.run(cpu);
    },
    check: () => {
      const start = performance.now();
      const complaint = subject.check();
      shares.check += performance.now() - start;
      return complaint;
    },
  };
  return new Exploration(subject.runtime, outer, subject.explain);
}

/** Where the time of an execution goes. */
function accountOf(name: string, random: boolean): Line[] {
  const subject = new KernelSubject(scenarioNamed(name));
  const shares: Shares = { replay: 0, restore: 0, check: 0 };
  const exploration = accounted(subject, shares);
  const strategy = random ? new RandomWalk(1) : new Pct(1, subject.cpus, 3);
  const series = { whole: [], replay: [], restore: [], check: [] } as Record<string, number[]>;
  for (let round = 0; round <= ROUNDS; round++) {
    Object.assign(shares, { replay: 0, restore: 0, check: 0 });
    const start = performance.now();
    for (let i = 0; i < EXECUTIONS; i++) exploration.execute(strategy);
    const whole = micros(start, EXECUTIONS);
    if (round === 0) continue;
    series["whole"]?.push(whole);
    for (const [part, ms] of Object.entries(shares)) {
      series[part]?.push((ms * 1000) / EXECUTIONS);
    }
  }
  const events = Math.round(exploration.totalEvents / exploration.executions);
  return Object.entries(series).map(([part, ours]) => {
    const title = `${name}, ${strategy.name}, ${events} events`;
    return { what: part === "whole" ? title : `  of it ${part}`, unit: "us", ours };
  });
}

begin("What does the explorer cost?");
const hash = new WorkHash();
hash.add(PASSES, EXECUTIONS);
const lines: Line[] = [];
for (const kernel of KERNELS) lines.push(...(await hookCost(kernel)));
for (const name of ["same-page", "cow-unmap", "map-fault"]) {
  for (const random of [false, true]) lines.push(...accountOf(name, random));
}
printResult(lines, "explored", "plain", hash);
