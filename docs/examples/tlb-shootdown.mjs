// Two threads on two CPUs: one reads a page for as long as it may, the other forbids it. The
// reader's CPU has the translation in its TLB, so it must be interrupted to forget it.
// node docs/examples/tlb-shootdown.mjs

import { isMainThread } from "node:worker_threads";
import { Machine, MachineSignal } from "racier";
// Where the counters of a CPU lie. Generated from the kernel, not part of the package's interface.
import { PerCpu, PERCPU_AREAS, PERCPU_SIZE } from "racier/layout";

const RW = { read: true, write: true };

/** Runs on CPU 0: starts the reader, waits until it reads, forbids the page. */
export function forbid(task) {
  const page = task.mmap({ length: 4096, ...RW });
  const notes = task.mmap({ length: 4096, ...RW });
  task.store32(page, 1);
  task.store32(notes, 0);
  task.clone("read", { args: [page, notes], cpu: 1 });
  while (task.load32(notes) === 0);
  task.mprotect(page, 4096, {});
  task.wait();
  const counter = (cpu, field) => task.cpu.u32[(PERCPU_AREAS + cpu * PERCPU_SIZE + field) / 4];
  const counters = [0, 1].map((cpu) => ({
    shootdowns: counter(cpu, PerCpu.shootdowns),
    interrupts: counter(cpu, PerCpu.ipis),
  }));
  return { reads: task.load32(notes), counters };
}

/** Runs on CPU 1, in the same address space: counts its reads until it gets a signal. */
export function read(task, page, notes) {
  try {
    for (let reads = 1; ; reads++) {
      task.load32(page);
      task.store32(notes, reads);
    }
  } catch (error) {
    if (!(error instanceof MachineSignal) || error.address !== page) throw error;
  }
}

async function main() {
  const machine = await Machine.boot({ cpus: 2, memory: "16M" });
  try {
    await machine.load({ module: import.meta.url, programs: ["forbid", "read"] });
    const { reads, counters } = await machine.run("forbid");
    console.log(`the reader could read the page (${reads} times), then it could not`);
    counters.forEach(({ shootdowns, interrupts }, cpu) => {
      console.log(
        `CPU ${cpu}: started ${shootdowns} shootdowns, was interrupted ${interrupts} times`,
      );
    });
  } finally {
    await machine.stop();
  }
}

if (isMainThread) main();
