// Two processes map and unmap a page of the page cache at once. _mapcount goes from unmapped to mapped
// and back once or twice, by who meets whom; each time one CPU makes the step, and it alone counts in
// nr_mapped. 2.6.9 tells by the result of the count itself; to ask before or after counts wrong.

import { PAGE, defineScenario, mappedFile } from "./scenario.ts";

export const fileCount = defineScenario<{ at: number }>({
  name: "file-count",
  title: "two processes map and unmap one page of a file",
  kernels: ["2.6.9"],
  switches: ["test-then-count", "plain-mapcount"],
  setup(machine) {
    const parent = machine.spawn(0);
    const at = machine.run(parent, (task) => {
      const mapped = mappedFile(task, 1);
      task.fileBytes(mapped.file, 0, 1);
      task.closeFile(mapped.file);
      return mapped.at;
    });
    return { tasks: [parent, machine.fork(parent, 1)], state: { at } };
  },
  programs: [
    (task, { at }) => {
      task.load32(at);
      task.madviseDontneed(at, PAGE);
    },
    (task, { at }) => {
      task.load32(at);
      task.madviseDontneed(at, PAGE);
    },
  ],
});
