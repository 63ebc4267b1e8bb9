// Walks of linked lists and red-black trees in the machine's memory that never run away: a damaged
// link is a finding of the rule that the walk was made for, and ends the walk.

import { hex } from "./findings.ts";
import type { World } from "./world.ts";

/** The nodes of a circular list, without its head. */
export function listNodes(world: World, head: number, rule: string, what: string): number[] {
  const nodes: number[] = [];
  const most = world.maxPfn + 1024;
  let prev = head;
  let node = world.u32(head);
  for (;;) {
    const valid = world.inMemory(node) && nodes.length < most;
    if (!valid || world.u32(node + 4) !== prev) {
      const seen = valid
        ? `node ${hex(node)} points back at ${hex(world.u32(node + 4))}`
        : hex(node);
      world.findings.add(rule, what, `a circular list: a node after ${hex(prev)}`, seen);
      if (!valid) return nodes;
    }
    if (node === head) return nodes;
    nodes.push(node);
    prev = node;
    node = world.u32(node);
  }
}

/** Where the three words of a tree node stand, from its parent-and-color word. */
const LEFT = 4;
const RIGHT = 8;
const BLACK = 1;

/** A red-black tree in order, each node by the address of its parent-and-color word. */
export function treeNodes(world: World, root: number, rule: string, what: string): number[] {
  const nodes: number[] = [];
  const complain = (node: number, expected: string, found: string): void => {
    world.findings.add(rule, `${what}, node ${hex(node)}`, expected, found);
  };
  /** Black nodes on the way down to a leaf. */
  const visit = (node: number, parent: number, depth: number): number => {
    if (node === 0) return 0;
    if (!world.inMemory(node) || depth > 128) {
      complain(node, "a tree node", depth > 128 ? "a tree of more than 128 levels" : "no address");
      return 0;
    }
    const word = world.u32(node);
    const black = (word & BLACK) !== 0;
    const up = word - (word & BLACK);
    if (up !== parent) complain(node, `parent ${hex(parent)}`, hex(up));
    const isRed = !black && parent !== 0;
    if (isRed && (world.u32(parent) & BLACK) === 0) complain(node, "a black parent", "a red one");
    const left = visit(world.u32(node + LEFT), node, depth + 1);
    nodes.push(node);
    const right = visit(world.u32(node + RIGHT), node, depth + 1);
    if (left !== right) complain(node, "as many black nodes left as right", `${left} and ${right}`);
    return left + (black ? 1 : 0);
  };
  visit(root, 0, 0);
  return nodes;
}
