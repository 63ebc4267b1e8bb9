// A file is truncated while a process that maps it forks. Truncation takes one VMA of the file after the other;
// fork links the child's VMA and then copies the parent's PTEs. The child comes after its parent: either
// the parent's PTEs are gone before they are copied, or the child is still to be visited.
//
// The race of Linux up to 2.6.4, cured in 2.6.5 (4b5187562d).

import { defineScenario, mappedFile } from "./scenario.ts";

export const truncateFork = defineScenario<{ file: number }>({
  name: "truncate-fork",
  title: "ftruncate in one process, fork of another that maps the file",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["child-first"],
  children: { idle: () => undefined },
  setup(machine) {
    const parent = machine.spawn(1);
    const file = machine.run(parent, (task) => {
      const mapped = mappedFile(task, 1);
      task.load32(mapped.at);
      return mapped.file;
    });
    return { tasks: [machine.spawn(0), parent], state: { file } };
  },
  programs: [
    (task, { file }) => {
      task.ftruncate(file, 0);
    },
    (task) => {
      // The child does not run: what it maps is looked at at the end.
      task.fork("idle");
    },
  ],
});
