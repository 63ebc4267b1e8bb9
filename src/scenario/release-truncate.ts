// The last user of an address space goes, and its secondary MMUs are released. Meanwhile a file that it maps is truncated, and its pages go.
// A notifier that has left the list and is not yet released hears nothing of that, and still has them mapped: what
// it reads then is free memory. So all are released first, and leave the list then.
//
// rmap-history 6.26; v13 and 2.6.27 unlinked first.

import { mmput } from "../mm/unmap.ts";
import { sysExit } from "../syscall/process.ts";
import { guestLoad } from "./guest.ts";
import { defineScenario, mappedFile } from "./scenario.ts";

interface State {
  readonly mm: number;
  readonly at: number;
  readonly file: number;
  readonly handle: number;
}

export const releaseTruncate = defineScenario<State>({
  name: "release-truncate",
  title:
    "the last user of an address space goes, in another process ftruncate of its file and an access of its secondary MMU",
  kernels: ["2.6.27"],
  switches: ["unlink-before-release"],
  setup(machine) {
    const process = machine.spawn(0);
    const last = machine.spawn(0);
    const other = machine.spawn(1);
    const { file, at } = machine.run(process, (task) => mappedFile(task, 1));
    const mm = machine.run(last, ({ cpu }) => cpu.k.get_task_mm(process.address));
    const handle = machine.run(other, (task) => {
      const registered = task.registerNotifierFor(mm, "kvm", at, 1);
      task.secondaryLoad32(registered, at);
      return registered;
    });
    // The last user is none of its threads: no CPU has its page tables, or has to be asked to flush.
    machine.run(process, ({ cpu, address }) => {
      sysExit(cpu, address, 0);
    });
    return { tasks: [machine.resume(last), other], state: { mm, at, file, handle } };
  },
  programs: [
    ({ cpu }, { mm }) => {
      mmput(cpu, mm);
    },
    (task, { at, file, handle }) => {
      task.ftruncate(file, 0);
      guestLoad(task, handle, at);
      task.unregisterNotifier(handle);
    },
  ],
});
