// A driver unregisters its notifier while the process that it follows exits. Both come to the notifier: exit to
// release it, the driver to take it off the list and free its memory. Who unregisters waits until nobody is in its
// methods any more.
//
// rmap-history 6.25.

import { mmput } from "../mm/unmap.ts";
import { PAGE, defineScenario } from "./scenario.ts";

export const unregisterExit = defineScenario<{ handle: number }>({
  name: "unregister-exit",
  title: "a process exits, a driver unregisters the secondary MMU that follows it",
  kernels: ["2.6.27"],
  switches: ["no-unregister-sync"],
  exits: true,
  setup(machine) {
    const process = machine.spawn(0);
    const driver = machine.spawn(1);
    const at = machine.run(process, (task) => {
      const start = task.mmap({ length: PAGE, read: true, write: true });
      task.store32(start, 1);
      return start;
    });
    const handle = machine.run(driver, (task) => {
      const { k } = task.cpu;
      const mm = k.get_task_mm(process.address);
      const registered = task.registerNotifierFor(mm, "kvm", at, 1);
      mmput(task.cpu, mm);
      return registered;
    });
    return { tasks: [process, driver], state: { handle } };
  },
  programs: [
    () => undefined,
    (task, { handle }) => {
      task.unregisterNotifier(handle);
    },
  ],
});
