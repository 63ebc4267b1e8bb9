// The tree of a file's mappings against a sorted array: what it finds, in which order, and whether every VMA
// knows the last page that its subtree maps.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Constant, type Loaded, load } from "./compile.ts";
import { inOrder, redBlackFaults } from "./red-black.ts";

fc.configureGlobal({ seed: 0x5eed0002, numRuns: 150 });

const ROOT = 0x300000;
const VMAS = 0x300100;
const VMA_BYTES = 256;

const SOURCE = `
  import { VmArea } from "./assembly/mm/mm_types";
  import { vma_interval_tree_insert, vma_interval_tree_iter_first } from "./assembly/lib/interval_tree";
  import { vma_interval_tree_iter_next } from "./assembly/lib/interval_tree";
  export { vma_interval_tree_remove } from "./assembly/lib/interval_tree";

  export const NODE = offsetof<VmArea>("shared_parent_color");
  export const PGOFF = offsetof<VmArea>("vm_pgoff");
  export const SUBTREE_LAST = offsetof<VmArea>("shared_subtree_last");
  export const SIZE = offsetof<VmArea>();

  export function insert(address: usize, root: usize, pgoff: f64, pages: f64): void {
    const vma = changetype<VmArea>(address);
    vma.vm_pgoff = <u64>pgoff;
    vma.vm_start = 0x2aaaaaaab000;
    vma.vm_end = vma.vm_start + (<u64>pages << 12);
    vma_interval_tree_insert(address, root);
  }
  export function first(root: usize, start: f64, last: f64): usize {
    return vma_interval_tree_iter_first(root, <u64>start, <u64>last);
  }
  export function next(vma: usize, start: f64, last: f64): usize {
    return vma_interval_tree_iter_next(vma, <u64>start, <u64>last);
  }
`;

interface Calls {
  readonly NODE: Constant;
  readonly PGOFF: Constant;
  readonly SUBTREE_LAST: Constant;
  readonly SIZE: Constant;
  readonly insert: (vma: number, root: number, pgoff: number, pages: number) => void;
  readonly vma_interval_tree_remove: (vma: number, root: number) => void;
  readonly first: (root: number, start: number, last: number) => number;
  readonly next: (vma: number, start: number, last: number) => number;
}

/** A VMA of the model. */
interface Mapping {
  readonly vma: number;
  readonly start: number;
  readonly last: number;
}

let tree: Loaded<Calls>;
beforeAll(async () => {
  tree = await load<Calls>({ source: SOURCE });
  expect(tree.call.SIZE.value).toBeLessThanOrEqual(VMA_BYTES);
});

const word = (address: number) => tree.words[address / 4] ?? 0;
const longWord = (address: number) => word(address) + word(address + 4) * 2 ** 32;

/** All that the tree finds in an interval, in its order. */
function find(start: number, last: number): number[] {
  const found: number[] = [];
  for (let vma = tree.call.first(ROOT, start, last); vma !== 0;) {
    found.push(vma);
    if (found.length > 1000) throw new Error("the walk does not end");
    vma = tree.call.next(vma, start, last);
  }
  return found;
}

/** The VMAs whose shared_subtree_last is not the maximum of their subtree. */
function wrongLasts(model: readonly Mapping[]): string[] {
  const { NODE, SUBTREE_LAST } = tree.call;
  const wrong: string[] = [];
  const lasts = new Map(model.map(({ vma, last }) => [vma + NODE.value, last]));
  const check = (node: number): number => {
    if (node === 0) return -1;
    const below = Math.max(check(word(node + 4)), check(word(node + 8)));
    const last = Math.max(below, lasts.get(node) ?? NaN);
    const kept = longWord(node - NODE.value + SUBTREE_LAST.value);
    if (kept !== last) wrong.push(`${node} says ${kept}, its subtree ends at ${last}`);
    return last;
  };
  check(word(ROOT));
  return wrong;
}

