// One thread unmaps a shared page of a file while another stores to it. The walker sets the dirty bit
// of the PTE at any moment before it is gone; what it set last must come to the page, or nobody would
// know that there is something to write back: a PTE is read and cleared in one step.

import { Page, PG_dirty } from "../layout/structs.gen.ts";
import { getU32 } from "../layout/view.ts";
import { PAGE, defineScenario, mappedFile, survives } from "./scenario.ts";

const STORED = 5;

export const fileDirty = defineScenario<{ at: number; file: number }>({
  name: "file-dirty",
  title: "munmap of a page of a file in one thread, the first store to it in another",
  kernels: ["2.6.9", "2.6.8"],
  switches: ["plain-pte-clear"],
  setup(machine) {
    const first = machine.spawn(0);
    const second = machine.clone(first, 1);
    const { at, file } = machine.run(first, (task) => mappedFile(task, 1));
    machine.run(second, (task) => task.load32(at));
    return { tasks: [first, second], state: { at, file } };
  },
  programs: [
    (task, { at }) => {
      task.munmap(at, PAGE);
    },
    (task, { at }) => {
      survives(task, () => {
        task.store32(at, STORED);
      });
    },
  ],
  check(machine, { tasks: [task], state: { file } }) {
    if (task === undefined) return undefined;
    return machine.run(task, ({ cpu }) => {
      const page = cpu.k.read_cache_page(file, 0);
      const stored = getU32(cpu, cpu.k.page_content(page));
      const isDirty = (getU32(cpu, page + Page.flags) & PG_dirty) !== 0;
      cpu.k.put_page(page);
      if (stored !== STORED) return undefined;
      return isDirty ? undefined : "the page was written and is not dirty: the store would be lost";
    });
  },
});
