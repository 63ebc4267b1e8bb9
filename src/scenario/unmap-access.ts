// One thread unmaps a page that another has in its TLB, and takes a fresh page at once. The other
// may hit the old page until the unmap has flushed its TLB, and gets SIGSEGV afterwards; it must
// never read or write a frame that is free or has a new use: clear the PTE, flush, then free. The
// other CPU has been idle before: a flush that was put off must not get lost when it wakes.

import { PAGE, defineScenario, expectEqual, survives, twoThreads } from "./scenario.ts";

const OLD = 0x01d;
const NEW = 0x2e3;

export const unmapAccess = defineScenario<{ gone: number; fresh: number }>({
  name: "unmap-access",
  title: "munmap in one thread, loads and stores through a TLB entry in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["no-flush-before-free", "no-shootdown", "no-flush-wait", "no-lazy-recheck"],
  setup(machine) {
    const { first, second, at: gone } = twoThreads(machine, 1);
    const fresh = machine.run(first, (task) =>
      task.mmap({ length: PAGE, read: true, write: true }),
    );
    machine.run(second, (task) => {
      task.store32(gone, OLD);
    });
    return { tasks: [first, second], state: { gone, fresh } };
  },
  programs: [
    (task, { gone, fresh }) => {
      task.munmap(gone, PAGE);
      task.store32(fresh, NEW);
      expectEqual("the fresh page", task.load32(fresh), NEW);
    },
    (task, { gone }) => {
      survives(task, () => {
        expectEqual("the old page", task.load32(gone), OLD);
        task.store32(gone, OLD);
        expectEqual("the old page", task.load32(gone), OLD);
      });
    },
  ],
  check(machine, { tasks: [task], state: { fresh } }) {
    if (task === undefined) return undefined;
    const word = machine.run(task, () => task.load32(fresh));
    return word === NEW ? undefined : `the fresh page holds ${word}, not ${NEW}`;
  },
});
