// One access. Asks: what does a load or a store of a program cost when the TLB has the page, and when the walker must be
// asked? And what does the smallest syscall cost?
// Not asked here: page faults (linux.bench.ts), other CPUs.

import { Bench } from "tinybench";
import { DirectMachine } from "./direct.ts";
import { WorkHash, begin, printResult, sized } from "./harness.ts";

const ACCESSES = sized(200, 10_000);
/** More pages than the TLB of 512 entries holds, touched in turn. */
const PAGES = 4096;
const BASE = 2 ** 40;

const machine = new DirectMachine("2.6.9", "64M");
const task = machine.spawn();
task.mmap({ length: PAGES * 4096, hint: BASE, fixed: true, read: true, write: true });
task.touch(BASE, PAGES * 4096);

/** Accesses in a row, so that reading the clock does not count. */
function repeat(access: (index: number) => void): () => void {
  return () => {
    for (let i = 0; i < ACCESSES; i++) access(i);
  };
}

begin("What do a load, a store and the smallest syscall of a program cost?");
const bench = new Bench({ time: sized(10, 1000), warmupTime: sized(5, 500), retainSamples: true });
bench
  .add(
    "load32, TLB hit",
    repeat((i) => task.load32(BASE + (i & 1023) * 4)),
  )
  .add(
    "store32, TLB hit",
    repeat((i) => {
      task.store32(BASE + (i & 1023) * 4, i);
    }),
  )
  .add(
    "load32, TLB miss",
    repeat((i) => task.load32(BASE + (i % PAGES) * 4096)),
  )
  .add(
    "brk(0), the smallest syscall",
    repeat(() => task.brk(0)),
  );
await bench.run();
const hash = new WorkHash();
hash.add(task.usage().minorFaults);
printResult(
  bench.tasks.map(({ name, result }) => {
    const samples = "latency" in result ? (result.latency.samples ?? []) : [];
    return { what: name, unit: "ns", ours: samples.map((ms) => (ms * 1e6) / ACCESSES) };
  }),
  "racier",
  undefined,
  hash,
);
