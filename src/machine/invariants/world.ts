// The state of a quiet machine, read from its memory: what the rules compare. Collected by the
// walk-*.ts files, each from a source of its own, so that one damaged word breaks one rule: the
// objects that exist come from the slabs, not from the lists that are checked against them. Plain
// reads of memory; nothing of the kernel's code is called.

import {
  BOOT_PARAMS,
  BootParams,
  MEM_MAP,
  PATCH_ANON_IN_MAPPING,
  PATCH_KILL_PAGE_MAP_LOCK,
  PERCPU_AREAS,
  PERCPU_SIZE,
  Page,
  STRUCT_PAGE_SHIFT,
} from "../../layout/structs.gen.ts";
import { getI32, getU32, getU64, type MemoryViews } from "../../layout/view.ts";
import { Findings, hex } from "./findings.ts";

/** What a frame is used for; a frame of a program may have several of MAPPED, CACHED and PAGEVEC. */
export const ROLE_RESERVED = 1;
export const ROLE_BUDDY = 2;
export const ROLE_HOT = 4;
export const ROLE_TABLE = 8;
export const ROLE_SLAB = 16;
export const ROLE_MAPPED = 32;
export const ROLE_CACHED = 64;
export const ROLE_PAGEVEC = 128;
/** The page is in the swap cache. */
export const ROLE_SWAPPED = 256;
export const ROLE_CLIENT = 512;
/** The frame belongs to programs. */
export const ROLE_USER = ROLE_MAPPED | ROLE_CACHED | ROLE_PAGEVEC | ROLE_SWAPPED;
/** The frame is free. */
export const ROLE_FREE = ROLE_BUDDY | ROLE_HOT;

/** One VMA. */
export interface VmaRecord {
  readonly address: number;
  readonly mm: number;
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly pgoff: number;
  readonly file: number;
  readonly anonVma: number;
}

/** One address space, with what its page tables hold. */
export interface MmRecord {
  readonly address: number;
  /** Its VMAs by address, as the slab has them. */
  readonly vmas: readonly VmaRecord[];
  /** Page tables below the top one that its tables reach. */
  tables: number;
}

/** One entry of a page of PTEs that is not 0. */
export interface PteRecord {
  readonly mm: MmRecord;
  /** The VMA that it lies in, if any. */
  readonly vma: VmaRecord | undefined;
  /** Where it stands. */
  readonly at: number;
  /** Virtual address that it maps. */
  readonly virtual: number;
  /** Lower 32 bits: all flags but NX. */
  readonly low: number;
  readonly pfn: number;
}

/** A block of memory of a client of MMU notifiers. */
export interface ClientRecord {
  readonly address: number;
  /** Address space that it follows; 0: it is the list of an mm. */
  readonly mm: number;
  /** References to that mm. */
  readonly holds: number;
  /** Number of its client. */
  readonly client: number;
}

/** Everything that the rules look at. */
export class World {
  readonly memory: MemoryViews;
  readonly findings = new Findings();
  readonly cpus: number;
  readonly lowmemPfns: number;
  readonly maxPfn: number;
  readonly zeroPfn: number;
  /** The mapcount is atomic from -1, as from 2.6.9; else plain from 0, under PG_maplock. */
  readonly atomicMapcount: boolean;
  /** The mark of anonymous pages is a bit of `mapping`, as from 2.6.9; else PG_anon. */
  readonly anonInMapping: boolean;
  /** RMAP_*: how a page finds its PTEs. */
  readonly rmap: number;
  /** Objects in use, by number of their cache. */
  readonly objects: Set<number>[] = [];
  readonly mms = new Map<number, MmRecord>();
  readonly ptes: PteRecord[] = [];
  /** ROLE_* bits of each frame. */
  readonly roles: Uint16Array;
  /** References that each frame should have. */
  readonly references: Int32Array;
  /** PTEs that map each frame. */
  readonly mapped: Int32Array;
  /** PTEs that name each slot of swap, by entry. */
  readonly swapPtes = new Map<number, number>();
  /** Entry of each page of the swap cache. */
  readonly swapCached = new Map<number, number>();
  /** Who uses each block of the disk. */
  readonly blocks = new Map<number, string>();
  /** What clients of MMU notifiers have allocated. */
  readonly clients: ClientRecord[] = [];
  /** Inode that each page-cache page belongs to. */
  readonly cached = new Map<number, { readonly inode: number; readonly index: number }>();

