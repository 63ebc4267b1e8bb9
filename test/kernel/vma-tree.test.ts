// The VMAs of an mm against a sorted array: tree, list, hint, and the search for free addresses.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Constant, type Loaded, load } from "./compile.ts";
import { inOrder, redBlackFaults } from "./red-black.ts";

fc.configureGlobal({ seed: 0x5eed0004, numRuns: 150 });

const PANIC_RULE = 0x1200;
const BUG_VMA_TREE = 12;
const MM = 0x300000;
const VMAS = 0x300200;
const VMA_BYTES = 256;
const BASE = 0x2aaaaaaab000;
const TASK_SIZE = 0x7ffffffff000;
const PAGE = 4096;
/** A part of the addresses from BASE to TASK_SIZE so large that a few VMAs fill them. */
const CHUNK = Math.floor((TASK_SIZE - BASE) / PAGE / 24) * PAGE;

const SOURCE = `
  import { MmStruct, VmArea } from "./assembly/mm/mm_types";
  import { find_vma, find_vma_before, find_vma_intersection } from "./assembly/mm/vma_tree";
  import { free_area_lower, get_unmapped_area } from "./assembly/mm/vma_tree";
  import { vma_tree_erase, vma_tree_insert } from "./assembly/mm/vma_tree";

  export const ROOT = offsetof<MmStruct>("mm_rb");
  export const MMAP = offsetof<MmStruct>("mmap");
  export const MAP_COUNT = offsetof<MmStruct>("map_count");
  export const MMAP_CACHE = offsetof<MmStruct>("mmap_cache");
  export const FREE_AREA_CACHE = offsetof<MmStruct>("free_area_cache");
  export const NODE = offsetof<VmArea>("rb_parent_color");
  export const NEXT = offsetof<VmArea>("vm_next");
  export const SIZE = offsetof<VmArea>();

  export function insert(mm: usize, vma: usize, start: f64, end: f64): void {
    changetype<VmArea>(vma).vm_start = <u64>start;
    changetype<VmArea>(vma).vm_end = <u64>end;
    vma_tree_insert(changetype<MmStruct>(mm), changetype<VmArea>(vma));
  }
  export function erase(mm: usize, vma: usize, prev: usize): void {
    vma_tree_erase(changetype<MmStruct>(mm), changetype<VmArea>(vma), prev);
  }
  export function find(mm: usize, addr: f64): usize {
    return changetype<usize>(find_vma(changetype<MmStruct>(mm), <u64>addr));
  }
  export function before(mm: usize, addr: f64): usize {
    return find_vma_before(changetype<MmStruct>(mm), <u64>addr);
  }
  export function intersection(mm: usize, start: f64, end: f64): usize {
    return changetype<usize>(find_vma_intersection(changetype<MmStruct>(mm), <u64>start, <u64>end));
  }
  export function unmapped_area(mm: usize, length: f64, hint: f64): f64 {
    return <f64>get_unmapped_area(changetype<MmStruct>(mm), <u64>length, <u64>hint);
  }
  export function lower(mm: usize, start: f64): void {
    free_area_lower(changetype<MmStruct>(mm), <u64>start);
  }
`;

interface Calls {
  readonly ROOT: Constant;
  readonly MMAP: Constant;
  readonly MAP_COUNT: Constant;
  readonly MMAP_CACHE: Constant;
  readonly FREE_AREA_CACHE: Constant;
  readonly NODE: Constant;
  readonly NEXT: Constant;
  readonly SIZE: Constant;
  readonly insert: (mm: number, vma: number, start: number, end: number) => void;
  readonly erase: (mm: number, vma: number, prev: number) => void;
  readonly find: (mm: number, addr: number) => number;
  readonly before: (mm: number, addr: number) => number;
  readonly intersection: (mm: number, start: number, end: number) => number;
  readonly unmapped_area: (mm: number, length: number, hint: number) => number;
  readonly lower: (mm: number, start: number) => void;
}

/** A VMA of the model. */
interface Area {
  readonly vma: number;
  readonly start: number;
  readonly end: number;
}

let tree: Loaded<Calls>;
beforeAll(async () => {
  tree = await load<Calls>({ source: SOURCE });
  expect(tree.call.SIZE.value).toBeLessThanOrEqual(VMA_BYTES);
});

const word = (address: number) => tree.words[address / 4] ?? 0;
const longWord = (address: number) => word(address) + word(address + 4) * 2 ** 32;
const freeAreaCache = () => longWord(MM + tree.call.FREE_AREA_CACHE.value);

/** The VMAs on the list of the mm. */
function listed(): number[] {
  const list: number[] = [];
  for (let vma = word(MM + tree.call.MMAP.value); vma !== 0 && list.length < 1000;) {
    list.push(vma);
    vma = word(vma + tree.call.NEXT.value);
  }
  return list;
}

