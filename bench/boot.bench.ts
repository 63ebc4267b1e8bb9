// The start of a machine. Asks: how long does a machine of 1 GiB with 2 CPUs take until both have
// answered, and how much of its memory is not free for use then?
// Not asked here: the start of node itself; memory that node uses besides the machine's.
//
// The first machine of a process also loads and compiles the kernel: it is measured in fresh processes.
// The machines after it are measured in this one.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { WorkHash, begin, printResult, sized } from "./harness.ts";
import type { Line } from "./harness.ts";
import { Machine } from "../src/index.ts";
import { Zone, ZONE_STRIDE, ZONE_TABLE, MAX_NR_ZONES } from "../src/layout/structs.gen.ts";
import { getU32 } from "../src/layout/view.ts";

const ROUNDS = sized(1, 30);
const OPTIONS = { kernel: "2.6.9", cpus: 2, memory: "1G" };
/** Sizes whose overhead is shown; the second one is that of the target, the last has highmem. */
const SIZES = ["64M", "1G", "16G"];
const ONCE = "--once";

/** Boots a machine; ms until both CPUs have answered. */
async function bootOnce(): Promise<number> {
  const start = performance.now();
  const machine = await Machine.boot(OPTIONS);
  await machine.quiesce();
  const ms = performance.now() - start;
  await machine.stop();
  return ms;
}

/** The same in a process of its own. */
function bootInFreshProcess(): number {
  const command = [...process.execArgv, fileURLToPath(import.meta.url), ONCE];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  if (status !== 0) throw new Error(`a machine did not boot: ${stderr}`);
  return Number(stdout);
}

/** Pages of a machine, and those that are free. */
function pagesOf(machine: Machine): { all: number; free: number } {
  const { lowmemPages, highmemPages } = machine.config;
  let free = 0;
  for (let zone = 0; zone < MAX_NR_ZONES; zone++) {
    free += getU32(machine.memory, ZONE_TABLE + zone * ZONE_STRIDE + Zone.free_pages);
  }
  return { all: lowmemPages + highmemPages, free };
}

/** What of a machine's memory is not free after boot, in percent. */
async function overhead(memory: string, hash: WorkHash): Promise<Line> {
  const machine = await Machine.boot({ ...OPTIONS, memory });
  await machine.quiesce();
  const { all, free } = pagesOf(machine);
  await machine.stop();
  hash.add(all, free);
  const line = { what: `memory overhead, ${memory}`, unit: "%", ours: [100 * (1 - free / all)] };
  return memory === OPTIONS.memory ? { ...line, target: { atMost: 3 } } : line;
}

async function main(): Promise<void> {
  begin("How long until a machine of 1 GiB with 2 CPUs answers, and what of its memory is in use?");
  const hash = new WorkHash();
  const target = { atMost: 150 };
  const first = Array.from({ length: ROUNDS }, bootInFreshProcess);
  const lines: Line[] = [{ what: "boot, first of a process", unit: "ms", ours: first, target }];
  const later: number[] = [];
  await bootOnce();
  for (let round = 0; round < ROUNDS; round++) later.push(await bootOnce());
  lines.push({ what: "boot, a later one", unit: "ms", ours: later, target });
  for (const memory of SIZES) lines.push(await overhead(memory, hash));
  printResult(lines, "racier", undefined, hash);
}

if (process.argv.includes(ONCE)) console.log(await bootOnce());
else await main();