  constructor(memory: MemoryViews) {
    const param = (offset: number): number => getU32(memory, BOOT_PARAMS + offset);
    this.memory = memory;
    this.cpus = param(BootParams.nr_cpus);
    this.lowmemPfns = param(BootParams.lowmem_pfns);
    this.maxPfn = param(BootParams.max_mapnr);
    this.zeroPfn = param(BootParams.zero_pfn);
    this.rmap = param(BootParams.rmap);
    const patches = param(BootParams.patches);
    this.atomicMapcount = (patches & PATCH_KILL_PAGE_MAP_LOCK) !== 0;
    this.anonInMapping = (patches & PATCH_ANON_IN_MAPPING) !== 0;
    this.roles = new Uint16Array(this.maxPfn);
    this.references = new Int32Array(this.maxPfn);
    this.mapped = new Int32Array(this.maxPfn);
  }

  /** An unsigned word, or a pointer. */
  u32(address: number): number {
    return getU32(this.memory, address);
  }

  /** A signed word. */
  i32(address: number): number {
    return getI32(this.memory, address);
  }

  /** 64 bits, exact below 2^53. */
  u64(address: number): number {
    return getU64(this.memory, address);
  }

  /** What _mapcount holds for a page that nobody maps. */
  get unmapped(): number {
    return this.atomicMapcount ? -1 : 0;
  }

  /** True if a word can be read at `address`. */
  inMemory(address: number): boolean {
    return address % 4 === 0 && address >= 4096 && address < this.lowmemPfns * 4096;
  }

  /** True if `address` is an object in use of a cache. */
  exists(cacheId: number, address: number): boolean {
    return this.objects[cacheId]?.has(address) ?? false;
  }

  /** Every VMA of every address space. */
  *vmas(): Generator<VmaRecord> {
    for (const mm of this.mms.values()) yield* mm.vmas;
  }

  /** Adds a role to a frame, and a reference if the role is one. */
  use(pfn: number, role: number, references = 0): void {
    this.roles[pfn] = (this.roles[pfn] ?? 0) | role;
    this.references[pfn] = (this.references[pfn] ?? 0) + references;
  }

  /** Role bits of a frame. */
  role(pfn: number): number {
    return this.roles[pfn] ?? 0;
  }

  /** Name of an address space. */
  nameOf(mm: number, serial: number): string {
    return `mm ${serial} at ${hex(mm)}`;
  }
}

/** Address of struct page of a frame. */
export const pageOf = (pfn: number): number => MEM_MAP + pfn * 2 ** STRUCT_PAGE_SHIFT;

/** The frame of a struct page. */
export const pfnOf = (page: number): number => (page - MEM_MAP) / 2 ** STRUCT_PAGE_SHIFT;

/** True if `address` is a struct page. */
export function isPage(world: World, address: number): boolean {
  const pfn = pfnOf(address);
  return Number.isInteger(pfn) && pfn >= 0 && pfn < world.maxPfn;
}

/** Address of the area of a CPU. */
export const areaOf = (cpu: number): number => PERCPU_AREAS + cpu * PERCPU_SIZE;

/** Flags of a frame. */
export const flagsOf = (world: World, pfn: number): number => world.u32(pageOf(pfn) + Page.flags);

/** Name of a frame, for people. */
export const frameName = (pfn: number): string => `frame ${hex(pfn)}`;

/** A spinlock is free: 0 for test-and-set, next equal to owner for tickets. */
export const lockIsFree = (word: number): boolean => word >>> 16 === (word & 0xffff);
