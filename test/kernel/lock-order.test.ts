// The order of locks, learned from random sequences of syscalls on one CPU, against the lists that the kernels kept in
// mm/filemap.c (2.6.8) and mm/rmap.c (2.6.9).

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { learntNestings } from "../../src/machine/lock-order.ts";
import { documentedOrder, isDocumented } from "../../src/machine/lock-order-list.ts";
import { Comparison, makeFiles } from "../support/comparison.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { LockTrace, compileTraced } from "../support/lock-trace.ts";
import { operations } from "../support/operations.ts";
import { PAGE, RW, fixed } from "../support/process.ts";

/** Pairs that go against the order. The page_table_locks of child and parent nest in fork: the trace has one name for both. */
function inversions(nested: ReadonlySet<string>, kernel: string): string[] {
  const order = documentedOrder(kernel);
  return [...nested].filter((pair) => {
    const [outer, inner] = pair.split(" > ") as [string, string];
    if (pair === "page_table_lock > page_table_lock") return false;
    return !isDocumented({ outer, inner }, order);
  });
}

/** What the trace and the kernel's lockdep have in common: not a page lock, whose end the trace does not see. */
const bothSee = (pair: string): boolean => !/PG_locked|interrupts/.test(pair);

/** The pairs that the kernel's own lockdep has learnt. */
function learntBy(machine: DirectMachine): string[] {
  const pairs = learntNestings(machine.cpu).map(({ outer, inner }) => `${outer} > ${inner}`);
  const plain = new Set(pairs.map((pair) => pair.replaceAll(" (nested)", "")));
  return [...plain].filter(bothSee).sort();
}

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await compileTraced(kernel);
  }, 120_000);

  /** A machine that is listened to. */
  function listen(): { machine: DirectMachine; trace: LockTrace } {
    const trace = new LockTrace();
    const machine = new DirectMachine({ kernel, module, arch: { lock_event: trace.lockEvent } });
    trace.watch(machine.cpu);
    return { machine, trace };
  }

  test("takes its locks in its order, whatever a process does", () => {
    const { machine, trace } = listen();
    for (const ops of fc.sample(operations, { seed: 0x5eed0014, numRuns: 60 })) {
      const files = makeFiles(machine);
      machine.run((task) => {
        new Comparison(machine, task, files).run(ops);
      });
      for (const { handle } of files) machine.cpu.k.inode_put(handle);
    }

    expect(trace.wrong).toEqual([]);
    expect(inversions(trace.nested, kernel)).toEqual([]);
    expect(trace.held()).toEqual([]);
    // The sequences came by where locks nest, or the list above proves nothing.
    const met = [
      "page_table_lock > page_table_lock",
      "i_mmap_lock > anon_vma.lock",
      "mmap_sem > tree_lock",
    ];
    expect([...trace.nested]).toEqual(expect.arrayContaining(met));
    expect(trace.nested.has("page_table_lock > PG_maplock")).toBe(kernel === "2.6.8");
    expect(learntBy(machine)).toEqual([...trace.nested].filter(bothSee).sort());
  });

  test("adopts a neighbour's anon_vma under both locks, in its own order", () => {
    const { machine, trace } = listen();
    machine.run((task) => {
      const start = fixed(task, 0, 4);
      task.mprotect(start, 2 * PAGE, { ...RW, exec: true });
      task.store32(start, 1);
      trace.nested.clear();
      task.store32(start + 2 * PAGE, 1);
    });

    const pairs = ["page_table_lock > anon_vma.lock", "anon_vma.lock > page_table_lock"];
    const seen = pairs.map((pair) => trace.nested.has(pair));
    expect(seen).toEqual(kernel === "2.6.8" ? [true, false] : [false, true]);
  });

  test("links an anon_vma that it has just made under its lock if a finder could be late", () => {
    const { machine, trace } = listen();
    machine.run((task) => {
      const start = fixed(task, 0, 1);
      trace.nested.clear();
      task.store32(start, 1);

      const locks = [...trace.nested].join(" ");
      expect(locks).toContain("page_table_lock");
      expect(locks.includes("anon_vma.lock > page_table_lock")).toBe(kernel === "2.6.9");
      expect(locks.includes("anon_vma.lock")).toBe(kernel === "2.6.9");
    });
  });
});

test("an inversion, a lock of no class and a lock inside itself are found", () => {
  const good = ["mmap_sem > page_table_lock", "anon_vma.lock > page_table_lock"];
  const bad = ["page_table_lock > anon_vma.lock", "lru_lock > lru_lock", "mmap_sem > lock at 4"];

  expect(inversions(new Set([...good, ...bad]), "2.6.9")).toEqual(bad);
});

test("a kernel that is built from another has its order", () => {
  const pair = { outer: "anon_vma.lock", inner: "page_table_lock" };
  const agrees = ["2.6.8", "2.6.9", "2.6.27", "2.6.9+ptl=mcs"].map((kernel) =>
    isDocumented(pair, documentedOrder(kernel)),
  );

  expect(agrees).toEqual([false, true, true, true]);
});
