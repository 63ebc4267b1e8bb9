// Boot. Asks: how long until a machine of 1 GiB and 2 CPUs answers, and how much of its memory is not free for programs?
// Not asked here: loading the programs of a workload, compiling the kernel to wasm (done at build time).

import { WorkHash, begin, printResult, sized, takeTurns } from "./harness.ts";
import { Machine } from "../src/index.ts";
import { ZONE_TABLE, Zone } from "../src/layout/structs.gen.ts";
import { getU32 } from "../src/layout/view.ts";

const ROUNDS = sized(2, 20);
const OPTIONS = { kernel: "2.6.9", memory: "1G", cpus: 2 };

/** Boots, waits for both CPUs to answer, stops; ms of the first two. */
async function boot(): Promise<number> {
  const start = performance.now();
  const machine = await Machine.boot(OPTIONS);
  await machine.quiesce();
  const ms = performance.now() - start;
  await machine.stop();
  return ms;
}

/** Percent of a fresh machine's memory that is not free. */
async function overhead(): Promise<number> {
  const machine = await Machine.boot(OPTIONS);
  await machine.quiesce();
  const free = getU32(machine.memory, ZONE_TABLE + Zone.free_pages);
  await machine.stop();
  return (1 - free / machine.config.lowmemPages) * 100;
}

begin(
  "How long does a machine of 1 GiB and 2 CPUs take to boot, and what does it keep for itself?",
);
const hash = new WorkHash();
hash.add(OPTIONS.cpus);
// The first boot compiles the kernel.
await boot();
const [times = []] = await takeTurns(ROUNDS, [boot]);
const share = await overhead();
printResult(
  [
    { what: "boot until both CPUs answer", unit: "ms", ours: times, target: { atMost: 150 } },
    { what: "memory not free after boot", unit: "%", ours: [share, share], target: { atMost: 3 } },
  ],
  "racier",
  undefined,
  hash,
);
