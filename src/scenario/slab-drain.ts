// A CPU takes objects out of a slab cache while another one asks all CPUs for the free objects that they keep. The
// interrupt that gives them back takes the lock of each cache, and it may come anywhere where interrupts are on:
// the machine takes interrupts in the middle of kernel code. Who is interrupted with the lock held waits
// for itself, so the lock is held with interrupts off.

import { BOOT_PARAMS, BootParams } from "../layout/structs.gen.ts";
import { setI32 } from "../layout/view.ts";
import { PAGE, defineScenario } from "./scenario.ts";

export const slabDrain = defineScenario({
  name: "slab-drain",
  title: "a CPU is interrupted to give back its free objects while it takes some",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["slab-irqs-on"],
  setup(machine) {
    const tasks = [machine.spawn(0), machine.spawn(1)] as const;
    // An anon_vma in use keeps its slab, which would go back after a grace period only.
    machine.run(tasks[0], (task) => {
      task.store32(task.mmap({ length: PAGE, read: true, write: true }), 1);
    });
    // Empty arrays: the next object comes out of the cache.
    for (const task of tasks) {
      machine.run(task, ({ cpu }) => {
        cpu.k.kmem_cache_reap_all();
      });
    }
    setI32(tasks[0].cpu, BOOT_PARAMS + BootParams.interrupts_inside, 1);
    return { tasks, state: undefined };
  },
  programs: [
    (task) => {
      // Read-only, so that it is a VMA of its own.
      task.mmap({ length: PAGE, read: true });
    },
    ({ cpu }) => {
      cpu.k.kmem_cache_drain_others();
    },
  ],
});
