// What scenarios of page_referenced have in common: reclaim, on CPU 0, asks of a page to which it has a reference, and the
// process on CPU 1, the last that maps it, unmaps it; then memory is short, so that the slab of its anon_vma goes back.

import type { ProgramTask } from "../machine/task.ts";
import { PAGE, type Prepared, type ScenarioMachine, type ScenarioProgram } from "./scenario.ts";

/** Where the page is mapped, and the page. */
export interface ReferencedPage {
  readonly at: number;
  readonly page: number;
}

/** A process on CPU 1 that has stored to a page, and reclaim on CPU 0, which has a reference to it. */
export function reclaimAndOwner(machine: ScenarioMachine): Prepared<ReferencedPage> {
  const reclaim = machine.spawn(0);
  const owner = machine.spawn(1);
  const state = machine.run(owner, (task) => {
    const at = task.mmap({ length: PAGE, read: true, write: true });
    task.store32(at, 1);
    return { at, page: task.cpu.k.follow_page(at) };
  });
  // Free anon_vmas in the arrays of CPUs keep a slab from being empty.
  for (const task of [reclaim, owner]) {
    machine.run(task, ({ cpu }) => {
      cpu.k.kmem_cache_reap_all();
    });
  }
  return { tasks: [reclaim, owner], state };
}

function askReferenced({ cpu }: ProgramTask, { page }: ReferencedPage): void {
  cpu.k.page_referenced(page, 0);
  cpu.k.put_page(page);
}

function unmapAndReap(task: ProgramTask, { at }: ReferencedPage): void {
  task.munmap(at, PAGE);
  task.cpu.k.kmem_cache_reap_all();
}

/** What the two do. */
export const ASK_AND_UNMAP: readonly ScenarioProgram<ReferencedPage>[] = [
  askReferenced,
  unmapAndReap,
];
