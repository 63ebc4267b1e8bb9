// A process exits while a kernel thread still uses its address space (use_mm: mm_count, not mm_users), and a driver asks
// for the address space of that thread, to register a notifier. If it gets one whose last user has gone, it gives it
// back as its last user a second time, and everything is unmapped twice.
//
// rmap-history 6.22; patch 03 of the thread.

import { mmput } from "../mm/unmap.ts";
import { PAGE, defineScenario } from "./scenario.ts";

export const getTaskMm = defineScenario<{ at: number; thread: number }>({
  name: "get-task-mm",
  title: "a process exits, a driver registers with the mm of a kernel thread that has borrowed it",
  kernels: ["2.6.27"],
  others: ["mmn-v13", "mmn-v13+get-task-mm"],
  switches: ["plain-get-task-mm"],
  exits: true,
  setup(machine) {
    const process = machine.spawn(0);
    const driver = machine.spawn(1);
    const at = machine.run(process, (task) => {
      const start = task.mmap({ length: PAGE, read: true, write: true });
      task.store32(start, 1);
      return start;
    });
    const thread = machine.run(driver, ({ cpu }) => {
      const mm = cpu.k.get_task_mm(process.address);
      const kthread = cpu.k.task_alloc(0, 0, 0);
      cpu.k.use_mm(kthread, mm);
      mmput(cpu, mm);
      return kthread;
    });
    return { tasks: [process, driver], state: { at, thread } };
  },
  programs: [
    () => undefined,
    (task, { at, thread }) => {
      const { cpu } = task;
      const mm = cpu.k.get_task_mm(thread);
      if (mm !== 0) {
        const handle = task.registerNotifierFor(mm, "empty", at, 1);
        task.unregisterNotifier(handle);
        mmput(cpu, mm);
      }
      cpu.k.unuse_mm(thread);
      cpu.k.task_free(thread);
    },
  ],
});
