// The invariants, checked themselves: on a busy machine none of them complains, and each complains
// when one word of memory is changed, alone.

import { describe, expect, test } from "vitest";
import {
  AnonVma,
  CACHE_TABLE,
  Inode,
  KmemCache,
  MMLIST,
  MmStruct,
  PERCPU_TLB,
  PG_reserved,
  PMD_SHIFT,
  PUD_SHIFT,
  PGD_SHIFT,
  Page,
  PerCpu,
  TLB_ENTRY_SIZE,
  TLB_GENERATION_MAX,
  VmArea,
  ZONE_TABLE,
  Zone,
  _PAGE_ACCESSED,
  _PAGE_RW,
} from "../../src/layout/structs.gen.ts";
import { getU32, getU64 } from "../../src/layout/view.ts";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import { leaks, memoryReport, memoryState } from "../../src/machine/invariants/leaks.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmOfTask, pageAt, pteAt, readPte } from "../support/inspect.ts";

const PAGE = 4096;
const RW = { read: true, write: true };

/** What a process has made: something of every kind. */
interface Scene {
  readonly machine: DirectMachine;
  readonly mm: number;
  /** Two pages: the first is the process's own again, the second is shared with its child. */
  readonly anon: number;
  /** A page that was written and is read-only now. */
  readonly readOnly: number;
  readonly file: number;
}

/** Builds a scene and looks at it from inside the process, while its child waits to run. */
function withScene<T>(kernel: string, look: (scene: Scene) => T): T {
  const machine = new DirectMachine({ kernel });
  machine.program("child", () => undefined);
  return machine.run((task: ProgramTask) => {
    const anon = task.mmap({ length: 24 * PAGE, ...RW });
    task.touch(anon, 20 * PAGE);
    task.touch(anon + 20 * PAGE, 4 * PAGE, "read");
    const file = task.createFile({ sizeBytes: 40 * PAGE, seed: 7 });
    const shared = task.mmap({ length: 4 * PAGE, ...RW, shared: true, file });
    const own = task.mmap({ length: 4 * PAGE, ...RW, file, offset: PAGE });
    task.touch(shared, 2 * PAGE);
    task.touch(own, 2 * PAGE);
    task.fileBytes(file, 20 * PAGE, 8);
    task.fork("child");
    task.store32(anon, 1);
    const readOnly = task.mmap({ length: 2 * PAGE, ...RW });
    task.touch(readOnly, 2 * PAGE);
    task.mprotect(readOnly, 2 * PAGE, { read: true });
    task.load32(readOnly);
    const mm = mmOfTask(task.cpu, task.address) >>> 0;
    const result = look({ machine, mm, anon, readOnly, file: file >>> 0 });
    task.wait();
    task.closeFile(file);
    return result;
  });
}

/** Rules that do not hold, each once. */
const broken = ({ machine, file }: Scene): string[] => [
  ...new Set(checkInvariants(machine.cpu, { handles: [file] }).map(({ rule }) => rule)),
];

/** Address of struct page of what is mapped at `virtual`. */
function pageOf({ machine, mm }: Scene, virtual: number): number {
  return pageAt(readPte(machine.cpu, mm, virtual)?.pfn ?? 0);
}

/** The first VMA of the process. */
const firstVma = ({ machine, mm }: Scene): number => getU32(machine.cpu, mm + MmStruct.mmap);

/** A page of the page cache that nobody maps: that of index 20. */
function cachedPage({ machine, file }: Scene): number {
  for (let pfn = 0; pfn < machine.config.lowmemPages; pfn++) {
    const page = pageAt(pfn);
    const isOfFile = getU32(machine.cpu, page + Page.mapping) === file;
    if (isOfFile && getU64(machine.cpu, page + Page.index) === 20) return page;
  }
  throw new Error("page 20 is not in the page cache");
}

/** A block of free frames. */
function freePage({ machine }: Scene): number {
  const { lowmemPages } = machine.config;
  for (let pfn = lowmemPages - 1; pfn > 0; pfn--) {
    if (getU32(machine.cpu, pageAt(pfn) + Page._count) === 0xffffffff) return pageAt(pfn);
  }
  throw new Error("no frame is free");
}

