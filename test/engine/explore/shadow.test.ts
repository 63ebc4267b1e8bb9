// Memory that nobody has: what the allocators say about it is right at any time, every access to it is found, by
// kernel, host and program, and no other one.

import { describe, expect, test } from "vitest";
import type { DetectorName } from "../../../src/engine/explore/detect/catalogue.ts";
import { callersOf, classOf } from "../../../src/engine/explore/detect/shadow.ts";
import { Exploration, type Failure } from "../../../src/engine/explore/exploration.ts";
import {
  KernelSubject,
  type KernelSubjectOptions,
} from "../../../src/engine/explore/kernel-subject.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import {
  CACHE_TASK,
  CACHE_VM_AREA,
  GFP_KERNEL,
  KmemCache,
  MEM_MAP,
  PG_free_checked,
  PG_slab,
  Page,
  SLAB_DESTROY_BY_RCU,
  Slab,
  VmArea,
} from "../../../src/layout/structs.gen.ts";
import { getU32, setI32, type MemoryViews } from "../../../src/layout/view.ts";
import type { KernelCalls } from "../../../src/kernel/calls.ts";
import { MachineSignal } from "../../../src/kernel/error.ts";
import type { Cpu } from "../../../src/kernel/load.ts";
import { cacheField, firstObject } from "../../../src/machine/invariants/walk-slabs.ts";
import type { ProgramTask } from "../../../src/machine/task.ts";
import { SCENARIOS, scenarioNamed } from "../../../src/scenario/catalogue.ts";
import { PAGE, defineScenario, twoThreads, type Scenario } from "../../../src/scenario/scenario.ts";
import { strategyNamed } from "./kernel-harness.ts";

const KERNELS = ["2.6.9", "2.6.8"];

/** A scenario, ready. */
const explorationOf = (scenario: Scenario, options: KernelSubjectOptions): Exploration => {
  const subject = new KernelSubject(scenario, options);
  return new Exploration(subject.runtime, subject, subject.explain, [], options.off);
};

/** What goes wrong in some executions of a scenario. */
function failuresOf(
  scenario: Scenario,
  options: KernelSubjectOptions,
  executions = 60,
  strategy = "random",
): Failure[] {
  const exploration = explorationOf(scenario, options);
  const chosen = strategyNamed(strategy, 7);
  const failures = Array.from({ length: executions }, () => exploration.execute(chosen)?.failure);
  return failures.filter((failure) => failure !== undefined);
}

const rulesOf = (failures: readonly Failure[]): string[] => [
  ...new Set(failures.map(({ rule }) => rule)),
];

type Program = (cpu: Cpu, object: number) => void;

/** Programs that call the kernel as they like, with an object that setup has made: a VMA if nothing else is said. */
const direct = (
  programs: readonly Program[],
  make: (k: KernelCalls) => number = (k) => k.vma_alloc(),
): Scenario =>
  defineScenario<{ object: number }>({
    ...{ name: "direct", title: "kernel calls", kernels: KERNELS, switches: [] },
    setup(machine) {
      const tasks = programs.map((_, cpu) => machine.spawn(cpu));
      const object = machine.run(tasks[0] as ProgramTask, ({ cpu }) => make(cpu.k));
      return { tasks, state: { object } };
    },
    programs: programs.map((program) => (task, { object }): void => {
      program(task.cpu, object);
    }),
  });

const frameOf = (page: number): number => ((page - MEM_MAP) / Page.SIZE) * PAGE;
/** What such programs leave behind is not what is tested. */
const UNTIDY: DetectorName = "invariant";

interface Twin {
  readonly rule: string;
  readonly detectors: readonly DetectorName[];
  /** The report on 2.6.9. */
  readonly message: RegExp;
  readonly broken: Program;
  readonly right: Program;
}

const BOTH: readonly DetectorName[] = ["use-after-free", "out-of-bounds"];

