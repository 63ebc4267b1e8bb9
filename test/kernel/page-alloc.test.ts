// The buddy allocator and its per-CPU lists, from outside: what is handed out, what comes back, what is found to be wrong.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BOOT_PARAMS,
  BootParams,
  GFP_HIGHUSER,
  GFP_KERNEL,
  GFP_ZERO,
  PERCPU_PAGES_STRIDE,
  PERCPU_PAGESETS,
  PG_locked,
  Page,
  PerCpuPages,
  ZONE_TABLE,
  Zone,
} from "../../src/layout/structs.gen.ts";
import { getU32, setI32 } from "../../src/layout/view.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { pageAt } from "../support/inspect.ts";

fc.configureGlobal({ seed: 0x5eed0012, numRuns: 100 });

const pfnOf = (page: number): number => ((page >>> 0) - pageAt(0)) / Page.SIZE;
const freePages = (machine: DirectMachine): number =>
  getU32(machine.cpu, ZONE_TABLE + Zone.free_pages);

type Step = { readonly order: number } | { readonly free: number };
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ order: fc.constantFrom(0, 0, 0, 1, 2, 3, 5, 8, 9, 10) }) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
  ),
  { maxLength: 120, size: "max" },
) as fc.Arbitrary<Step[]>;

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test("blocks never overlap, lie on their order, and merge back to the boot state", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const first = getU32(machine.cpu, BOOT_PARAMS + BootParams.zero_pfn);

    const run = (sequence: readonly Step[]): void => {
      const blocks: { pfn: number; order: number; page: number }[] = [];
      for (const step of sequence) {
        if ("free" in step) {
          const [block] = blocks.splice(step.free % (blocks.length || 1), 1);
          if (block !== undefined) k.free_pages(block.page, block.order);
          continue;
        }
        const page = k.alloc_pages(GFP_KERNEL, step.order);
        if (page === 0) continue;
        const pfn = pfnOf(page);
        const end = pfn + 2 ** step.order;
        expect(pfn % 2 ** step.order).toBe(0);
        expect(end).toBeLessThanOrEqual(machine.config.lowmemPages);
        expect(pfn <= first && first < end).toBe(false);
        const clash = blocks.find((b) => b.pfn < end && pfn < b.pfn + 2 ** b.order);
        expect(clash).toBeUndefined();
        blocks.push({ pfn, order: step.order, page });
      }
      for (const { page, order } of blocks) k.free_pages(page, order);
      expect(machine.census()).toEqual(machine.bootCensus);
    };

    fc.assert(fc.property(steps, run));
  });

  test("every frame can be had one by one, then none, and all come back", () => {
    const machine = new DirectMachine({ kernel, memory: "8M" });
    const { k } = machine.cpu;
    const pages: number[] = [];

    for (let page = k.alloc_pages(GFP_KERNEL, 0); page !== 0;) {
      pages.push(page);
      page = k.alloc_pages(GFP_KERNEL, 0);
    }
    const had = new Set(pages).size;
    const none = [0, 1, 10].map((order) => k.alloc_pages(GFP_KERNEL, order));
    for (const page of pages) k.free_pages(page, 0);

    expect(had).toBe(machine.bootCensus.zones[0]?.freePages);
    expect(none).toEqual([0, 0, 0]);
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("a frame asked for zeroed is zeroed, whatever it held before", () => {
    const machine = new DirectMachine({ kernel });
    const { k, i32 } = machine.cpu;
    const page = k.alloc_pages(GFP_KERNEL, 1);
    const frame = pfnOf(page) * 1024;
    i32.fill(-1, frame, frame + 2048);
    k.free_pages(page, 1);

    const again = k.alloc_pages(GFP_KERNEL | GFP_ZERO, 1);

    expect(again).toBe(page);
    expect(i32.subarray(frame, frame + 2048).every((word) => word === 0)).toBe(true);
  });

  test("a hot list hands out the frame that was freed last, and is filled and drained in batches", () => {
    const machine = new DirectMachine({ kernel, memory: "64M" });
    const { k, area } = machine.cpu;
    const list = area + PERCPU_PAGESETS;
    const field = (name: keyof typeof PerCpuPages): number =>
      getU32(machine.cpu, list + PerCpuPages[name]);
    const before = freePages(machine);

    const page = k.alloc_pages(GFP_KERNEL, 0);
    expect(field("batch")).toBeGreaterThan(1);
    expect(before - freePages(machine)).toBe(field("batch"));
    expect(field("count")).toBe(field("batch") - 1);

    const more = Array.from({ length: 200 }, () => k.alloc_pages(GFP_KERNEL, 0));
    for (const each of more) {
      k.free_pages(each, 0);
      expect(field("count")).toBeLessThan(field("high"));
    }
    k.free_pages(page, 0);
    expect(k.alloc_pages(GFP_KERNEL, 0)).toBe(page);

    k.free_pages(page, 0);
    k.drain_local_pages();
    expect(field("count")).toBe(0);
    expect(freePages(machine)).toBe(before);
  });

  test("each CPU has a hot list of its own", () => {
    const machine = new DirectMachine({ kernel, cpus: 2 });
    const other = machine.instantiate(1);
    const page = machine.cpu.k.alloc_pages(GFP_KERNEL, 0);

    machine.cpu.k.free_pages(page, 0);
    const theirs = other.k.alloc_pages(GFP_KERNEL, 0);

    expect(theirs).not.toBe(page);
    expect(machine.cpu.k.alloc_pages(GFP_KERNEL, 0)).toBe(page);
  });

  test("frames without content are taken first where they will do, and never by the kernel", () => {
    const machine = new DirectMachine({ kernel, memory: "4.01G" });
    const { k, area } = machine.cpu;
    const { lowmemPages } = machine.config;
    const highPages = area + PERCPU_PAGESETS + PERCPU_PAGES_STRIDE;

    const user = k.alloc_pages(GFP_HIGHUSER, 0);
    const system = k.alloc_pages(GFP_KERNEL, 0);

    expect(pfnOf(user)).toBeGreaterThanOrEqual(lowmemPages);
    expect(pfnOf(system)).toBeLessThan(lowmemPages);
    expect(getU32(machine.cpu, highPages + PerCpuPages.count)).toBeGreaterThan(0);
    for (const page of [user, system]) k.free_pages(page, 0);
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

describe.each(KERNEL_NAMES)("%s stops the machine", (kernel) => {
  test.each([0, 3])("when a block of order %i is freed twice", (order) => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const page = k.alloc_pages(GFP_KERNEL, order);
    k.free_pages(page, order);

    expect(
      machine.bugOf(() => {
        k.free_pages(page, order);
      }).rule,
    ).toBe("BUG_DOUBLE_FREE_PAGE");
  });

  test("when one frame of a freed block is freed again", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const page = k.alloc_pages(GFP_KERNEL, 2);
    k.free_pages(page, 2);

    const { rule } = machine.bugOf(() => {
      k.free_pages(page + Page.SIZE, 0);
    });
    expect(rule).toBe("BUG_DOUBLE_FREE_PAGE");
  });

  test("when a reference to a free page is dropped", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const page = k.alloc_pages(GFP_KERNEL, 0);
    k.put_page(page);

    expect(
      machine.bugOf(() => {
        k.put_page(page);
      }).rule,
    ).toBe("BUG_DOUBLE_FREE_PAGE");
  });

  test.each([0, 1])(
    "when a block of order %i is freed that somebody else has a reference to",
    (order) => {
      const machine = new DirectMachine({ kernel });
      const { k } = machine.cpu;
      const page = k.alloc_pages(GFP_KERNEL, order);
      setI32(machine.cpu, page + Page._count, 1);

      const { rule } = machine.bugOf(() => {
        k.free_pages(page, order);
      });
      expect(rule).toBe("BUG_BAD_PAGE_STATE");
    },
  );

  test("when a free frame was written to, and says where", () => {
    const machine = new DirectMachine({ kernel });
    const { k, u8 } = machine.cpu;
    const page = k.alloc_pages(GFP_KERNEL, 0);
    const address = pfnOf(page) * 4096 + 1608;
    k.free_pages(page, 0);
    u8[address + 3] = 1;

    const { rule, message } = machine.bugOf(() => k.alloc_pages(GFP_KERNEL, 0));

    expect(rule).toBe("BUG_FRAME_POISON");
    expect(message).toContain(`object 0x${address.toString(16)}`);
  });

  test("when a free page is counted, mapped or owned as it is handed out", () => {
    for (const field of ["_count", "_mapcount", "mapping"] as const) {
      const machine = new DirectMachine({ kernel });
      const { k } = machine.cpu;
      const page = k.alloc_pages(GFP_KERNEL, 0);
      k.free_pages(page, 0);
      setI32(machine.cpu, page + Page[field], 5);

      expect(machine.bugOf(() => k.alloc_pages(GFP_KERNEL, 0)).rule).toBe("BUG_BAD_PAGE_STATE");
    }
  });

  test("when a page is freed that a PTE still maps, that is locked, or that a file owns", () => {
    const cases = [
      ["_mapcount", 3, "BUG_MAPCOUNT_AT_FREE"],
      ["flags", PG_locked, "BUG_BAD_PAGE_STATE"],
      ["mapping", 0x9000, "BUG_BAD_PAGE_STATE"],
    ] as const;
    for (const [field, value, rule] of cases) {
      const machine = new DirectMachine({ kernel });
      const { k } = machine.cpu;
      const page = k.alloc_pages(GFP_KERNEL, 0);
      setI32(machine.cpu, page + Page[field], value);

      expect(
        machine.bugOf(() => {
          k.put_page(page);
        }).rule,
      ).toBe(rule);
    }
  });
});
