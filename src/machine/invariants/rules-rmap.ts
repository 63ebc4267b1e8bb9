// Rules about the way back: from a page to the VMAs that map it.

import {
  CACHE_ANON_VMA,
  CACHE_INODE,
  AnonVma,
  Inode,
  PAGE_MAPPING_ANON,
  PG_anon,
  Page,
  RMAP_ANONMM,
  RMAP_ANON_VMA,
  RMAP_PTE_CHAIN,
  VM_SHARED,
  VmArea,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_RW,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { headOf, lineageOf } from "./lineages.ts";
import { checkAnonVmaCount } from "./rmap-sems.ts";
import { listNodes, treeNodes } from "./lists.ts";
import { fileName } from "./walk-files.ts";
import { vmaName } from "./walk-mms.ts";
import { flagsOf, frameName, pageOf, type PteRecord, type VmaRecord, type World } from "./world.ts";

/** What a page says that it belongs to: an anon_vma, or something else. */
function mappingOf(world: World, pfn: number): { anon: boolean; owner: number } {
  const word = world.u32(pageOf(pfn) + Page.mapping);
  if (!world.anonInMapping) return { anon: (flagsOf(world, pfn) & PG_anon) !== 0, owner: word };
  const mark = word & PAGE_MAPPING_ANON;
  return { anon: mark !== 0, owner: word - mark };
}

/** Offset of an address in its file or anonymous object, in pages. */
const linearIndex = (vma: VmaRecord, virtual: number): number =>
  vma.pgoff + (virtual - vma.start) / 4096;

const pteName = (world: World, pte: PteRecord, vma: VmaRecord): string =>
  `${frameName(pte.pfn)} at ${hex(pte.virtual)} in ${vmaName(world, vma)}`;

/** A page of the page cache belongs to the file of the VMA. */
function checkFilePage(world: World, pte: PteRecord, vma: VmaRecord, inode: number): void {
  const { anon } = mappingOf(world, pte.pfn);
  if (anon) {
    world.findings.add(
      "I-MAPPING",
      pteName(world, pte, vma),
      "a page of a file",
      "the mark of an anonymous one",
    );
  }
  if (vma.file !== inode) {
    world.findings.add(
      "I-MAPPING",
      pteName(world, pte, vma),
      fileName(world, inode),
      hex(vma.file),
    );
  }
  if (pte.low & _PAGE_RW && (vma.flags & VM_SHARED) === 0) {
    world.findings.add(
      "I-COW",
      pteName(world, pte, vma),
      "a page of its own",
      "a page of the file, writable",
    );
  }
}

/** What an anonymous page points at leads to the VMA. With chains of PTEs it points at nothing. */
function checkOwner(world: World, name: string, vma: VmaRecord, owner: number): void {
  if (world.rmap === RMAP_PTE_CHAIN) {
    world.findings.equal("I-MAPPING", name, hex(0), hex(owner));
  } else if (world.rmap === RMAP_ANONMM) {
    const lineage = `lineage ${hex(lineageOf(world, vma.mm))}`;
    world.findings.equal("I-MAPPING", name, lineage, `lineage ${hex(headOf(world, owner))}`);
  } else if (owner === 0 || owner !== vma.anonVma) {
    world.findings.add("I-MAPPING", name, `anon_vma ${hex(vma.anonVma)}`, hex(owner));
  }
}

/** Where a page says that it is, as it must for the PTE; undefined: it says nothing. */
function expectedIndex(
  world: World,
  pte: PteRecord,
  vma: VmaRecord,
  isFile: boolean,
): number | undefined {
  if (isFile || world.rmap === RMAP_ANON_VMA) return linearIndex(vma, pte.virtual);
  return world.rmap === RMAP_ANONMM ? pte.virtual / 4096 : undefined;
}

/** An anonymous page carries the mark and the anon_vma of the VMA; one that was cut off a file does not. */
function checkAnonPage(world: World, pte: PteRecord, vma: VmaRecord): void {
  const { anon, owner } = mappingOf(world, pte.pfn);
  const name = pteName(world, pte, vma);
  if (!anon && owner === 0 && vma.file !== 0) {
    world.findings.add("I-TRUNC", name, "a page of its file, or its own", "a page of no file");
  } else if (!anon) {
    world.findings.add("I-MAPPING", name, "the mark of an anonymous page", "no mark");
  } else {
    checkOwner(world, name, vma, owner);
  }
  const mappers = world.mapped[pte.pfn] ?? 0;
  if (pte.low & _PAGE_RW && mappers > 1) {
    world.findings.add(
      "I-COW",
      name,
      `write-protected, since ${mappers} PTEs map the page`,
      "writable",
    );
  }
}

/** What each mapped page says about itself leads back to the PTE: I-MAPPING, I-INDEX, I-COW. */
export function checkMappings(world: World): void {
  for (const pte of world.ptes) {
    const { vma, pfn } = pte;
    if ((pte.low & (_PAGE_PRESENT | _PAGE_PROTNONE)) === 0) continue;
    if (vma === undefined || pfn === world.zeroPfn || (world.mapped[pfn] ?? 0) === 0) continue;
    const cached = world.cached.get(pfn);
    if (cached === undefined) checkAnonPage(world, pte, vma);
    else checkFilePage(world, pte, vma, cached.inode);
    const index = cached?.index ?? world.u64(pageOf(pfn) + Page.index);
    const expected = expectedIndex(world, pte, vma, cached !== undefined);
    if (expected !== undefined) {
      world.findings.equal("I-INDEX", pteName(world, pte, vma), expected, index);
    }
  }
}

/** Each VMA with an anon_vma is on its list, and nobody else. */
function checkAnonVmas(world: World): void {
  const listed = new Map<number, number>();
  for (const anonVma of world.objects[CACHE_ANON_VMA] ?? []) {
    const what = `list of anon_vma ${hex(anonVma)}`;
    const nodes = listNodes(world, anonVma + AnonVma.head_next, "I-VISIBLE", what);
    if (nodes.length === 0) world.findings.add("I-VISIBLE", what, "VMAs", "none");
    checkAnonVmaCount(world, anonVma, nodes.length);
    for (const node of nodes) listed.set(node - VmArea.anon_vma_node_next, anonVma);
  }
  for (const vma of world.vmas()) {
    const found = listed.get(vma.address) ?? 0;
    listed.delete(vma.address);
    if (found === vma.anonVma) continue;
    const name = `anon_vma list that ${vmaName(world, vma)} is on`;
    world.findings.add("I-VISIBLE", name, hex(vma.anonVma), hex(found));
  }
  for (const [vma, anonVma] of listed) {
    world.findings.add(
      "I-VISIBLE",
      `list of anon_vma ${hex(anonVma)}`,
      "VMAs that exist",
      hex(vma),
    );
  }
}

const lastPage = (vma: VmaRecord): number => vma.pgoff + (vma.end - vma.start) / 4096 - 1;

/**
 * The interval tree of one file: who is in it, in order, and what each node knows of those below.
 */
function checkFileTree(world: World, inode: number, mappers: ReadonlyMap<number, VmaRecord>): void {
  const what = `tree of mappings of ${fileName(world, inode)}`;
  const nodes = treeNodes(world, world.u32(inode + Inode.i_mmap), "I-VISIBLE", what);
  const found = nodes.map((node) => node - VmArea.shared_parent_color);
  const strangers = found.filter((address) => !mappers.has(address));
  for (const address of strangers) {
    world.findings.add("I-VISIBLE", what, "VMAs of the file", hex(address));
  }
  for (const vma of mappers.values()) {
    if (found.includes(vma.address)) continue;
    world.findings.add("I-VISIBLE", vmaName(world, vma), `in the ${what}`, "not in it");
  }
  let before = -1;
  for (const address of found) {
    const vma = mappers.get(address);
    if (vma === undefined) continue;
    if (vma.pgoff < before) {
      world.findings.add("I-VISIBLE", what, "in order of pages", `page ${vma.pgoff} late`);
    }
    before = vma.pgoff;
    const last = subtreeLast(world, address, mappers);
    const known = world.u64(address + VmArea.shared_subtree_last);
    world.findings.equal("I-VISIBLE", `${vmaName(world, vma)}, subtree_last`, last, known);
  }
}

/** Last page that the VMA or any below it in the tree maps, from what those say. */
function subtreeLast(
  world: World,
  address: number,
  mappers: ReadonlyMap<number, VmaRecord>,
): number {
  const vma = mappers.get(address);
  const below = [VmArea.shared_left, VmArea.shared_right]
    .map((offset) => world.u32(address + offset))
    .filter((node) => node !== 0 && mappers.has(node - VmArea.shared_parent_color))
    .map((node) => world.u64(node - VmArea.shared_parent_color + VmArea.shared_subtree_last));
  return Math.max(vma === undefined ? -1 : lastPage(vma), ...below);
}

function checkFileTrees(world: World): void {
  const mappers = new Map<number, Map<number, VmaRecord>>();
  for (const vma of world.vmas()) {
    if (vma.file === 0) continue;
    const own = mappers.get(vma.file) ?? new Map<number, VmaRecord>();
    mappers.set(vma.file, own.set(vma.address, vma));
    if (!world.exists(CACHE_INODE, vma.file)) {
      world.findings.add("I-VISIBLE", vmaName(world, vma), "a file that exists", hex(vma.file));
    }
  }
  for (const inode of world.objects[CACHE_INODE] ?? []) {
    checkFileTree(world, inode, mappers.get(inode) ?? new Map<number, VmaRecord>());
  }
}

/** A walker that comes from a page or a file finds every VMA: I-VISIBLE. */
export function checkVisible(world: World): void {
  checkAnonVmas(world);
  checkFileTrees(world);
}

/** References of each file: its VMAs and the handles that the caller knows of: INODE-COUNT. */
export function checkInodeCounts(world: World, handles: readonly number[] | undefined): void {
  for (const inode of world.objects[CACHE_INODE] ?? []) {
    let vmas = 0;
    for (const vma of world.vmas()) if (vma.file === inode) vmas++;
    const found = world.i32(inode + Inode.i_count) + 1;
    const name = `references of ${fileName(world, inode)}`;
    if (handles === undefined) {
      if (found < vmas) world.findings.add("INODE-COUNT", name, `at least ${vmas}`, found);
      continue;
    }
    const held = handles.filter((handle) => handle >>> 0 === inode).length;
    world.findings.equal("INODE-COUNT", name, vmas + held, found);
  }
}
