// Rules about address spaces: the list and the tree of VMAs, the counters of mm_struct, and what
// PTEs may say.

import {
  CACHE_MM,
  CACHE_TASK,
  CACHE_VM_AREA,
  INIT_MM,
  MMLIST,
  MmStruct,
  PG_reserved,
  PerCpu,
  TASK_SIZE,
  Task,
  VM_EXEC,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  VmArea,
  _PAGE_ACCESSED,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_RW,
  _PAGE_USER,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { listNodes, treeNodes } from "./lists.ts";
import { mmName, vmaName } from "./walk-mms.ts";
import { areaOf, flagsOf, frameName, type MmRecord, type VmaRecord, type World } from "./world.ts";

const ANY_ACCESS = VM_READ | VM_WRITE | VM_EXEC;

/**
 * One VMA on its own: aligned, not empty, below TASK_SIZE, with the protection that its flags ask
 * for.
 */
function checkVma(world: World, vma: VmaRecord): void {
  const name = vmaName(world, vma);
  const aligned = vma.start % 4096 === 0 && vma.end % 4096 === 0;
  if (!aligned || vma.start >= vma.end || vma.end > TASK_SIZE) {
    world.findings.add("VMA-LIST", name, "a range of whole pages below TASK_SIZE", "another");
  }
  const writable = (vma.flags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED);
  const open = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED | (writable ? _PAGE_RW : 0);
  const expected = vma.flags & ANY_ACCESS ? open : _PAGE_PROTNONE | _PAGE_ACCESSED;
  const found = world.u32(vma.address + VmArea.vm_page_prot);
  world.findings.equal("VMA-PROT", `vm_page_prot of ${name}`, hex(expected), hex(found));
}

/** Addresses of VMAs as one text, to compare two orders of them. */
const order = (addresses: readonly number[]): string => addresses.map(hex).join(" ") || "none";

/** The VMAs that the list of an mm leads to. */
function listedVmas(world: World, mm: MmRecord): number[] {
  const found: number[] = [];
  let vma = world.u32(mm.address + MmStruct.mmap);
  while (vma !== 0 && world.exists(CACHE_VM_AREA, vma) && found.length <= mm.vmas.length) {
    found.push(vma);
    vma = world.u32(vma + VmArea.vm_next);
  }
  return vma === 0 ? found : [...found, vma];
}

/**
 * List and tree hold the VMAs of the mm, in order, without overlap: VMA-LIST, VMA-TREE, VMA-PROT.
 */
function checkVmas(world: World, mm: MmRecord): void {
  const name = mmName(world, mm.address);
  const expected = order(mm.vmas.map((vma) => vma.address));
  world.findings.equal("VMA-LIST", `VMA list of ${name}`, expected, order(listedVmas(world, mm)));
  const root = world.u32(mm.address + MmStruct.mm_rb);
  const nodes = treeNodes(world, root, "VMA-TREE", `VMA tree of ${name}`);
  const inTree = nodes.map((node) => node - VmArea.rb_parent_color);
  world.findings.equal("VMA-TREE", `VMA tree of ${name}`, expected, order(inTree));
  for (const vma of mm.vmas) checkVma(world, vma);
  mm.vmas.slice(1).forEach((vma, i) => {
    const before = mm.vmas[i] as VmaRecord;
    if (before.end > vma.start) {
      world.findings.add(
        "VMA-LIST",
        vmaName(world, vma),
        `a start from ${hex(before.end)} on`,
        hex(vma.start),
      );
    }
  });
  const hint = world.u32(mm.address + MmStruct.mmap_cache);
  if (hint !== 0 && !mm.vmas.some((vma) => vma.address === hint)) {
    world.findings.add("VMA-LIST", `mmap_cache of ${name}`, "a VMA of it, or none", hex(hint));
  }
}

/** PTEs of an mm that count as resident. */
function residentPages(world: World, mm: MmRecord): number {
  const isResident = (low: number, pfn: number): boolean =>
    (low & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0 &&
    pfn < world.maxPfn &&
    (flagsOf(world, pfn) & PG_reserved) === 0;
  return world.ptes.filter((pte) => pte.mm === mm && isResident(pte.low, pte.pfn)).length;
}

/** CPUs whose walker uses the mm, as a mask. */
function usersOf(world: World, mm: number): { count: number; low: number; high: number } {
  let count = 0;
  const words: [number, number] = [0, 0];
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    if (world.u32(areaOf(cpu) + PerCpu.active_mm) !== mm) continue;
    count++;
    words[cpu >>> 5] = ((words[cpu >>> 5] ?? 0) | (1 << (cpu & 31))) >>> 0;
  }
  return { count, low: words[0], high: words[1] };
}

function tasksOf(world: World, mm: number): number {
  let tasks = 0;
  for (const task of world.objects[CACHE_TASK] ?? []) if (world.u32(task + Task.mm) === mm) tasks++;
  return tasks;
}

/** References that clients of MMU notifiers hold. */
function heldByClients(world: World, mm: number): number {
  return world.clients.reduce((sum, client) => sum + (client.mm === mm ? client.holds : 0), 0);
}

/** The counters of an mm: I-RSS, VMA-COUNT, TOTAL-VM, NR-TABLES, MM-USERS, MM-COUNT, MM-MASK. */
function checkCounters(world: World, mm: MmRecord): void {
  const name = mmName(world, mm.address);
  const field = (offset: number): number => world.i32(mm.address + offset);
  const equal = (rule: string, expected: number, offset: number): void => {
    world.findings.equal(rule, name, expected, field(offset));
  };
  const pages = mm.vmas.reduce((sum, vma) => sum + (vma.end - vma.start) / 4096, 0);
  equal("I-RSS", residentPages(world, mm), MmStruct.rss);
  equal("VMA-COUNT", mm.vmas.length, MmStruct.map_count);
  equal("TOTAL-VM", pages, MmStruct.total_vm);
  equal("NR-TABLES", mm.tables, MmStruct.nr_tables);
  const cpus = usersOf(world, mm.address);
  const isKernel = mm.address === INIT_MM;
  const users = isKernel ? 1 : tasksOf(world, mm.address);
  equal("MM-USERS", users, MmStruct.mm_users);
  const holds = heldByClients(world, mm.address);
  equal("MM-COUNT", (users > 0 ? 1 : 0) + cpus.count + holds, MmStruct.mm_count);
  if (isKernel) return;
  const mask = mm.address + MmStruct.cpu_vm_mask;
  const found = `${hex(world.u32(mask + 4))} ${hex(world.u32(mask))}`;
  world.findings.equal("MM-MASK", name, `${hex(cpus.high)} ${hex(cpus.low)}`, found);
}

/** Address spaces with users, and no others, are on the list of all: MM-LIST. */
function checkMmList(world: World): void {
  const nodes = listNodes(world, MMLIST, "MM-LIST", "list of address spaces");
  const listed = new Set(nodes.map((node) => node - MmStruct.mmlist_next));
  for (const address of listed) {
    if (world.exists(CACHE_MM, address)) continue;
    world.findings.add(
      "MM-LIST",
      "list of address spaces",
      "address spaces that exist",
      hex(address),
    );
  }
  for (const mm of world.mms.values()) {
    if (mm.address === INIT_MM) continue;
    const expected = tasksOf(world, mm.address) > 0 ? "on it" : "not on it";
    const found = listed.has(mm.address) ? "on it" : "not on it";
    world.findings.equal("MM-LIST", mmName(world, mm.address), expected, found);
  }
}

/** Every PTE lies in a VMA, allows no more than it, and names a frame that can be mapped: PTE. */
function checkPtes(world: World): void {
  for (const pte of world.ptes) {
    const { vma, low, pfn } = pte;
    const name = `PTE for ${hex(pte.virtual)} of ${mmName(world, pte.mm.address)}`;
    const add = (expected: string, found: string): void => {
      world.findings.add("PTE", name, expected, found);
    };
    if (vma === undefined) {
      add("inside a VMA", "outside all");
      continue;
    }
    const present = (low & _PAGE_PRESENT) !== 0;
    // It names a slot of swap: rules-swap.ts.
    if ((low & (_PAGE_PRESENT | _PAGE_PROTNONE)) === 0) continue;
    const hidden = (low & _PAGE_PROTNONE) !== 0;
    if (present === hidden) add("present or PROTNONE", hex(low & 0xfff));
    if (pfn >= world.maxPfn) {
      add("a frame that exists", frameName(pfn));
    } else if (flagsOf(world, pfn) & PG_reserved && pfn !== world.zeroPfn) {
      add("no kernel frame", frameName(pfn));
    }
    if (hidden && vma.flags & ANY_ACCESS) add("accessible, as its VMA", "PROTNONE");
    if (present && (vma.flags & ANY_ACCESS) === 0) add("PROTNONE, as its VMA", "present");
    if (low & _PAGE_RW && (vma.flags & VM_WRITE) === 0) add("read-only, as its VMA", "writable");
    if (low & _PAGE_RW && pfn === world.zeroPfn) {
      add("read-only, since it maps the zero page", "writable");
    }
  }
}

/** All rules about address spaces. */
export function checkMms(world: World): void {
  checkMmList(world);
  for (const mm of world.mms.values()) {
    checkVmas(world, mm);
    checkCounters(world, mm);
  }
  checkPtes(world);
}
