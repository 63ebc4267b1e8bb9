// Two processes share a page. One forks, which counts a PTE more, while the other unmaps it, which counts
// one less: page_dup_rmap and page_remove_rmap under two page_table_locks. In 2.6.8 PG_maplock makes them
// take turns, and lets each see what the other did.

import { PAGE, defineScenario, expectEqual, sharedByFork } from "./scenario.ts";

export const forkUnmap = defineScenario<{ at: number }>({
  name: "fork-unmap",
  title: "two processes share a page: fork in one, unmap in the other",
  kernels: ["2.6.8"],
  switches: ["plain-bit-unlock"],
  children: {
    reader: (task, at) => {
      expectEqual("the child's page", task.load32(at), 1);
    },
  },
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    return { tasks: [parent, child], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.fork("reader", { args: [at] });
      task.wait();
    },
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
  ],
});
