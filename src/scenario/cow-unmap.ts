// Two processes share pages since a fork. One unmaps them while the other writes one and unmaps the
// other: each page's _mapcount and _count go down from both sides, under two page_table_locks that
// say nothing to each other. The last one frees, exactly once.

import { PAGE, defineScenario, expectEqual, sharedByFork } from "./scenario.ts";

export const cowUnmap = defineScenario<{ at: number }>({
  name: "cow-unmap",
  title: "two processes share pages: unmap in one, a write and unmap in the other",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["plain-mapcount"],
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 2);
    return { tasks: [parent, child], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.munmap(at, 2 * PAGE);
    },
    (task, { at }) => {
      task.store32(at, 3);
      task.munmap(at + PAGE, PAGE);
      expectEqual("the page that was written", task.load32(at), 3);
    },
  ],
});