/** Entry of the page table above the PTEs of the process. */
function pmdEntry({ machine, mm, anon }: Scene): number {
  let table = getU32(machine.cpu, mm + MmStruct.pgd);
  for (const shift of [PGD_SHIFT, PUD_SHIFT]) {
    const entry = table + (Math.floor(anon / 2 ** shift) % 512) * 8;
    table = getU32(machine.cpu, entry) & ~4095;
  }
  return table + (Math.floor(anon / 2 ** PMD_SHIFT) % 512) * 8;
}

/** A TLB entry of the CPU that is in use: the address of its translation. */
function tlbEntry({ machine }: Scene): number {
  const { cpu } = machine;
  const generation = getU32(cpu, cpu.area + PerCpu.tlb_generation);
  for (let entry = cpu.area + PERCPU_TLB; ; entry += TLB_ENTRY_SIZE) {
    if ((getU32(cpu, entry) & TLB_GENERATION_MAX) === generation) return entry + 8;
  }
}

/** Which word to change, and how. */
type Change = (scene: Scene) => readonly [address: number, change: (old: number) => number];

const plus = (address: number): ReturnType<Change> => [address, (old) => old + 1];
const zero = (address: number): ReturnType<Change> => [address, () => 0];

/** For each rule a change of one word that breaks it, and no other. */
const CHANGES: Readonly<Record<string, Change>> = {
  "I-COUNT": (scene) => plus(pageOf(scene, scene.anon) + Page._mapcount),
  REFCOUNT: (scene) => plus(pageOf(scene, scene.anon) + Page._count),
  "I-NRMAPPED": ({ machine }) => plus(machine.cpu.area + PerCpu.nr_mapped),
  "I-RSS": ({ mm }) => plus(mm + MmStruct.rss),
  "I-MAPPING": (scene) => [
    pageOf(scene, scene.anon) + Page.mapping,
    (old) => old ^ 64, // another anon_vma
  ],
  "I-INDEX": (scene) => plus(pageOf(scene, scene.anon) + Page.index),
  "I-COW": ({ machine, mm, anon }) => [
    pteAt(machine.cpu, mm, anon + PAGE),
    (old) => old | _PAGE_RW,
  ],
  "I-VISIBLE": (scene) => {
    const anonVma = getU32(scene.machine.cpu, vmaAt(scene, scene.anon) + VmArea.anon_vma);
    const head = anonVma + AnonVma.head_next;
    return [head, () => head];
  },
  "I-TLB": (scene) => [tlbEntry(scene), (old) => old + PAGE],
  PTE: ({ machine, mm, readOnly }) => [pteAt(machine.cpu, mm, readOnly), (old) => old | _PAGE_RW],
  TABLES: (scene) => [pmdEntry(scene), (old) => old & ~_PAGE_ACCESSED],
  "VMA-LIST": (scene) => zero(firstVma(scene) + VmArea.vm_next),
  "VMA-TREE": ({ mm }) => zero(mm + MmStruct.mm_rb),
  "VMA-PROT": (scene) => [firstVma(scene) + VmArea.vm_page_prot, (old) => old ^ _PAGE_RW],
  "VMA-COUNT": ({ mm }) => plus(mm + MmStruct.map_count),
  "TOTAL-VM": ({ mm }) => plus(mm + MmStruct.total_vm),
  "NR-TABLES": ({ mm }) => plus(mm + MmStruct.nr_tables),
  "MM-USERS": ({ mm }) => plus(mm + MmStruct.mm_users),
  "MM-COUNT": ({ mm }) => plus(mm + MmStruct.mm_count),
  "MM-MASK": ({ mm }) => [mm + MmStruct.cpu_vm_mask, (old) => old | 2],
  "MM-LIST": () => [MMLIST, () => MMLIST],
  "INODE-COUNT": ({ file }) => plus(file + Inode.i_count),
  "PAGE-CACHE": ({ file }) => plus(file + Inode.nrpages),
  LRU: () => plus(ZONE_TABLE + Zone.nr_active),
  FRAMES: (scene) => [cachedPage(scene) + Page.flags, (old) => old | PG_reserved],
  "FREE-PAGE": (scene) => plus(freePage(scene) + Page._mapcount),
  "FREE-LIST": () => plus(ZONE_TABLE + Zone.free_pages),
  SLAB: () => plus(CACHE_TABLE + KmemCache.nr_slabs),
  TASKS: ({ machine }) => plus(machine.cpu.area + PerCpu.nr_running),
  LOCKS: ({ mm }) => [mm + MmStruct.page_table_lock, () => 1],
};

