// A guest takes a fault for a page that its process writes to at the same time, and that is shared since a fork. The guest asks for the page and gets the old one; the write puts a copy in its place and tells the
// guest's MMU, which has mapped nothing yet; then the guest maps what it has got. What it reads from there on is
// nobody's memory but the child's.
//
// races.md R37; the four variants of kvm's retry protocol, but for the count (guest-truncate.ts).

import { guestLoad } from "./guest.ts";
import { PAGE, defineScenario } from "./scenario.ts";

export const guestCow = defineScenario<{ at: number; handle: number }>({
  name: "guest-cow",
  title: "a guest's fault on one CPU, a COW break of the same page on another",
  kernels: ["2.6.27"],
  others: ["mmn-v13"],
  switches: ["no-retry-seq", "unlocked-retry", "late-seq"],
  setup(machine) {
    const writer = machine.spawn(0);
    // Not a thread: a CPU that uses the same page tables would be asked to flush, and answer too late for the race.
    const vcpu = machine.spawn(1);
    const state = machine.run(writer, (task) => {
      const at = task.mmap({ length: PAGE, read: true, write: true });
      task.store32(at, 1);
      return { at, handle: task.registerNotifier("kvm", at, 1) };
    });
    machine.fork(writer, 0);
    return { tasks: [machine.resume(writer), vcpu], state };
  },
  programs: [
    (task, { at }) => {
      task.store32(at, 2);
    },
    (task, { at, handle }) => {
      guestLoad(task, handle, at);
    },
  ],
});
