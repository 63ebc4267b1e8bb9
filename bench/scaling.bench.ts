// Two CPUs. Asks: how many more page faults and forks a second do two CPUs do than one, if they run
// processes that have nothing to do with each other?
// Not asked here: processes that share pages or an address space; more CPUs than this computer has cores.
//
// What two cores can do at most is measured too: a loop in registers, and two machines of one CPU each,
// which share nothing but the computer. A machine of two CPUs cannot do better than these.

import { WorkHash, begin, printResult, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import type { ScalingOrder } from "./scaling-programs.ts";
import { Machine } from "../src/index.ts";

const ROUNDS = sized(2, 30);
const MILLISECONDS = sized(20, 250);
const MODULE = new URL("./scaling-programs.ts", import.meta.url);
const PROGRAMS = ["faults", "forks", "idle", "spins"];
const TARGET = { atLeast: 1.9 };

/** What is done, with how many pages. */
const WORK = [
  { program: "faults", what: "faults", pages: 1024 },
  { program: "forks", what: "forks, 200 pages", pages: 200 },
  { program: "forks", what: "forks, 4096 pages", pages: 4096 },
] as const;

/** A CPU of a machine. */
interface Place {
  readonly machine: Machine;
  readonly cpu: number;
}

/** Runs a program at several places at once; the sum of what they did in a second. */
async function together(program: string, pages: number, places: readonly Place[]): Promise<number> {
  const shared: ScalingOrder = {
    milliseconds: MILLISECONDS,
    pages,
    barrier: new SharedArrayBuffer(8),
    programs: places.length,
  };
  const rates = await Promise.all(
    places.map(({ machine, cpu }) => machine.run(program, { cpu, shared })),
  );
  return (rates as number[]).reduce((sum, rate) => sum + rate, 0);
}

async function open(kernel: string, cpus: number): Promise<Machine> {
  const machine = await Machine.boot({ kernel, cpus, memory: "128M" });
  await machine.load({ module: MODULE, programs: PROGRAMS });
  return machine;
}

/** One CPU of a machine of two against both, and one machine of one CPU against two of them. */
async function measure(kernel: string, hash: WorkHash): Promise<Line[]> {
  const two = await open(kernel, 2);
  const alone = [await open(kernel, 1), await open(kernel, 1)];
  const both = [0, 1].map((cpu) => ({ machine: two, cpu }));
  const apart = alone.map((machine) => ({ machine, cpu: 0 }));
  const lines: Line[] = [];
  try {
    for (const { program, what, pages } of WORK) {
      hash.add(pages);
      const sides = [both, both.slice(0, 1), apart, apart.slice(0, 1)].map(
        (places) => () => together(program, pages, places),
      );
      // The compilers of each machine must be done, and each CPU have the pages it will work with.
      await takeTurns(sized(1, 3), sides);
      const [ours, one, pair, single] = await takeTurns(ROUNDS, sides);
      const line = { what: `${kernel} ${what}`, unit: "1/s", ours: ours!, theirs: one };
      lines.push({ ...line, target: TARGET });
      const limit = `${kernel} ${what}, two machines`;
      lines.push({ what: limit, unit: "1/s", ours: pair!, theirs: single });
    }
    if (kernel === "2.6.9") {
      const sides = [apart, apart.slice(0, 1)].map((places) => () => together("spins", 0, places));
      const [ours, theirs] = await takeTurns(ROUNDS, sides);
      lines.push({ what: "loop in registers", unit: "1/s", ours: ours!, theirs });
    }
  } finally {
    await Promise.all([two, ...alone].map((machine) => machine.stop()));
  }
  return lines;
}

begin("How many more faults and forks a second do two CPUs do than one?");
const hash = new WorkHash();
const lines = [...(await measure("2.6.8", hash)), ...(await measure("2.6.9", hash))];
printResult(lines, "two", "one", hash);
