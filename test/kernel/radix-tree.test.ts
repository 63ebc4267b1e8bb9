// The index of the page cache against a Map. Nodes come from a slab of the test's own, which checks that they
// come back zeroed, counts them, and runs out of memory when it is told to.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Constant, type Loaded, load } from "./compile.ts";

fc.configureGlobal({ seed: 0x5eed0003, numRuns: 150 });

const ROOT = 0x300000;
const FOUND = 0x300010;
/** Words of the slab: nodes handed out, nodes that may still be handed out, wrong frees, free list. */
const SLAB_USED = 0x300020;
const SLAB_LEFT = 0x300024;
const SLAB_WRONG = 0x300028;
const SLAB_FREE = 0x30002c;
const SLAB_NEXT = 0x300030;
const ENDLESS = 1_000_000;
const EEXIST = -17;
const ENOMEM = -12;

const SLAB = `
  export const CACHE_RADIX_NODE: u32 = 4;
  const SIZE: usize = 288;

  export function kmem_cache_alloc_gfp(cache_id: u32, _gfp_mask: u32): usize {
    if (load<u32>(${SLAB_LEFT}) == 0) return 0;
    store<u32>(${SLAB_LEFT}, load<u32>(${SLAB_LEFT}) - 1);
    store<u32>(${SLAB_USED}, load<u32>(${SLAB_USED}) + 1);
    let object = load<usize>(${SLAB_FREE});
    if (object != 0) {
      store<usize>(${SLAB_FREE}, load<usize>(object));
      store<usize>(object, 0);
      return object;
    }
    object = load<usize>(${SLAB_NEXT});
    store<usize>(${SLAB_NEXT}, object + SIZE);
    return object;
  }

  /** What an interrupt asks for: this slab keeps nothing for a CPU. */
  export function kmem_cache_drain(): void {}

  export function kmem_cache_alloc(cache_id: u32): usize {
    return kmem_cache_alloc_gfp(cache_id, 0);
  }

  export function kmem_cache_free(cache_id: u32, object: usize): void {
    let wrong = cache_id != CACHE_RADIX_NODE;
    for (let at: usize = 0; at < SIZE; at += 4) if (load<u32>(object + at) != 0) wrong = true;
    if (wrong) store<u32>(${SLAB_WRONG}, load<u32>(${SLAB_WRONG}) + 1);
    store<u32>(${SLAB_USED}, load<u32>(${SLAB_USED}) - 1);
    store<usize>(object, load<usize>(${SLAB_FREE}));
    store<usize>(${SLAB_FREE}, object);
  }
`;

interface Calls {
  readonly RADIX_TREE_NODE_SIZE: Constant;
  readonly radix_tree_insert: (root: number, index: bigint, item: number) => number;
  readonly radix_tree_lookup: (root: number, index: bigint) => number;
  readonly radix_tree_delete: (root: number, index: bigint) => number;
  readonly radix_tree_next: (root: number, index: bigint, found: number) => number;
}

let tree: Loaded<Calls>;
beforeAll(async () => {
  tree = await load<Calls>({
    source: `export * from "./assembly/lib/radix_tree";`,
    instead: { "assembly/mm/slab.ts": SLAB },
  });
});

const word = (address: number) => tree.words[address / 4] ?? 0;
const setWord = (address: number, value: number) => {
  tree.words[address / 4] = value;
};
const insert = (index: bigint, item: number) => tree.call.radix_tree_insert(ROOT, index, item);
const lookup = (index: bigint) => tree.call.radix_tree_lookup(ROOT, index);
const remove = (index: bigint) => tree.call.radix_tree_delete(ROOT, index);

/** The next item and its index, or null. */
function next(index: bigint): [bigint, number] | null {
  const item = tree.call.radix_tree_next(ROOT, index, FOUND);
  return item === 0 ? null : [BigInt(word(FOUND)) + (BigInt(word(FOUND + 4)) << 32n), item];
}

function empty(nodes = ENDLESS): void {
  tree.words.fill(0, 0x300000 / 4);
  setWord(SLAB_LEFT, nodes);
  setWord(SLAB_NEXT, 0x301000);
}

/** Levels and nodes that a tree with these indices has when nothing is wasted. */
function shapeOf(indices: Iterable<bigint>): { height: number; nodes: number } {
  const all = [...indices];
  let height = 0;
  while (all.some((index) => index >> BigInt(6 * height) !== 0n)) height++;
  let nodes = 0;
  for (let level = 1; level <= height; level++) {
    nodes += new Set(all.map((index) => index >> BigInt(6 * level))).size;
  }
  return { height, nodes };
}

const shape = () => ({ height: word(ROOT), nodes: word(SLAB_USED) });

