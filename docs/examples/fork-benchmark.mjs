// A benchmark of your own: what fork and exit cost a page, under two kernels. Kernels take turns
// within a round, so that whatever else the computer does hits both alike.
// node docs/examples/fork-benchmark.mjs [ROUNDS]

import { isMainThread } from "node:worker_threads";
import { KERNELS, Machine } from "racier";

const PAGES = 2048;
const FORKS = 20;
const ROUNDS = Number(process.argv[2] ?? 15);

/** Builds a process once, forks it FORKS times; mean time of one fork, exit and wait in ns. */
export function benchmark(task) {
  const memory = task.mmap({ length: PAGES * 4096, read: true, write: true });
  task.touch(memory, PAGES * 4096);
  const start = performance.now();
  for (let i = 0; i < FORKS; i++) {
    task.fork("child");
    task.wait();
  }
  return ((performance.now() - start) * 1e6) / FORKS;
}

export function child() {}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function main() {
  const machines = [];
  const times = new Map(KERNELS.map(({ name }) => [name, []]));
  try {
    for (const { name: kernel } of KERNELS) {
      const machine = await Machine.boot({ kernel, memory: "32M" });
      machines.push(machine);
      await machine.load({ module: import.meta.url, programs: ["benchmark", "child"] });
      await machine.run("benchmark");
    }
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? machines : machines.toReversed();
      for (const machine of order) {
        times.get(machine.config.kernel).push(await machine.run("benchmark"));
      }
    }
  } finally {
    await Promise.all(machines.map((machine) => machine.stop()));
  }
  console.log(`fork + exit of ${PAGES} pages, median of ${ROUNDS} rounds`);
  for (const [kernel, each] of times) {
    console.log(`${kernel}  ${(median(each) / PAGES).toFixed(1).padStart(6)} ns a page`);
  }
}

if (isMainThread) main();
