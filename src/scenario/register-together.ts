// Two processes that map the same two files, in another order, register secondary MMUs at once. Each takes the locks of
// all its files: one has the first and wants the second, the other the other way round. v13 sorts the locks;
// 2.6.27 lets one at a time take all locks of an mm.
//
// rmap-history 6.28 (a).

import type { ProgramTask } from "../machine/task.ts";
import { PAGE, defineScenario, mappedFile } from "./scenario.ts";

const map = (task: ProgramTask, file: number): number =>
  task.mmap({ length: PAGE, file, shared: true, read: true });

export const registerTogether = defineScenario<{ first: number; second: number }>({
  name: "register-together",
  title: "two processes that map the same files register secondary MMUs",
  kernels: ["2.6.27"],
  others: ["mmn-v13"],
  switches: ["unordered-all-locks"],
  setup(machine) {
    const one = machine.spawn(0);
    const other = machine.spawn(1);
    const { first, file, more } = machine.run(one, (task) => {
      const mapped = mappedFile(task, 1);
      const another = mappedFile(task, 1);
      return { first: mapped.at, file: mapped.file, more: another.file };
    });
    const second = machine.run(other, (task) => {
      // VMAs are taken in the order of their addresses, which fall from mapping to mapping or rise.
      const at = map(task, more);
      const next = map(task, file);
      return Math.min(at, next);
    });
    return { tasks: [one, other], state: { first, second } };
  },
  programs: [
    (task, { first }) => {
      task.registerNotifier("empty", first, 1);
    },
    (task, { second }) => {
      task.registerNotifier("empty", second, 1);
    },
  ],
});
