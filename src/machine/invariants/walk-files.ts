// The page cache: each file's radix tree, and the pages that wait in the pagevecs of CPUs.

import {
  CACHE_INODE,
  CACHE_RADIX_NODE,
  Inode,
  PAGEVEC_SIZE,
  PERCPU_PAGEVEC,
  PG_uptodate,
  Page,
  PerCpu,
  RADIX_TREE_NODE_SIZE,
  RadixTreeNode,
  SWAPPER_SPACE,
  SwapperSpace,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { noteSwapPage, useBlock } from "./walk-swap.ts";
import {
  ROLE_CACHED,
  ROLE_PAGEVEC,
  areaOf,
  flagsOf,
  frameName,
  isPage,
  pfnOf,
  type World,
} from "./world.ts";

const RULE = "PAGE-CACHE";
const SLOTS = (RADIX_TREE_NODE_SIZE - RadixTreeNode.SIZE) / 4;
const MAX_HEIGHT = 11;

/** Name of a file, for people. */
export const fileName = (world: World, inode: number): string =>
  `file ${world.u32(inode + Inode.i_ino)} at ${hex(inode)}`;

/** Goes down one radix tree and tells `visit` of each item with its index. */
export class TreeWalk {
  readonly #world: World;
  readonly #name: string;
  readonly #visit: (item: number, index: number) => void;
  /** Nodes that trees have reached. */
  readonly #reached: Set<number>;

  constructor(
    world: World,
    name: string,
    reached: Set<number>,
    visit: (item: number, index: number) => void,
  ) {
    this.#world = world;
    this.#name = name;
    this.#reached = reached;
    this.#visit = visit;
  }

  walk(item: number, height: number, parent: number, base: number): void {
    if (item === 0) return;
    if (height === 0) {
      this.#visit(item, base);
      return;
    }
    if (!this.#isFresh(item)) return;
    const up = this.#world.u32(item + RadixTreeNode.parent);
    this.#world.findings.equal(
      RULE,
      `${this.#name}, node ${hex(item)}, parent`,
      hex(parent),
      hex(up),
    );
    let used = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      const child = this.#world.u32(item + RadixTreeNode.SIZE + slot * 4);
      if (child === 0) continue;
      used++;
      this.walk(child, height - 1, item, base + slot * SLOTS ** (height - 1));
    }
    const count = this.#world.u32(item + RadixTreeNode.count);
    this.#world.findings.equal(RULE, `${this.#name}, node ${hex(item)}, count`, used, count);
  }

  #isFresh(node: number): boolean {
    if (this.#world.exists(CACHE_RADIX_NODE, node) && !this.#reached.has(node)) {
      this.#reached.add(node);
      return true;
    }
    this.#world.findings.add(RULE, this.#name, "a radix tree node", hex(node));
    return false;
  }
}

/** Notes a page of the cache and checks what it says about itself. */
function notePage(world: World, inode: number, page: number, index: number): void {
  const name = `${fileName(world, inode)}, page ${index}`;
  if (!isPage(world, page)) {
    world.findings.add(RULE, name, "a page", hex(page));
    return;
  }
  const pfn = pfnOf(page);
  if (world.cached.has(pfn)) world.findings.add(RULE, name, "a page of its own", frameName(pfn));
  world.cached.set(pfn, { inode, index });
  world.use(pfn, ROLE_CACHED, 1);
  world.findings.equal(RULE, `${name}, mapping`, hex(inode), hex(world.u32(page + Page.mapping)));
  world.findings.equal(RULE, `${name}, index`, index, world.u64(page + Page.index));
  if ((flagsOf(world, pfn) & PG_uptodate) === 0) {
    world.findings.add(RULE, name, "PG_uptodate", "no such flag");
  }
}

/** Blocks of the disk that hold pages of a file. */
function walkStore(world: World, inode: number, reached: Set<number>): void {
  const name = `${fileName(world, inode)}, blocks`;
  const walk = new TreeWalk(world, name, reached, (item) => {
    useBlock(world, item - 1, name);
  });
  const height = world.u32(inode + Inode.store_height);
  walk.walk(world.u32(inode + Inode.store_rnode), height, 0, 0);
}

/** The swap cache: as a file whose pages are found by their entry. */
function walkSwapCache(world: World, reached: Set<number>): void {
  let pages = 0;
  const walk = new TreeWalk(world, "swap cache", reached, (page, entry) => {
    pages++;
    noteSwapPage(world, page, entry);
  });
  const height = world.u32(SWAPPER_SPACE + SwapperSpace.page_tree_height);
  walk.walk(world.u32(SWAPPER_SPACE + SwapperSpace.page_tree_rnode), height, 0, 0);
  const counted = world.u32(SWAPPER_SPACE + SwapperSpace.nrpages);
  world.findings.equal("SWAP-CACHE", "nrpages of the swap cache", pages, counted);
}

function walkPageCache(world: World): void {
  const reached = new Set<number>();
  for (const inode of world.objects[CACHE_INODE] ?? []) {
    const height = world.u32(inode + Inode.page_tree_height);
    const name = fileName(world, inode);
    if (height > MAX_HEIGHT) {
      world.findings.add(RULE, `${name}, height`, `at most ${MAX_HEIGHT}`, height);
      continue;
    }
    let pages = 0;
    const walk = new TreeWalk(world, name, reached, (item, index) => {
      pages++;
      notePage(world, inode, item, index);
    });
    walk.walk(world.u32(inode + Inode.page_tree_rnode), height, 0, 0);
    world.findings.equal(RULE, `${name}, nrpages`, pages, world.u32(inode + Inode.nrpages));
    walkStore(world, inode, reached);
  }
  walkSwapCache(world, reached);
  const lost = [...(world.objects[CACHE_RADIX_NODE] ?? [])].filter((node) => !reached.has(node));
  for (const node of lost) {
    world.findings.add(RULE, `node ${hex(node)}`, "a node of a file's tree", "lost");
  }
}

function walkPagevecs(world: World): void {
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    const nr = world.u32(areaOf(cpu) + PerCpu.pagevec_nr);
    if (nr >= PAGEVEC_SIZE) {
      world.findings.add("LRU", `pagevec of CPU ${cpu}`, `fewer than ${PAGEVEC_SIZE} pages`, nr);
      continue;
    }
    for (let slot = 0; slot < nr; slot++) {
      const entry = world.u32(areaOf(cpu) + PERCPU_PAGEVEC + slot * 4);
      const page = entry - (entry & 1);
      if (isPage(world, page)) world.use(pfnOf(page), ROLE_PAGEVEC, 1);
      else world.findings.add("LRU", `pagevec of CPU ${cpu}`, "pages", hex(page));
    }
  }
}

/**
 * Reads the page cache of every file that exists, and the pagevecs. Fills world.cached and roles.
 */
export function walkFiles(world: World): void {
  walkPageCache(world);
  walkPagevecs(world);
}