/** Indices that share nodes, fill nodes, and stand at the edges of every height. */
const index = fc.oneof(
  fc.bigInt(0n, 200n),
  fc.bigInt(0n, 7n).map((slot) => slot << 12n),
  fc.nat({ max: 10 }).map((level) => (1n << BigInt(6 * level)) - 1n),
  fc.nat({ max: 10 }).map((level) => 1n << BigInt(6 * level)),
  fc.bigInt(0n, 2n ** 44n),
  fc.bigInt(0n, 3n).map((below) => 2n ** 64n - 1n - below),
);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ put: index }) },
  { weight: 1, arbitrary: fc.record({ take: index }) },
  { weight: 1, arbitrary: fc.record({ takeOld: fc.nat() }) },
);
const batch = fc.array(step, { maxLength: 100, size: "max" });
type Step = { put: bigint } | { take: bigint } | { takeOld: number };

/** Runs one step on tree and model; says how the tree's answer differs from the model's. */
function runStep(one: Step, model: Map<bigint, number>, item: number): string[] {
  if ("put" in one) {
    const used = word(SLAB_USED);
    const result = insert(one.put, item);
    if (result === ENOMEM && word(SLAB_LEFT) === 0) {
      return word(SLAB_USED) === used ? [] : ["an insertion that failed kept nodes"];
    }
    const expected = model.has(one.put) ? EEXIST : 0;
    if (expected === 0) model.set(one.put, item);
    return result === expected ? [] : [`insert ${one.put}: ${result}, not ${expected}`];
  }
  const old = [...model.keys()];
  const taken = "take" in one ? one.take : (old[one.takeOld % old.length] ?? 0n);
  const expected = model.get(taken) ?? 0;
  model.delete(taken);
  const result = remove(taken);
  return result === expected ? [] : [`delete ${taken}: ${result}, not ${expected}`];
}

/** Runs a batch, looks after every step, and returns the model. */
function run(steps: readonly Step[], nodes = ENDLESS): Map<bigint, number> {
  empty(nodes);
  const model = new Map<bigint, number>();
  const faults: string[] = [];
  for (const [i, one] of steps.entries()) {
    faults.push(...runStep(one, model, 0x1000 + 4 * i));
    const [is, should] = [JSON.stringify(shape()), JSON.stringify(shapeOf(model.keys()))];
    if (is !== should) faults.push(`after step ${i} the tree is ${is}, not ${should}`);
    if (faults.length > 0) break;
  }
  expect(faults).toEqual([]);
  return model;
}

describe("radix_tree", () => {
  test("a node with its slots fits the 288 bytes of its slab cache", () => {
    expect(tree.call.RADIX_TREE_NODE_SIZE.value).toBe(264);
  });

  test("it answers as a Map does, and never has a node or a level more than its indices need", () => {
    fc.assert(
      fc.property(batch, fc.array(index), (steps, others) => {
        const model = run(steps);

        const asked = [...model.keys(), ...others];
        expect(asked.map(lookup)).toEqual(asked.map((key) => model.get(key) ?? 0));
      }),
    );
  });

  test("radix_tree_next finds the item with the lowest index that is not below the given one", () => {
    fc.assert(
      fc.property(batch, fc.array(index), (steps, others) => {
        const sorted = [...run(steps)].sort(([a], [b]) => (a < b ? -1 : 1));

        const around = sorted.flatMap(([key]) => [key, key + 1n, key - 1n]);
        const asked = [...around, ...others].filter((key) => key >= 0n && key < 2n ** 64n);
        const expected = asked.map((from) => sorted.find(([key]) => key >= from) ?? null);
        expect(asked.map(next)).toEqual(expected);
      }),
    );
  });

  test("a batch that runs out of nodes at any point loses no item and no node", () => {
    fc.assert(
      fc.property(batch, fc.nat({ max: 60 }), (steps, nodes) => {
        const model = run(steps, nodes);

        expect([...model.keys()].map(lookup)).toEqual([...model.values()]);
      }),
    );
  });

  test("when all items are taken out, all nodes are back, and each was zeroed", () => {
    fc.assert(
      fc.property(batch, (steps) => {
        const model = run(steps);

        const taken = [...model.keys()].map(remove);

        expect(taken).toEqual([...model.values()]);
        expect({ ...shape(), wrong: word(SLAB_WRONG) }).toEqual({ height: 0, nodes: 0, wrong: 0 });
        expect(next(0n)).toBeNull();
      }),
    );
  });

  test("the only page of a file, page 0, needs no node", () => {
    empty(0);

    expect([insert(0n, 4), lookup(0n), insert(0n, 8), insert(1n, 8)]).toEqual([
      0,
      4,
      EEXIST,
      ENOMEM,
    ]);
    expect(next(0n)).toEqual([0n, 4]);
    expect([remove(0n), remove(0n)]).toEqual([4, 0]);
  });
});
