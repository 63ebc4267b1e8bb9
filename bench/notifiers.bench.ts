// MMU notifiers. Asks: what do munmap, a COW break and fork cost in a kernel with notifiers compiled in and nobody
// registered, against the same kernel without them; and what does a guest pay for a load that hits, and for one that
// faults?
// Not asked here: what an invalidation costs when somebody is registered, and registration (racier notifiers).
//
// The last lines of the first part are 2.6.9 against itself: what differs there is no kernel's.

import { DirectMachine } from "./direct.ts";
import { SMOKE, WorkHash, begin, ownProcess, printResult } from "./harness.ts";
import { serveSide, sized, takeTurns } from "./harness.ts";
import type { Line, OwnProcess, Target } from "./harness.ts";
import { median } from "../src/experiment/stats.ts";
import type { ProgramTask } from "../src/machine/task.ts";

const WITHOUT = "2.6.9";
const KERNELS = ["mmn-v13", "2.6.27"] as const;
const ROUNDS = sized(2, 60);
/** Operations in one round and side; of which the median counts. */
const OPERATIONS = sized(1, 24);
const WARMUP = sized(1, 400);
/** Pages of an operation. */
const PAGES = sized(64, 512);
/** Pages that a guest loads from. */
const FEW_PAGES = 64;
const PAGE = 4096;
const LOOPS = sized(2, 200);
const LIMIT: Target = { atMost: 1.02 };

const timed = (body: () => void): number => {
  const start = performance.now();
  body();
  return (performance.now() - start) * 1e6;
};

/** Makes something measurable of a process with PAGES pages at `at`; each call measures once, in ns a page. */
type Case = (task: ProgramTask, at: number) => () => number;

const map = (task: ProgramTask, at?: number): number => {
  const place = at === undefined ? {} : { hint: at, fixed: true };
  return task.mmap({ length: PAGES * PAGE, ...place, read: true, write: true });
};

const CASES: Readonly<Record<string, Case>> = {
  munmap: (task, at) => () => {
    const spent = timed(() => {
      task.munmap(at, PAGES * PAGE);
    });
    map(task, at);
    task.touch(at, PAGES * PAGE);
    return spent / PAGES;
  },
  COW: (task, at) => () => {
    task.fork("child");
    const spent = timed(() => {
      task.touch(at, PAGES * PAGE);
    });
    task.wait();
    return spent / PAGES;
  },
  fork: (task, at) => () => {
    const spent = timed(() => {
      task.fork("child");
    });
    task.touch(at, PAGES * PAGE);
    task.wait();
    return spent / PAGES;
  },
  "guest hit": (task, at) => {
    const handle = task.registerNotifier("kvm", at, PAGES);
    const pass = (): void => {
      for (let page = 0; page < FEW_PAGES; page++) task.secondaryLoad32(handle, at + page * PAGE);
    };
    return () => {
      const spent = timed(() => {
        for (let loop = 0; loop < LOOPS; loop++) pass();
      });
      return spent / (LOOPS * FEW_PAGES);
    };
  },
  "guest fault": (task, at) => () => {
    const handle = task.registerNotifier("kvm", at, PAGES);
    const spent = timed(() => {
      for (let page = 0; page < PAGES; page++) task.secondaryLoad32(handle, at + page * PAGE);
    });
    task.unregisterNotifier(handle);
    return spent / PAGES;
  },
};
const COMPARED = ["munmap", "COW", "fork"] as const;
const GUEST = [
  { name: "guest hit", atMost: 20 },
  { name: "guest fault", atMost: 1000 },
] as const;

/** One case on one kernel, in this process. */
function sideOf(kernel: string, name: string): OwnProcess {
  const machine = new DirectMachine(kernel, "64M");
  machine.program("child", () => undefined);
  const task = machine.spawn();
  const at = map(task);
  task.touch(at, PAGES * PAGE);
  const operate = (CASES[name] as Case)(task, at);
  for (let i = 0; i < WARMUP; i++) operate();
  const proof = [machine.rss(machine.mmOf(task)), task.usage().minorFaults];
  const measure = (): number => median(Array.from({ length: OPERATIONS }, operate));
  return { measure, proof, close: () => undefined };
}

/** Lets kernels take turns with one case; what each measured. */
async function turns(
  name: string,
  kernels: readonly string[],
  hash: WorkHash,
): Promise<number[][]> {
  const sides: OwnProcess[] = [];
  for (const kernel of kernels) {
    // Smoke values measure nothing: it may all be in one process.
    const side = SMOKE ? sideOf(kernel, name) : await ownProcess(import.meta.url, [kernel, name]);
    sides.push(side);
  }
  for (const { proof } of sides) hash.add(...proof);
  const series = await takeTurns(
    ROUNDS,
    sides.map(({ measure }) => measure),
  );
  for (const side of sides) side.close();
  return series;
}

async function main(): Promise<void> {
  begin(
    "What do MMU notifiers cost where nobody is registered, and what does a guest pay for a load?",
    `Compared: ${WITHOUT}, which has none. ns a page, of ${PAGES} pages; a load of the guest in ns.`,
  );
  const hash = new WorkHash();
  const lines: Line[] = [];
  for (const name of COMPARED) {
    const [theirs, again, ...series] = await turns(name, [WITHOUT, WITHOUT, ...KERNELS], hash);
    KERNELS.forEach((kernel, i) => {
      const what = `${kernel} ${name}, nobody registered`;
      lines.push({ what, unit: "ns/page", ours: series[i]!, theirs, target: LIMIT });
    });
    lines.push({
      what: `${WITHOUT} ${name}, against itself`,
      unit: "ns/page",
      ours: again!,
      theirs,
    });
  }
  for (const { name, atMost } of GUEST) {
    const series = await turns(name, KERNELS, hash);
    KERNELS.forEach((kernel, i) => {
      lines.push({ what: `${kernel} ${name}`, unit: "ns", ours: series[i]!, target: { atMost } });
    });
  }
  printResult(lines, "racier", WITHOUT, hash);
}

const [kernel, name] = process.argv.slice(2);
if (kernel === undefined || name === undefined) {
  await main();
} else {
  const { measure, proof } = sideOf(kernel, name);
  serveSide(measure, proof);
}