const TWINS: Readonly<Record<string, Twin>> = {
  "the host reads a freed VMA": {
    rule: "use after free",
    detectors: BOTH,
    message:
      /^vma\[\d+\.\d+\]\.vm_flags read by CPU 0 in host, freed by CPU 0 in (?:vma_free|broken)/,
    broken: (cpu, vma) => {
      cpu.k.vma_free(vma);
      getU32(cpu, vma + VmArea.vm_flags);
    },
    right: (cpu, vma) => {
      getU32(cpu, vma + VmArea.vm_flags);
      cpu.k.vma_free(vma);
    },
  },
  "the kernel reads a freed VMA": {
    rule: "use after free",
    detectors: BOTH,
    message: /^vma\[\d+\.\d+\]\.anon_vma read by CPU 0 in anon_vma_unlink, freed by CPU 0 in /,
    broken: ({ k }, vma) => {
      k.vma_free(vma);
      k.anon_vma_unlink(vma);
    },
    right: ({ k }, vma) => {
      k.anon_vma_unlink(vma);
      k.vma_free(vma);
    },
  },
  "the kernel copies a freed VMA": {
    rule: "use after free",
    detectors: BOTH,
    message: /^vma\[\d+\.\d+\]\.rb_parent_color read by CPU 0 in vma_dup, freed/,
    broken: ({ k }, vma) => {
      const other = k.vma_alloc();
      k.vma_free(vma);
      k.vma_free(other);
      k.vma_dup(vma);
    },
    right: ({ k }, vma) => {
      k.vma_free(k.vma_dup(vma));
      k.vma_free(vma);
    },
  },
  "the host writes behind the end of a task": {
    rule: "out of bounds",
    detectors: BOTH,
    message:
      /^behind the end of task\[\d+\.\d+\]\+0x[0-9a-f]+ written by CPU 0 in host, allocated by CPU 0/,
    broken: (cpu) => {
      const task = cpu.k.kmem_cache_alloc(CACHE_TASK);
      setI32(cpu, task + cacheField(cpu, CACHE_TASK, KmemCache.reallen) + 4, 1);
    },
    right: (cpu) => {
      const task = cpu.k.kmem_cache_alloc(CACHE_TASK);
      setI32(cpu, task + cacheField(cpu, CACHE_TASK, KmemCache.reallen) - 4, 1);
    },
  },
  "the host reads the books of a slab": {
    rule: "out of bounds",
    detectors: BOTH,
    message: /^outside of all objects, vma slab\[\d+\] read by CPU 0 in host/,
    broken: (cpu, vma) => {
      getU32(cpu, vma - (vma % PAGE) + Slab.free);
    },
    right: (cpu, vma) => {
      getU32(cpu, vma);
    },
  },
  "the host writes to a freed frame": {
    rule: "use after free",
    detectors: BOTH,
    message: /^frame\[\d+\]\+0xff8 written by CPU 0 in host, freed by CPU 0 in /,
    broken: (cpu) => {
      const page = cpu.k.alloc_pages(GFP_KERNEL, 0);
      cpu.k.put_page(page);
      setI32(cpu, frameOf(page) + 0xff8, 1);
    },
    right: (cpu) => {
      const page = cpu.k.alloc_pages(GFP_KERNEL, 0);
      setI32(cpu, frameOf(page) + 0xff8, 1);
      cpu.k.put_page(page);
    },
  },
  "the host reads a freed block": {
    rule: "use after free",
    detectors: BOTH,
    message: /^frame\[\d+\]\+0x0 read by CPU 0 in host, freed by CPU 0 in /,
    broken: (cpu) => {
      const page = cpu.k.alloc_pages(GFP_KERNEL, 2);
      cpu.k.free_pages(page, 2);
      getU32(cpu, frameOf(page) + 3 * PAGE);
    },
    right: (cpu) => {
      const page = cpu.k.alloc_pages(GFP_KERNEL, 2);
      getU32(cpu, frameOf(page) + 3 * PAGE);
      cpu.k.free_pages(page, 2);
    },
  },
};