/** The VMA of an address. */
function vmaAt({ machine, mm }: Scene, virtual: number): number {
  return machine.cpu.k.find_vma(mm, virtual) >>> 0;
}

/** The rules that a change breaks; everything is as before afterwards. */
function brokenBy(scene: Scene, change: Change): string[] {
  const { u32 } = scene.machine.cpu;
  const [address, update] = change(scene);
  const old = u32[address >>> 2] as number;
  u32[address >>> 2] = update(old);
  const rules = broken(scene);
  u32[address >>> 2] = old;
  return rules;
}

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test("a machine that has just booted breaks no rule", () => {
    const machine = new DirectMachine({ kernel });

    expect(checkInvariants(machine.cpu)).toEqual([]);
  });

  test("a process with anonymous, private and shared file pages, and its child, break no rule", () => {
    const found = withScene(kernel, (scene) => checkInvariants(scene.machine.cpu));

    expect(found).toEqual([]);
  });

  const found = withScene(kernel, (scene) =>
    Object.entries(CHANGES).map(([rule, change]) => [rule, brokenBy(scene, change)] as const),
  );

  test.each(found)(
    "%s breaks when one word says something else, and no other rule",
    (rule, rules) => {
      expect(rules).toEqual([rule]);
    },
  );

  test("a list that never ends does not hold the check up", () => {
    const rules = withScene(kernel, (scene) => {
      const { u32 } = scene.machine.cpu;
      const node = ZONE_TABLE + Zone.active_next;
      const first = u32[node >>> 2] as number;
      const old = u32[first >>> 2] as number;
      u32[first >>> 2] = first;
      const seen = broken(scene);
      u32[first >>> 2] = old;
      return seen;
    });

    expect(rules).toEqual(["LRU"]);
  });

  test("what was given back counts as no leak, and a file that was kept counts as one", () => {
    const machine = new DirectMachine({ kernel });
    const boot = memoryState(machine.cpu);
    let file = 0;
    machine.run((task) => {
      file = task.createFile({ sizeBytes: PAGE, seed: 1 });
      task.fileBytes(file, 0, 1);
      task.touch(task.mmap({ length: 9 * PAGE, ...RW }), 9 * PAGE);
    });

    machine.census();
    const kept = leaks(boot, memoryState(machine.cpu)).map(({ object }) => object);
    machine.cpu.k.inode_put(file);
    machine.census();

    expect(kept).toEqual(["free frames of zone 0", "slabs of inode"]);
    expect(leaks(boot, memoryState(machine.cpu))).toEqual([]);
  });

  test("the report of memory counts every frame once", () => {
    const { report, frames } = withScene(kernel, ({ machine }) => ({
      report: memoryReport(machine.cpu),
      frames: machine.config.lowmemPages,
    }));

    expect(Object.values(report).reduce((a: number, b: number) => a + b, 0)).toBe(frames);
    expect(report).toMatchObject({ anonymous: 25, pageCache: 4, lost: 0 });
    expect(report.tables).toBeGreaterThan(6);
    expect(report.slabs).toBeGreaterThan(4);
  });

  test("a frame that nobody has any more is lost, and a leak", () => {
    const machine = new DirectMachine({ kernel });
    const boot = memoryState(machine.cpu);

    machine.cpu.k.alloc_pages(0, 0);
    machine.census();

    expect(leaks(boot, memoryState(machine.cpu)).map(({ rule }) => rule)).toEqual(["LEAK"]);
    expect(checkInvariants(machine.cpu).map(({ rule }) => rule)).toEqual(["FRAMES"]);
  });
});
