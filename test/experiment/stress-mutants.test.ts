// Kernels that are broken on purpose, and the stress test that must notice. Which rule notices
// depends on what happens first; that some rule does is what makes the others worth believing.

import { describe, expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { runStress } from "../../src/experiment/stress.ts";
import { mutantKernel, mutate, type Mutation } from "./mutant.ts";

interface Mutant {
  readonly kernel: string;
  readonly name: string;
  readonly mutations: readonly Mutation[];
  /** Rules of which one must break; any, when there is no telling. */
  readonly rules?: readonly string[];
  readonly cpus?: number;
}

const MUTANTS: readonly Mutant[] = [
  {
    kernel: "2.6.9",
    name: "fork does not write-protect the parent",
    mutations: [{ file: "mm/copy.ts", from: "    ptep_set_wrprotect(src);\n", to: "" }],
    rules: ["CONTENT", "I-COW", "I-TLB"],
  },
  {
    kernel: "2.6.8",
    name: "fork takes no reference",
    mutations: [{ file: "mm/copy.ts", from: "  get_page(page);\n", to: "" }],
  },
  {
    kernel: "2.6.8",
    name: "fork does not count the child's pages",
    mutations: [{ file: "mm/copy.ts", from: "  mm.rss++;\n", to: "" }],
    rules: ["I-RSS"],
  },
  {
    kernel: "2.6.9",
    name: "a copied page keeps the reference of the PTE",
    mutations: [{ file: "mm/fault.ts", from: "  else if (counted) put_page(old);\n", to: "" }],
    rules: ["REFCOUNT", "FRAMES", "LEAK"],
  },
  {
    kernel: "2.6.9",
    name: "unmapping does not flush the TLBs",
    mutations: [
      {
        file: "mm/tlb_gather.ts",
        from: "  flush_tlb_mm(changetype<MmStruct>(cpu.gather_mm));\n",
        to: "",
      },
    ],
  },
  {
    kernel: "2.6.9",
    name: "the flush of one page does not reach other CPUs",
    mutations: [
      {
        file: "mm/tlb_flush.ts",
        from: "  if (others != 0) flush_tlb_others(others, mm, address);\n",
        to: "",
      },
    ],
    cpus: 2,
  },
  {
    kernel: "2.6.8",
    name: "the last unmap does not count nr_mapped down",
    mutations: [{ file: "rmap/page_map_lock.ts", from: "    this_cpu().nr_mapped--;\n", to: "" }],
    rules: ["I-NRMAPPED"],
  },
  {
    kernel: "2.6.9",
    name: "a fresh page is not cleared",
    mutations: [
      {
        file: "mm/page_alloc.ts",
        from: "    if (gfp_mask & GFP_ZERO) clear_highpage(each);\n",
        to: "",
      },
    ],
  },
  {
    kernel: "2.6.9",
    name: "munmap never gives page_table_lock back",
    mutations: [
      {
        file: "mm/mm.ts",
        from: "floor, ceiling);\n  tlb_finish_mmu();\n  spin_unlock_ptl(mm_ptl(mm));\n",
        to: "floor, ceiling);\n  tlb_finish_mmu();\n",
      },
    ],
    rules: ["BUG_LOCKS_HELD", "BUG_SLEEP_IN_ATOMIC", "BUG_LOCK_ORDER"],
  },
  {
    kernel: "2.6.9",
    name: "a lock that an interrupt takes too is held with interrupts on",
    cpus: 2,
    mutations: [
      {
        file: "mm/slab.ts",
        from: "  if (without(FIX_CACHE_IRQ)) spin_lock(changetype<usize>(cache));\n  else spin_lock_irq(",
        to: "  spin_lock(",
      },
      { file: "mm/slab.ts", from: "  if (!without(FIX_CACHE_IRQ)) irq_enable();\n", to: "" },
    ],
    rules: ["BUG_LOCK_ORDER"],
  },
  {
    kernel: "2.6.9",
    name: "who is given a semaphore is not told",
    cpus: 2,
    mutations: [
      {
        file: "lock/wait_queue.ts",
        from: "  smp_store_release<u32>(percpu_waiter_woken(cpu), 1);\n",
        to: "",
      },
    ],
    rules: ["HANG"],
  },
];

describe("a kernel broken on purpose is found", () => {
  test.each(MUTANTS)("$kernel: $name", async ({ kernel, mutations, rules, cpus = 1 }) => {
    const module = await mutantKernel(`${kernel}-check`, mutations);

    const doc = await runStress(
      {
        ...{ kernel, module, cpus, memory: "24M", seconds: 40, seed: 5, checking: true },
        hangMs: rules?.includes("HANG") ? 1500 : 30_000,
      },
      threadsEngine,
    );

    expect(doc.failure).not.toBeNull();
    if (rules !== undefined) expect(rules).toContain(doc.failure?.rule);
  });
});

test("a mutation that does not fit exactly once is refused", () => {
  const mutation = { file: "mm/x.ts", from: "lock();", to: "" };

  expect(mutate("lock(); work();", mutation)).toBe(" work();");
  expect(() => mutate("work();", mutation)).toThrow("mm/x.ts has 0 times: lock();");
  expect(() => mutate("lock(); lock();", mutation)).toThrow("mm/x.ts has 2 times: lock();");
});