describe.each(KERNELS)("%s", (kernel) => {
  describe.each(Object.entries(TWINS))("%s", (_, { rule, detectors, message, broken, right }) => {
    test("is found, and the report says who and where", () => {
      const off = new Set([UNTIDY]);
      const [failure] = failuresOf(direct([broken]), { kernel, record: true, off }, 1);
      expect(failure?.rule).toBe(rule);
      expect(failure?.message).toMatch(message);
      expect(detectors).toContain(failure?.detector);
    });

    test("is not looked for when that is switched off, and not found in its right twin", () => {
      const off = new Set([UNTIDY, ...detectors]);
      expect(rulesOf(failuresOf(direct([broken]), { kernel, off }, 1))).not.toContain(rule);
      expect(failuresOf(direct([right]), { kernel, off: new Set([UNTIDY]) }, 1)).toEqual([]);
    });
  });

  test("two CPUs that free one object at once: one of them is found", () => {
    const free: Program = ({ k }, vma) => {
      k.kmem_cache_free(CACHE_VM_AREA, vma);
    };
    const failures = failuresOf(direct([free, free]), { kernel }, 300);
    expect(failures.length).toBe(300);
    expect(rulesOf(failures)).toEqual(["BUG_SLAB_DOUBLE_FREE"]);
  });

  test("two CPUs that free one page at once: one of them is found", () => {
    const free: Program = ({ k }, page) => {
      k.free_pages(page, 0);
    };
    const scenario = direct([free, free], (k) => k.alloc_pages(GFP_KERNEL, 0));
    const failures = failuresOf(scenario, { kernel }, 300);
    expect(failures.length).toBe(300);
    const known = ["BUG_DOUBLE_FREE_PAGE", "BUG_BAD_PAGE_STATE"];
    expect(rulesOf(failures).filter((rule) => !known.includes(rule))).toEqual([]);
  });

  test("an anon_vma that is looked at when its lock is free again", () => {
    const scenario = scenarioNamed("exit-together");
    const without = ["unlocked-anon-vma-empty"] as const;
    const failures = failuresOf(scenario, { kernel, without, record: true }, 200, "pct3");
    if (kernel === "2.6.9") {
      // Its memory stays an anon_vma: to look is allowed, to free it twice is not.
      expect(rulesOf(failures)).toEqual(["BUG_SLAB_DOUBLE_FREE"]);
      return;
    }
    const found = failures.find(({ rule }) => rule === "use after free");
    expect(found?.detector).toBe("use-after-free");
    expect(found?.message).toMatch(
      /^anon_vma\[\d+\.\d+\]\.head_next read by CPU (\d) in anon_vma_unlink, freed by CPU (?!\1)\d in anon_vma_unlink < removeVma < \w+$/,
    );
    const off = new Set<DetectorName>(["use-after-free", "out-of-bounds"]);
    const others = failuresOf(scenario, { kernel, without, off }, 200, "pct3");
    expect(rulesOf(others)).not.toContain("use after free");
  });

  test("a load through a TLB entry whose frame is free", () => {
    const scenario = scenarioNamed("unmap-access");
    const without = ["no-flush-before-free"] as const;
    const failures = failuresOf(scenario, { kernel, without, record: true }, 300, "pct3");
    const found = failures.find(({ rule }) => rule === "stale TLB");
    expect(found?.detector).toBe("stale-tlb");
    // Whichever of the two that look for it comes first: this one, or the log of user stores.
    expect(found?.message).toMatch(
      /^frame\[\d+\]\+0x0 (?:read|written) by CPU 1 in user_\w+32, freed by CPU 0 in free_pagevec < free_gathered < tlb_flush_mmu$|is free$/,
    );
    const off = new Set<DetectorName>(["stale-tlb"]);
    expect(rulesOf(failuresOf(scenario, { kernel, without, off }, 300, "pct3"))).not.toContain(
      "stale TLB",
    );
  });

  test("a walker in a page table that is free", () => {
    const scenario = defineScenario<{ at: number }>({
      ...{ name: "walk", title: "munmap of a table, walk", kernels: KERNELS, switches: [] },
      setup(machine) {
        const { first, second, at } = twoThreads(machine, 1);
        machine.run(second, (task) => {
          task.store32(at, 1);
        });
        return { tasks: [first, second], state: { at } };
      },
      programs: [
        (task, { at }) => {
          task.munmap(at, PAGE);
        },
        (task, { at }) => {
          task.cpu.k.local_flush_tlb();
          try {
            task.load32(at);
          } catch (error) {
            if (!(error instanceof MachineSignal)) throw error;
          }
        },
      ],
    });
    const off = new Set<DetectorName>(["stale-tlb"]);
    const without = ["no-flush-before-free"] as const;
    const failures = failuresOf(scenario, { kernel, without, off }, 600, "pct3");
    const found = failures.find(({ rule }) => rule === "use after free");
    expect(found?.message).toMatch(
      /^frame\[\d+\]\+0x\w+ (?:read|written) by CPU 1 in (?:pte_offset|translate_slow)/,
    );
    expect(failuresOf(scenario, { kernel }, 600, "pct3")).toEqual([]);
  });
});

/** Objects that belong to somebody, in the chain of free objects of their slab: assembly/mm/slab.ts. */
const BUFCTL_ALLOCATED = 0xfffe;

/** Objects of the cache may be looked at when they are free. */
const isTypesafe = (memory: MemoryViews, id: number): boolean =>
  (cacheField(memory, id, KmemCache.flags) & SLAB_DESTROY_BY_RCU) !== 0;