/** How tree, list, count or hint differ from the model. */
function faultsOf(model: readonly Area[]): string[] {
  const { ROOT, NODE, MAP_COUNT, MMAP_CACHE } = tree.call;
  const faults = redBlackFaults(tree.words, MM + ROOT.value);
  const areas = model.map(({ vma }) => vma);
  const nodes = inOrder(tree.words, MM + ROOT.value).map((node) => node - NODE.value);
  if (nodes.join() !== areas.join()) faults.push("the tree is not the model");
  if (listed().join() !== areas.join()) faults.push("the list is not the model");
  if (word(MM + MAP_COUNT.value) !== areas.length) faults.push("map_count is wrong");
  const hint = word(MM + MMAP_CACHE.value);
  if (hint !== 0 && !areas.includes(hint)) faults.push("mmap_cache is no VMA of the mm");
  return faults;
}

/** An empty mm among memory that holds anything. */
function emptyMm(): void {
  tree.words.fill(0, MM / 4, VMAS / 4);
  tree.words.fill(0xdeadbeef, VMAS / 4, VMAS / 4 + 100 * (VMA_BYTES / 4));
}

function insert(model: Area[], area: Area): void {
  tree.call.insert(MM, area.vma, area.start, area.end);
  model.push(area);
  model.sort((a, b) => a.start - b.start);
}

function eraseAt(model: Area[], at: number): void {
  const prev = model[at - 1]?.vma ?? 0;
  const [area] = model.splice(at, 1);
  if (area !== undefined) tree.call.erase(MM, area.vma, prev);
}

/** VMAs that touch, leave holes of a few pages, and begin at page 1. */
const page = fc.integer({ min: 1, max: 60 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ at: page, pages: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ look: page }) },
);
const batch = fc.array(step, { maxLength: 80, size: "max" });
type Step = { at: number; pages: number } | { remove: number } | { look: number };

/** Runs a batch, looks after every step, and returns the model, sorted. VMAs that would overlap are left out. */
function run(steps: readonly Step[]): Area[] {
  emptyMm();
  const model: Area[] = [];
  const faults: string[] = [];
  for (const [i, one] of steps.entries()) {
    if ("at" in one) {
      const area = {
        vma: VMAS + i * VMA_BYTES,
        start: one.at * PAGE,
        end: (one.at + one.pages) * PAGE,
      };
      const isFree = model.every(({ start, end }) => end <= area.start || area.end <= start);
      if (isFree) insert(model, area);
    } else if ("remove" in one) {
      if (model.length > 0) eraseAt(model, one.remove % model.length);
    } else {
      const found = tree.call.find(MM, one.look * PAGE);
      const expected = model.find(({ end }) => end > one.look * PAGE)?.vma ?? 0;
      if (found !== expected) faults.push(`find_vma ${one.look}: ${found}, not ${expected}`);
    }
    faults.push(...faultsOf(model));
    if (faults.length > 0) break;
  }
  expect(faults).toEqual([]);
  return model;
}

const addresses = Array.from({ length: 66 }, (_, i) => i * PAGE).flatMap((addr) =>
  addr === 0 ? [0] : [addr - 1, addr],
);

describe("vma_tree", () => {
  test("after every step tree, list, map_count and mmap_cache agree with the model", () => {
    fc.assert(
      fc.property(batch, (steps) => {
        run(steps);
      }),
    );
  });

  test("find_vma gives the first VMA that ends after the address, with any hint", () => {
    fc.assert(
      fc.property(batch, fc.array(fc.constantFrom(...addresses)), (steps, asked) => {
        const model = run(steps);

        const expected = asked.map((addr) => model.find(({ end }) => end > addr)?.vma ?? 0);
        expect(asked.map((addr) => tree.call.find(MM, addr))).toEqual(expected);
      }),
    );
  });

  test("find_vma_before gives the last VMA that ends at the address or below", () => {
    fc.assert(
      fc.property(batch, (steps) => {
        const model = run(steps);

        const expected = addresses.map(
          (addr) => model.findLast(({ end }) => end <= addr)?.vma ?? 0,
        );
        expect(addresses.map((addr) => tree.call.before(MM, addr))).toEqual(expected);
      }),
    );
  });

  test("find_vma_intersection gives the first VMA with an address in the range, end excluded", () => {
    const range = fc.tuple(fc.constantFrom(...addresses), fc.integer({ min: 1, max: 3 * PAGE }));
    fc.assert(
      fc.property(batch, fc.array(range, { minLength: 1 }), (steps, ranges) => {
        const model = run(steps);

        for (const [from, length] of ranges) {
          const hit = model.find(({ start, end }) => start < from + length && end > from);
          expect(tree.call.intersection(MM, from, from + length)).toBe(hit?.vma ?? 0);
        }
      }),
    );
  });

  test("mmap_cache is empty after its VMA left, and stays when another one did", () => {
    const { MMAP_CACHE } = tree.call;
    const model = run([{ at: 1, pages: 1 }, { at: 5, pages: 1 }, { look: 5 }]);
    const [first, second] = model.map(({ vma }) => vma);

    tree.call.erase(MM, first ?? 0, 0);
    expect(word(MM + MMAP_CACHE.value)).toBe(second);
    tree.call.erase(MM, second ?? 0, 0);
    expect(word(MM + MMAP_CACHE.value)).toBe(0);
  });
});

