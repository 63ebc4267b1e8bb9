// Two processes lend each other a window, and each reaches for that of the other: a fault then holds two mmap_sems. Each
// takes the one at the lower address first; else both may hold one and wait, behind a writer, for the other. lockdep says
// so as soon as the order is wrong, without such a writer.
//
// Patch 12 of the thread of 2008.

import { guestLoad } from "./guest.ts";
import { PAGE, defineScenario } from "./scenario.ts";

interface Window {
  readonly at: number;
  readonly handle: number;
}

export const twoMmapSems = defineScenario<{ windows: readonly [Window, Window] }>({
  name: "two-mmap-sems",
  title: "two processes read from the windows that they lend each other",
  kernels: ["mmn-v13+all"],
  switches: ["own-mmap-sem-first"],
  setup(machine) {
    const first = machine.spawn(0);
    const second = machine.spawn(1);
    const [one, two] = [first, second].map((process) =>
      machine.run(process, (task): Window => {
        const at = task.mmap({ length: PAGE, read: true, write: true });
        task.store32(at, 1);
        return { at, handle: task.registerNotifier("xpmem", at, 1) };
      }),
    ) as [Window, Window];
    return { tasks: [first, second], state: { windows: [one, two] } };
  },
  programs: [
    (task, { windows }) => {
      const { handle, at } = windows[1];
      guestLoad(task, handle, at);
    },
    (task, { windows }) => {
      const { handle, at } = windows[0];
      guestLoad(task, handle, at);
    },
  ],
});
