// The red-black tree against a sorted array. The augmented one keeps the size of each subtree, which every
// insertion and removal changes all the way up: a value that is not computed again shows at once.

import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Loaded, load } from "./compile.ts";
import { inOrder, redBlackFaults } from "./red-black.ts";

fc.configureGlobal({ seed: 0x5eed0001, numRuns: 150 });

const ROOT = 0x300000;
const NODES = 0x300100;
const NODE_BYTES = 32;

/** A node: parent and color, left, right, then the key and the size of the subtree. */
const SOURCE = `
  import { rb_erase, rb_erase_augmented, rb_first, rb_insert_augmented } from "./assembly/lib/rbtree";
  import { rb_insert_color, rb_link_node, rb_left, rb_right } from "./assembly/lib/rbtree";
  import { rb_left_link, rb_right_link } from "./assembly/lib/rbtree";
  export { rb_first, rb_next, rb_prev } from "./assembly/lib/rbtree";

  @unmanaged @final
  class SubtreeSize {
    update(node: usize): bool {
      let size: u32 = 1;
      if (rb_left(node)) size += load<u32>(rb_left(node), 16);
      if (rb_right(node)) size += load<u32>(rb_right(node), 16);
      if (load<u32>(node, 16) == size) return false;
      store<u32>(node, size, 16);
      return true;
    }
  }

  function link(node: usize, root: usize): void {
    let parent: usize = 0;
    let at = root;
    while (load<usize>(at) != 0) {
      parent = load<usize>(at);
      at = load<u32>(node, 12) < load<u32>(parent, 12) ? rb_left_link(parent) : rb_right_link(parent);
    }
    rb_link_node(node, parent, at);
  }

  export function insert(node: usize, root: usize): void {
    link(node, root);
    rb_insert_color(node, root);
  }

  export function erase(node: usize, root: usize): void {
    rb_erase(node, root);
  }

  export function insert_sized(node: usize, root: usize): void {
    link(node, root);
    rb_insert_augmented<SubtreeSize>(node, root);
  }

  export function erase_sized(node: usize, root: usize): void {
    rb_erase_augmented<SubtreeSize>(node, root);
  }
`;

interface Calls {
  readonly insert: (node: number, root: number) => void;
  readonly erase: (node: number, root: number) => void;
  readonly insert_sized: (node: number, root: number) => void;
  readonly erase_sized: (node: number, root: number) => void;
  readonly rb_first: (root: number) => number;
  readonly rb_next: (node: number) => number;
  readonly rb_prev: (node: number) => number;
}

let tree: Loaded<Calls>;
beforeAll(async () => {
  tree = await load<Calls>({ source: SOURCE });
});
beforeEach(() => {
  setWord(ROOT, 0);
});

const word = (address: number) => tree.words[address / 4] ?? 0;
const setWord = (address: number, value: number) => {
  tree.words[address / 4] = value;
};
const leftOf = (node: number) => word(node + 4);
const rightOf = (node: number) => word(node + 8);
const keyOf = (node: number) => word(node + 12);
const sizeOf = (node: number) => word(node + 16);

/** The nodes that do not know the size of their subtree. */
function wrongSizes(): number[] {
  const wrong: number[] = [];
  const count = (node: number): number => {
    if (node === 0) return 0;
    const size = 1 + count(leftOf(node)) + count(rightOf(node));
    if (sizeOf(node) !== size) wrong.push(node);
    return size;
  };
  count(word(ROOT));
  return wrong;
}

/** A batch: insert a node with that key, or remove the one at that place of the order. */
const keys = fc.nat({ max: 30 });
const batch = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ insert: keys }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat({ max: 99 }) }) },
  ),
  { maxLength: 120, size: "max" },
);
type Step = { insert: number } | { remove: number };

/** Runs a batch on tree and model, looks after every step, and returns the model: nodes in order. */
function run(steps: readonly Step[], sized: boolean): number[] {
  const insert = sized ? tree.call.insert_sized : tree.call.insert;
  const erase = sized ? tree.call.erase_sized : tree.call.erase;
  setWord(ROOT, 0);
  const model: number[] = [];
  const faults: string[] = [];
  let fresh = NODES;
  for (const step of steps) {
    if ("insert" in step) {
      const node = fresh;
      fresh += NODE_BYTES;
      tree.words.fill(0xdeadbeef, node / 4, (node + NODE_BYTES) / 4);
      setWord(node + 12, step.insert);
      insert(node, ROOT);
      const later = model.findIndex((other) => keyOf(other) > step.insert);
      model.splice(later < 0 ? model.length : later, 0, node);
    } else if (model.length > 0) {
      const [node = 0] = model.splice(step.remove % model.length, 1);
      erase(node, ROOT);
    }
    faults.push(...redBlackFaults(tree.words, ROOT));
    if (inOrder(tree.words, ROOT).join() !== model.join()) faults.push("not as the model");
    if (sized) faults.push(...wrongSizes().map((node) => `${node} has a wrong size`));
    if (faults.length > 0) break;
  }
  expect(faults).toEqual([]);
  return model;
}

const inserts = (count: number, key: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => ({ insert: key(i) }));

describe("rbtree", () => {
  test("after every insertion and removal the tree is red-black and in the order of the model", () => {
    fc.assert(
      fc.property(batch, (steps) => {
        run(steps, false);
      }),
    );
  });

  test("in an augmented tree every node knows the size of its subtree, after every step", () => {
    fc.assert(
      fc.property(batch, (steps) => {
        run(steps, true);
      }),
    );
  });

  test("equal keys stand in the order of their insertion", () => {
    const model = run(
      inserts(40, () => 7),
      false,
    );

    expect(model).toEqual(model.map((_, i) => NODES + i * NODE_BYTES));
    expect(inOrder(tree.words, ROOT)).toEqual(model);
  });

  test("rb_first and rb_next walk forwards through all nodes, rb_prev backwards", () => {
    const { rb_first: first, rb_next: next, rb_prev: prev } = tree.call;
    fc.assert(
      fc.property(batch, (steps) => {
        const model = run(steps, false);

        expect(first(ROOT)).toBe(model[0] ?? 0);
        expect(model.map((node) => next(node))).toEqual(model.map((_, i) => model[i + 1] ?? 0));
        expect(model.map((node) => prev(node))).toEqual(model.map((_, i) => model[i - 1] ?? 0));
      }),
    );
  });

  test("255 nodes in ascending order are at most 16 deep", () => {
    const depth = (node: number): number =>
      node === 0 ? 0 : 1 + Math.max(depth(leftOf(node)), depth(rightOf(node)));

    run(
      inserts(255, (key) => key),
      false,
    );

    expect(depth(word(ROOT))).toBeLessThanOrEqual(16);
  });
});