/** The lowest free start at `from` or above, or 0. Free ranges begin at `from` or where a VMA ends. */
function lowestFree(model: readonly Area[], from: number, length: number): number {
  const isFree = (addr: number) =>
    addr + length <= TASK_SIZE &&
    model.every(({ start, end }) => end <= addr || addr + length <= start);
  const candidates = [from, ...model.map(({ end }) => end).filter((end) => end > from)];
  return candidates.sort((a, b) => a - b).find(isFree) ?? 0;
}

/** What Linux 2.6 would do: the hint, then upwards from the cache, then once from the base. */
function expectedArea(
  model: readonly Area[],
  cache: number,
  length: number,
  hint: number,
): { area: number; cache: number } {
  const rounded = Math.ceil(hint / PAGE) * PAGE;
  if (rounded !== 0 && lowestFree(model, rounded, length) === rounded) {
    return { area: rounded, cache };
  }
  const area = lowestFree(model, cache, length) || lowestFree(model, BASE, length);
  return { area, cache: area === 0 ? cache : area + length };
}

describe("get_unmapped_area", () => {
  /** Lengths from a page to more than there is; hints in the searched part, below it, and odd ones. */
  const length = fc.oneof(
    fc.integer({ min: 1, max: 3 }).map((pages) => pages * PAGE),
    fc.integer({ min: 1, max: 8 }).map((chunks) => chunks * CHUNK),
    fc.constantFrom(TASK_SIZE - BASE, TASK_SIZE, TASK_SIZE + PAGE),
  );
  const hint = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat({ max: 24 }).map((chunks) => BASE + chunks * CHUNK) },
    { weight: 1, arbitrary: fc.nat({ max: 40 }).map((part) => part * 1000) },
  );
  const request = fc.oneof(
    { weight: 3, arbitrary: fc.record({ length, hint }) },
    { weight: 1, arbitrary: fc.record({ unmap: fc.nat() }) },
  );

  test("it places ranges as the model does: hint, cache upwards, once more from the base, or 0", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60, size: "max" }), (requests) => {
        emptyMm();
        const model: Area[] = [];
        let cache = BASE;
        for (const [i, one] of requests.entries()) {
          if ("unmap" in one) {
            const at = one.unmap % Math.max(model.length, 1);
            const hole = model[at]?.start ?? 0;
            eraseAt(model, at);
            tree.call.lower(MM, hole);
            if (hole >= BASE && hole < cache) cache = hole;
          } else {
            const expected = expectedArea(model, cache, one.length, one.hint);

            const area = tree.call.unmapped_area(MM, one.length, one.hint);

            expect({ i, area }).toEqual({ i, area: expected.area });
            cache = expected.cache;
            const vma = VMAS + i * VMA_BYTES;
            if (area !== 0) insert(model, { vma, start: area, end: area + one.length });
          }
          if (cache !== BASE) expect(freeAreaCache()).toBe(cache);
        }
      }),
    );
  });

  test("munmap of an area below the cache makes the next search begin there", () => {
    emptyMm();
    const model: Area[] = [];
    for (let i = 0; i < 3; i++) {
      const start = tree.call.unmapped_area(MM, PAGE, 0);
      insert(model, { vma: VMAS + i * VMA_BYTES, start, end: start + PAGE });
    }

    eraseAt(model, 1);
    expect(tree.call.unmapped_area(MM, PAGE, 0)).toBe(BASE + 3 * PAGE);
    tree.call.lower(MM, BASE + PAGE);
    expect(tree.call.unmapped_area(MM, PAGE, 0)).toBe(BASE + PAGE);
  });
});

describe("the checking kernel", () => {
  const cases: [string, number, number][] = [
    ["overlaps the one before", 11, 14],
    ["overlaps the one after", 18, 21],
    ["contains another", 9, 30],
    ["lies inside another", 10, 11],
    ["is empty", 15, 15],
  ];
  test.each(cases)("stops at the insertion of a VMA that %s", async (_what, start, end) => {
    const { call, words } = await load<Calls>({ source: SOURCE, target: "2.6.9-check" });
    call.insert(MM, VMAS, 10 * PAGE, 12 * PAGE);
    call.insert(MM, VMAS + VMA_BYTES, 20 * PAGE, 22 * PAGE);

    const bad = VMAS + 2 * VMA_BYTES;
    expect(() => {
      call.insert(MM, bad, start * PAGE, end * PAGE);
    }).toThrow(WebAssembly.RuntimeError);

    expect(words[PANIC_RULE / 4]).toBe(BUG_VMA_TREE);
    expect(words[PANIC_RULE / 4 + 2]).toBe(bad);
  });

  test("stops when a VMA is taken out with a wrong one before it", async () => {
    const { call, words } = await load<Calls>({ source: SOURCE, target: "2.6.9-check" });
    call.insert(MM, VMAS, 10 * PAGE, 12 * PAGE);
    call.insert(MM, VMAS + VMA_BYTES, 12 * PAGE, 22 * PAGE);

    expect(() => {
      call.erase(MM, VMAS + VMA_BYTES, 0);
    }).toThrow(WebAssembly.RuntimeError);

    expect(words[PANIC_RULE / 4]).toBe(BUG_VMA_TREE);
  });
});