/** What the shadow is to be, from the books of the allocators: 1 for each 8 bytes that nobody may touch. */
function expectedShadow({ memory, config }: KernelSubject): Uint8Array {
  const shadow = new Uint8Array((config.lowmemPages * PAGE) / 8);
  const hide = (from: number, bytes: number, value: number): void => {
    shadow.fill(value, from / 8, Math.ceil((from + bytes) / 8));
  };
  for (let pfn = 0; pfn < config.lowmemPages; pfn++) {
    const flags = getU32(memory, MEM_MAP + pfn * Page.SIZE + Page.flags);
    const frame = pfn * PAGE;
    if ((flags & (PG_free_checked | PG_slab)) !== 0) hide(frame, PAGE, 1);
    if ((flags & PG_slab) === 0) continue;
    const id = getU32(memory, frame + Slab.cache_id);
    const size = cacheField(memory, id, KmemCache.object_size);
    for (let i = 0; i < cacheField(memory, id, KmemCache.num); i++) {
      const state = memory.u16[(frame + Slab.SIZE + i * 2) >>> 1];
      if (state !== BUFCTL_ALLOCATED && !isTypesafe(memory, id)) continue;
      const object = firstObject(memory, frame, id) + i * size;
      hide(object, cacheField(memory, id, KmemCache.reallen), 0);
    }
  }
  return shadow;
}

const shadowOf = (subject: KernelSubject): Uint8Array =>
  Uint8Array.from({ length: (subject.config.lowmemPages * PAGE) / 8 }, (_, granule) =>
    subject.runtime.calls.is_marked(granule * 8),
  );

/** What ends with the memory it began with: a page taken for one that was freed, a fork that fails, locks alone. */
const SAME = ["unmap-access", "fork-range", "two-mmap-sems"];
/** Whether a page is on swap again at the end, and its frame free as before, is for the schedule to say. */
const MAY_END_ON_SWAP = ["swap-pin", "swap-store", "swapoff-fault"];

describe("what the allocators say", () => {
  const cases = SCENARIOS.flatMap((scenario) =>
    scenario.kernels.map((kernel) => ({ scenario, kernel })),
  );
  test.each(cases)("is what their books say: $scenario.name, $kernel", ({ scenario, kernel }) => {
    const subject = new KernelSubject(scenario, { kernel });
    const exploration = new Exploration(subject.runtime, subject, subject.explain);
    const before = shadowOf(subject);
    expect(Buffer.compare(before, expectedShadow(subject))).toBe(0);
    expect(before.reduce((sum, bit) => sum + bit, 0)).toBeGreaterThan(1000);
    const random = new RandomWalk(5);
    let changed = 0;
    for (let i = 0; i < 4; i++) {
      exploration.execute(random, () => {
        const now = shadowOf(subject);
        expect(Buffer.compare(now, expectedShadow(subject))).toBe(0);
        changed += Buffer.compare(now, before) === 0 ? 0 : 1;
      });
    }
    const { name } = scenario;
    if (!MAY_END_ON_SWAP.includes(name)) expect(changed).toBe(SAME.includes(name) ? 0 : 4);
    expect(Buffer.compare(shadowOf(subject), before)).toBe(0);
  });
});

test("code is told apart by the functions that it stands in", () => {
  expect(classOf("assembly/mm/slab/kmem_cache_free")).toBe(1);
  expect(classOf("assembly/index/user_store32")).toBe(2);
  expect(classOf("assembly/mm/uaccess/copy_chunk")).toBe(2);
  expect(classOf("assembly/mm/page_alloc/free_hot_page")).toBe(0);
  expect(classOf("assembly/index/find_vma")).toBe(0);
});

test("a stack names those who called the allocators, innermost first", () => {
  const stack = `Error
    at stackHere (file:///racier/dist/engine/explore/detect/shadow.js:1:1)
    at assembly/mm/slab/kmem_cache_free (wasm://wasm/00a1:wasm-function[9]:0x10)
    at assembly/mm/mm/vma_free (wasm://wasm/00a1:wasm-function[10]:0x20)
    at Replay.call (file:///racier/dist/engine/explore/replay.js:2:2)
    at removeVma (file:///racier/dist/mm/unmap.js:3:3)
    at file:///racier/dist/mm/unmap.js:4:4`;
  expect(callersOf(stack)).toEqual(["vma_free", "removeVma"]);
});