/** Page offsets up to those of a file of 2^44 pages, and often equal. */
const offset = fc.oneof(
  fc.nat({ max: 12 }),
  fc.nat({ max: 12 }).map((far) => 2 ** 44 - far),
);
/** So that the mapping that ends last stands anywhere in the tree. */
const pages = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 1000 }));
const interval = fc.tuple(offset, fc.nat({ max: 5 }));
const batch = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ map: offset, pages }) },
    { weight: 2, arbitrary: fc.record({ unmap: fc.nat({ max: 99 }) }) },
  ),
  { maxLength: 120, size: "max" },
);
type Step = { map: number; pages: number } | { unmap: number };

/** Runs a batch on tree and model, looks after every step, and returns the model, sorted. */
function run(steps: readonly Step[]): Mapping[] {
  tree.words.fill(0xdeadbeef, ROOT / 4, VMAS / 4 + (VMA_BYTES / 4) * 150);
  tree.words[ROOT / 4] = 0;
  const model: Mapping[] = [];
  const faults: string[] = [];
  let fresh = VMAS;
  for (const step of steps) {
    if ("map" in step) {
      const vma = fresh;
      fresh += VMA_BYTES;
      tree.call.insert(vma, ROOT, step.map, step.pages);
      const later = model.findIndex(({ start }) => start > step.map);
      const mapping = { vma, start: step.map, last: step.map + step.pages - 1 };
      model.splice(later < 0 ? model.length : later, 0, mapping);
    } else {
      const [mapping] = model.splice(step.unmap % Math.max(model.length, 1), 1);
      if (mapping !== undefined) tree.call.vma_interval_tree_remove(mapping.vma, ROOT);
    }
    faults.push(...redBlackFaults(tree.words, ROOT), ...wrongLasts(model));
    if (faults.length > 0) break;
  }
  expect(faults).toEqual([]);
  return model;
}

describe("vma_interval_tree", () => {
  test("after every step it is red-black, and every VMA knows the last page of its subtree", () => {
    fc.assert(
      fc.property(batch, (steps) => {
        const model = run(steps);

        const nodes = model.map(({ vma }) => vma + tree.call.NODE.value);
        expect(inOrder(tree.words, ROOT)).toEqual(nodes);
      }),
    );
  });

  test("an interval finds all VMAs that map any page of it, and no other, in the tree's order", () => {
    fc.assert(
      fc.property(
        batch,
        fc.array(interval, { minLength: 1, maxLength: 10 }),
        (steps, intervals) => {
          const model = run(steps);

          for (const [start, more] of intervals) {
            const last = start + more;
            const hit = model.filter((mapping) => mapping.start <= last && mapping.last >= start);
            expect(find(start, last)).toEqual(hit.map(({ vma }) => vma));
          }
        },
      ),
    );
  });

  test("the interval of the whole file finds every VMA once", () => {
    fc.assert(
      fc.property(batch, (steps) => {
        const model = run(steps);

        expect(find(0, 2 ** 53)).toEqual(model.map(({ vma }) => vma));
      }),
    );
  });

  test("fork's child, inserted after its parent, is visited after it, whatever came and went", () => {
    fc.assert(
      fc.property(batch, pages, (steps, length) => {
        const model = run([...steps.slice(0, 40), { map: 5, pages: length }]);
        const parent = model.findLast(({ start }) => start === 5)?.vma ?? 0;
        const child = parent + VMA_BYTES;
        tree.call.insert(child, ROOT, 5, length);

        for (const mapping of model.filter(({ vma }) => vma !== parent)) {
          const visited = find(5, 5);
          expect(visited.indexOf(parent)).toBeGreaterThanOrEqual(0);
          expect(visited.indexOf(child)).toBe(visited.indexOf(parent) + 1);
          tree.call.vma_interval_tree_remove(mapping.vma, ROOT);
        }
        expect(find(5, 5)).toEqual([parent, child]);
      }),
    );
  });

  test("a tree without VMAs finds nothing", () => {
    tree.words[ROOT / 4] = 0;

    expect(tree.call.first(ROOT, 0, 2 ** 53)).toBe(0);
  });
});
