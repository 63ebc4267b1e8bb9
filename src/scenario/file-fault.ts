// Two processes touch a page of a file that nobody has read yet. Both may find nothing in the page
// cache and both read the page in; only one may enter it, and the other must take that one, and wait
// until it has been read. The two then share it: each must find the other's store.

import type { ProgramTask } from "../machine/task.ts";
import { PAGE, defineScenario, expectEqual, mappedFile } from "./scenario.ts";

/** Leaves a frame that is not zero where the next one is taken from. */
function useFrame(task: ProgramTask): void {
  const at = task.mmap({ length: PAGE, read: true, write: true });
  task.store32(at, 1);
  task.munmap(at, PAGE);
}

export const fileFault = defineScenario<{ at: number }>({
  name: "file-fault",
  title: "two processes touch a page of a file that is not in the page cache",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["unlocked-page-cache", "no-uptodate-wait", "no-second-look"],
  setup(machine) {
    const parent = machine.spawn(0);
    const at = machine.run(parent, (task) => {
      const mapped = mappedFile(task, 1);
      task.closeFile(mapped.file);
      return mapped.at;
    });
    const tasks = [parent, machine.fork(parent, 1)];
    for (const task of tasks) machine.run(task, useFrame);
    return { tasks, state: { at } };
  },
  programs: [
    (task, { at }) => {
      expectEqual("the third word of the file", task.load32(at + 8), 0);
      task.store32(at, 1);
    },
    (task, { at }) => {
      task.store32(at + 4, 2);
      expectEqual("the third word of the file", task.load32(at + 8), 0);
    },
  ],
  check(machine, { tasks, state: { at } }) {
    for (const task of tasks) {
      const words = machine.run(task, () => [task.load32(at), task.load32(at + 4)]);
      if (words.join() === "1,2") continue;
      return `the process on CPU ${task.cpuId} sees ${words.join(" and ")}, not 1 and 2`;
    }
    return undefined;
  },
});
