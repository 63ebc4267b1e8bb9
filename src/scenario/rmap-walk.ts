// One CPU gives a VMA the anon_vma of its neighbour while another comes from the side of reclaim: from an
// anon_vma to the PTEs of its VMAs, as page_referenced and try_to_unmap of 2.6.9 do, with
// anon_vma.lock outside and page_table_lock inside, both waited for. That anon_vma_prepare agrees is
// what "rmaplock: mm lock ordering" brought; with the order of 2.6.8 both could wait for each other.
// The kernel here has no reclaim, so the walk is the scenario's own, with the kernel's locks.

import { AnonVma, MmStruct, VmArea } from "../layout/structs.gen.ts";
import { getI32 } from "../layout/view.ts";
import type { Cpu } from "../kernel/load.ts";
import { vmaAnonVma, vmaMm } from "../mm/vma.ts";
import { mmOf } from "../syscall/memory.ts";
import { PAGE, defineScenario, twoThreads } from "./scenario.ts";

/** Visits the page table of every VMA on the list of an anon_vma. */
function walkAnonVma(cpu: Cpu, anonVma: number): void {
  const { k } = cpu;
  const head = anonVma + AnonVma.head_next;
  k.anon_vma_lock_write(anonVma);
  for (let node = getI32(cpu, head); node !== head; node = getI32(cpu, node)) {
    const ptl = vmaMm(cpu, node - VmArea.anon_vma_node_next) + MmStruct.page_table_lock;
    k.spin_lock_ptl(ptl);
    k.spin_unlock_ptl(ptl);
  }
  k.anon_vma_unlock_write(anonVma);
}

export const rmapWalk = defineScenario<{ at: number; anonVma: number }>({
  name: "rmap-walk",
  title: "a VMA adopts its neighbour's anon_vma while a walk goes from there to the page tables",
  kernels: ["2.6.9"],
  switches: ["old-lock-order"],
  setup(machine) {
    const { first, second, at } = twoThreads(machine, 2);
    const anonVma = machine.run(first, (task) => {
      task.mprotect(at, PAGE, { read: true, write: true, exec: true });
      task.store32(at, 1);
      const { cpu } = task;
      return vmaAnonVma(cpu, cpu.k.find_vma(mmOf(cpu, task.address), at));
    });
    return { tasks: [first, second], state: { at, anonVma } };
  },
  programs: [
    (task, { at }) => {
      task.store32(at + PAGE, 2);
    },
    ({ cpu }, { anonVma }) => {
      walkAnonVma(cpu, anonVma);
    },
  ],
  check(machine, { tasks: [task], state: { at } }) {
    if (task === undefined) return undefined;
    const words = machine.run(task, () => [task.load32(at), task.load32(at + PAGE)]);
    return words.join() === "1,2" ? undefined : `the pages hold ${words.join(" and ")}`;
  },
});
