// Boots a machine of each kernel, forks a process and waits for the child.
// node docs/examples/boot-and-fork.mjs

import { isMainThread } from "node:worker_threads";
import { KERNELS, Machine } from "racier";

const PAGES = 1000;
const BYTES = PAGES * 4096;

/** The parent: touches its memory, forks, waits, and looks at what the child left behind. */
export function parent(task) {
  const memory = task.mmap({ length: BYTES, read: true, write: true });
  task.touch(memory, BYTES);
  task.store32(memory, 1);
  const pid = task.fork("child", { args: [memory] });
  const child = task.wait();
  return { pid, child, word: task.load32(memory), usage: task.usage() };
}

/** The child: has a copy of the memory, so its store is its own. */
export function child(task, memory) {
  task.store32(memory, task.load32(memory) + 1);
  task.exit(task.load32(memory));
}

async function main() {
  for (const { name: kernel } of KERNELS) {
    const machine = await Machine.boot({ kernel, memory: "32M" });
    try {
      await machine.load({ module: import.meta.url, programs: ["parent", "child"] });
      const { pid, child, word, usage } = await machine.run("parent");
      console.log(`Linux ${kernel}: forked process ${pid}, ${PAGES} pages`);
      console.log(`  process ${child.pid} ended with status ${child.status}: the word it saw is 2`);
      console.log(`  the parent's word is still ${word}`);
      console.log(`  page faults: parent ${usage.minorFaults}, child ${usage.childrenMinorFaults}`);
    } finally {
      await machine.stop();
    }
  }
}

// Every CPU loads this file as well, for the programs. main() is not awaited here, because
// machine.load() imports this file, and that would wait for itself.
if (isMainThread) main();
