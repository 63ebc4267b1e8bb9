// Lockdep under the explorer: it finds an inversion in an execution that does not deadlock, a search for the
// deadlock itself takes longer, and it changes nothing of a search that it is silent in.

import { describe, expect, it } from "vitest";
import { NOTHING_OFF, type Off } from "../../../src/engine/explore/detect/catalogue.ts";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { readBuilt } from "../../../src/kernel/load.ts";
import { LOCK_ORDER, LOCK_ORDER_END } from "../../../src/layout/structs.gen.ts";
import { SCENARIOS, scenarioNamed } from "../../../src/scenario/catalogue.ts";
import { explorationWith, firstFailure, strategyNamed } from "./kernel-harness.ts";

const EXECUTIONS = 2000;
const UNWATCHED: Off = new Set(["lock-order"]);

const rmapWalk = scenarioNamed("rmap-walk");

describe("rmap-walk in the old order", () => {
  const without = ["old-lock-order"] as const;

  it("is flagged in the first execution, in which nobody waits for anybody", () => {
    const exploration = explorationWith(new KernelSubject(rmapWalk, { without }));
    const found = firstFailure(exploration, strategyNamed("random", 1), EXECUTIONS);

    expect(found?.execution).toBe(1);
    expect(found?.failure.rule).toBe("BUG_LOCK_ORDER");
    const text = found?.failure.message.replace(/0x[0-9a-f]+/, "...");
    expect(text).toBe(
      "BUG_LOCK_ORDER on CPU 0: takes anon_vma.lock at ... inside page_table_lock, but before, page_table_lock " +
        "was taken inside anon_vma.lock (first by CPU 1, which held anon_vma.lock); it holds mmap_sem > page_table_lock",
    );
  });

  it("is flagged whoever comes first", () => {
    const held = new Set<string>();
    const exploration = explorationWith(new KernelSubject(rmapWalk, { without }));
    const strategy = strategyNamed("pct2", 1);
    for (let i = 0; i < 50; i++) {
      const failure = exploration.execute(strategy)?.failure;
      expect(failure?.rule).toBe("BUG_LOCK_ORDER");
      held.add(/it holds (.*)$/.exec(failure?.message ?? "")?.[1] ?? "");
    }
    expect([...held].sort()).toEqual(["anon_vma.lock", "mmap_sem > page_table_lock"]);
  });

  it("deadlocks in some other execution when the order of locks is not watched", () => {
    const options = { without, off: UNWATCHED } as const;
    const exploration = explorationWith(new KernelSubject(rmapWalk, options));
    const found = firstFailure(exploration, strategyNamed("pct3", 1), EXECUTIONS);

    expect(found?.failure.rule).toBe("deadlock");
    expect(found?.execution).toBeGreaterThan(1);
  });

  it("is silent in the order of 2.6.9, watched or not", () => {
    for (const off of [NOTHING_OFF, UNWATCHED]) {
      const exploration = explorationWith(new KernelSubject(rmapWalk, { off }));
      expect(firstFailure(exploration, strategyNamed("pct3", 1), EXECUTIONS)).toBeUndefined();
    }
  });
});

describe("slab-drain with interrupts on", () => {
  const slabDrain = scenarioNamed("slab-drain");
  const without = ["slab-irqs-on"] as const;

  it("is flagged, and deadlocks when the order of locks is not watched: one CPU waits for itself", () => {
    const watched = explorationWith(new KernelSubject(slabDrain, { without }));
    const flagged = firstFailure(watched, strategyNamed("pct3", 1), EXECUTIONS);
    expect(flagged?.failure.rule).toMatch(/^BUG_LOCK_(ORDER|RECURSION)$/);

    const exploration = explorationWith(new KernelSubject(slabDrain, { without, off: UNWATCHED }));
    const found = firstFailure(exploration, strategyNamed("pct3", 1), EXECUTIONS);
    expect(found?.failure.rule).toBe("deadlock");
  });
});

it.each(SCENARIOS.flatMap(({ name, kernels }) => kernels.map((kernel) => [name, kernel] as const)))(
  "%s on %s: the same schedules with it and without it, and the same number of states",
  (name, kernel) => {
    const search = (off: Off): unknown => {
      const subject = new KernelSubject(scenarioNamed(name), { kernel, off });
      const exploration = explorationWith(subject);
      const strategy = strategyNamed("random", 1);
      const turns = Array.from({ length: 40 }, () => {
        exploration.execute(strategy);
        return exploration.turns();
      });
      return { turns, states: subject.states };
    };

    expect(search(NOTHING_OFF)).toEqual(search(UNWATCHED));
  },
);

it("learns within an execution, and its memory is put back", () => {
  // A page that is read in nests locks that nothing in setup has nested.
  const subject = new KernelSubject(scenarioNamed("file-fault"));
  const exploration = explorationWith(subject);
  const order = (): string => subject.memory.u8.subarray(LOCK_ORDER, LOCK_ORDER_END).join();
  const before = order();
  let during = "";

  exploration.execute(strategyNamed("random", 1), () => {
    during = order();
  });

  expect(during).not.toBe(before);
  expect(order()).toBe(before);
});

it.each(["2.6.8", "2.6.9"])("%s: no access of lockdep is a step of the schedule", (kernel) => {
  const file = `kernel-${kernel}-check`;
  const text = readBuilt(`${file}.sites.json`).toString("utf8");
  const { sites } = JSON.parse(text) as { readonly sites: readonly { function: string }[] };
  expect(sites.filter(({ function: name }) => /lock(dep|_class)\//.test(name))).toEqual([]);
  // Were it inlined, its accesses would be those of the locks.
  const names = readBuilt(`${file}.explore.wasm`).toString("latin1");
  for (const name of ["lock_acquire", "lock_acquire_tried", "lock_release"]) {
    expect(names).toContain(`assembly/lock/lockdep/${name}`);
  }
  // The compiler makes one function of those that take the default lock, and keeps the name of any. Two: the
  // exchange, and the look whether the machine takes interrupts here.
  const takes = /\/spin_lock(_ptl|_anon_vma|_i_mmap)?$/;
  expect(sites.filter(({ function: name }) => takes.test(name))).toHaveLength(2);
});
