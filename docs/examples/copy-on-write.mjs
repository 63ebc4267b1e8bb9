// Watches copy on write from outside: which frames of physical memory hold a page, and how many
// page-table entries map each of them. The memory of the machine is plain memory, so a page is
// found by what is written in it. node docs/examples/copy-on-write.mjs

import { isMainThread } from "node:worker_threads";
import { Machine } from "racier";

const MARK = 0xc0ffee42;

/** Frames whose first word is MARK and that some PTE maps. */
function markedFrames({ cpu }) {
  const frames = [];
  for (let frame = 0; frame < cpu.u32.length / 1024; frame++) {
    const mappings = cpu.k.page_mapcount(cpu.k.page_of_pfn(frame));
    if (cpu.u32[frame * 1024] === MARK && mappings > 0) frames.push({ frame, mappings });
  }
  return frames;
}

export function parent(task) {
  const steps = [];
  const look = (step) => steps.push({ step, frames: markedFrames(task) });

  const page = task.mmap({ length: 4096, read: true, write: true });
  task.store32(page, MARK);
  look("before fork");
  task.fork("child", { args: [page] });
  look("after fork, shared and write-protected");
  task.store32(page + 4, 1);
  look("after a store of the parent, copied");
  if (task.wait().status !== 0) throw new Error("the child saw the store of the parent");
  look("after the child has ended, its frame is free");
  return steps;
}

/** The child runs when the parent waits. It alone maps the old frame then. */
export function child(task, page) {
  if (task.load32(page + 4) !== 0) task.exit(1);
}

async function main() {
  const machine = await Machine.boot({ kernel: "2.6.9", memory: "16M" });
  try {
    await machine.load({ module: import.meta.url, programs: ["parent", "child"] });
    for (const { step, frames } of await machine.run("parent")) {
      const where = frames.map(
        ({ frame, mappings }) => `frame ${frame}, mapped by ${mappings} PTE(s)`,
      );
      console.log(`${step}: ${where.join("; ")}`);
    }
  } finally {
    await machine.stop();
  }
}

if (isMainThread) main();
