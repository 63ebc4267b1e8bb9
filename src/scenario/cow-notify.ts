// A write breaks COW on a page that the process shares with its child, and that a secondary MMU has mapped. The child
// unmaps its own: the last reference to the old page is that of the write. If the page is given up first and the
// secondary MMU told then, it reads memory of nobody in between.
//
// rmap-history 6.30: what do_wp_page does when methods move out of page_table_lock, but the release of the page stays.

import { guestLoad } from "./guest.ts";
import { PAGE, defineScenario, sharedByFork } from "./scenario.ts";

export const cowNotify = defineScenario<{ at: number; handle: number }>({
  name: "cow-notify",
  title:
    "a COW break in one process, munmap of the same page and an access by a secondary MMU in another",
  kernels: ["2.6.27"],
  others: ["mmn-v13"],
  switches: ["late-notify"],
  setup(machine) {
    const { parent, child, at } = sharedByFork(machine, 1);
    const handle = machine.run(parent, (task) => {
      const registered = task.registerNotifier("kvm", at, 1);
      task.secondaryLoad32(registered, at);
      return registered;
    });
    return { tasks: [parent, child], state: { at, handle } };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, 2);
    },
    (task, { at, handle }) => {
      task.munmap(at, PAGE);
      guestLoad(task, handle, at);
    },
  ],
});
