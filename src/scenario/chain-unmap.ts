// Two processes unmap, at once, the pages that they share with a third one since two forks. In 2.6.6 both take their
// PTE out of the page's chain: find it, put the head's lowest in its place, shorten the head. Two page_table_locks
// say nothing to each other; PG_chainlock (PG_maplock by then) does.

import { PAGE, defineScenario, expectEqual, sharedByFork } from "./scenario.ts";

export const chainUnmap = defineScenario<{ at: number; page: number }>({
  name: "chain-unmap",
  title: "two processes take their PTEs out of the chain of a page that a third one maps",
  kernels: ["2.6.6"],
  switches: ["unlocked-pte-chain"],
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    machine.fork(parent, 0);
    const page = machine.run(parent, ({ cpu }) => {
      const found = cpu.k.follow_page(at);
      cpu.k.put_page(found);
      return found;
    });
    return { tasks: [parent, child], state: { at, page } };
  },
  programs: [
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
  ],
  check(machine, { tasks: [task], state: { page } }) {
    if (task === undefined) return undefined;
    expectEqual(
      "the length of the chain",
      machine.run(task, ({ cpu }) => cpu.k.page_mapcount(page)),
      1,
    );
    return undefined;
  },
});
