// What things are called in a report on the kernel: fields of struct pages, of per-CPU areas, of slab
// objects and of the tables below them by their names, as the machine's memory shows them now; PTEs as words
// of a table's frame; the rest by address. What lies inside of a field has its offset: "vm_start+0x4".

import * as layout from "../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../layout/view.ts";
import { readTwin } from "../../kernel/load.ts";
import type { MachineConfig } from "../../machine/config.ts";
import { cacheField, firstObject } from "../../machine/invariants/walk-slabs.ts";
import { hostFunction } from "./host-sites.ts";
import type { Site } from "./instrument.ts";
import type { Names } from "./names.ts";

const { CACHE_TABLE, MEM_MAP, PERCPU_AREAS, PERCPU_SIZE } = layout;
const { KmemCache, Slab, Page, PG_slab } = layout;

type Fields = Readonly<Record<string, number>>;

/** A kernel object: what reports call it, and how far in the address lies. */
interface Place {
  readonly name: string;
  readonly struct: StructName;
  readonly offset: number;
}

/** A struct behind which, in some kernels, another one lies. */
function withTail<S extends Fields>(fields: S, tail: Fields): S {
  const behind = Object.entries(tail).map(([name, at]) => [name, at + (fields["SIZE"] as number)]);
  return { ...fields, ...(Object.fromEntries(behind) as Fields) };
}

/** Structs whose objects are found by their address. */
const STRUCTS = {
  AnonMm: layout.AnonMm,
  AnonVma: withTail(layout.AnonVma, layout.AnonVmaSem),
  Inode: withTail(layout.Inode, layout.InodeSem),
  MmStruct: layout.MmStruct,
  Page: layout.Page,
  PerCpu: layout.PerCpu,
  PteChain: layout.PteChain,
  Task: layout.Task,
  VmArea: layout.VmArea,
} as const;

type StructName = keyof typeof STRUCTS;

/** Slab caches by number: what their objects are called, and their struct. */
const CACHES: Readonly<Record<number, readonly [string, StructName]>> = {
  [layout.CACHE_VM_AREA]: ["vma", "VmArea"],
  [layout.CACHE_MM]: ["mm", "MmStruct"],
  [layout.CACHE_ANON_VMA]: ["anon_vma", "AnonVma"],
  [layout.CACHE_INODE]: ["inode", "Inode"],
  [layout.CACHE_TASK]: ["task", "Task"],
  [layout.CACHE_PTE_CHAIN]: ["pte_chain", "PteChain"],
  [layout.CACHE_ANONMM]: ["anonmm", "AnonMm"],
};

/** The field that lies at an offset, with a dot before it; behind the last one, the offset. */
function fieldAt(fields: Fields, offset: number): string {
  if (offset >= (fields["SIZE"] as number)) return hexOffset(offset);
  let best = "";
  for (const [name, at] of Object.entries(fields)) {
    if (name !== "SIZE" && at <= offset && (best === "" || at >= (fields[best] as number))) {
      best = name;
    }
  }
  const inside = offset - (fields[best] as number);
  return `.${best}${inside === 0 ? "" : hexOffset(inside)}`;
}

const hexOffset = (offset: number): string => `+0x${offset.toString(16)}`;

/** Structs in a row, up to an address. */
interface StructTable {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  readonly fields: Fields;
}

const table = (
  name: string,
  from: number,
  to: number,
  stride: number,
  fields: Fields,
): StructTable => ({
  ...{ name, from, to, stride, fields },
});

const WAIT_QUEUE_STRIDE = 16;

const TABLES: readonly StructTable[] = [
  table("zone", layout.ZONE_TABLE, layout.KERNEL_GLOBALS, layout.ZONE_STRIDE, layout.Zone),
  table("kmem_cache", CACHE_TABLE, layout.INIT_MM, layout.CACHE_STRIDE, KmemCache),
  table("page_wait", layout.PAGE_WAIT_TABLE, PERCPU_AREAS, WAIT_QUEUE_STRIDE, layout.WaitQueue),
  table("page", MEM_MAP, Infinity, Page.SIZE, Page),
];

/** What lies at fixed places below the per-CPU areas, and is there once. */
const GLOBALS: readonly (readonly [number, string, Fields?])[] = [
  [0, "image"],
  [layout.BOOT_PARAMS, "boot_params"],
  [layout.KERNEL_GLOBALS, "tlb_flush", layout.TlbFlush],
  [layout.TASKLIST_LOCK, "tasklist_lock"],
  [layout.MMLIST_LOCK, "mmlist_lock"],
  [layout.RCU_STATE, "rcu_state", layout.RcuState],
  [layout.FILES_LOCK, "files_lock"],
  [layout.CACHE_CHAIN, "cache_chain"],
  [layout.DISK, "disk", layout.Disk],
  [layout.SWAPPER_SPACE, "swapper_space", layout.SwapperSpace],
  [layout.SWAP_LIST, "swap_list", layout.SwapList],
  [layout.SWAP_INFO, "swap_info", layout.SwapInfo],
  [layout.VM_CONTROL, "vm_control", layout.VmControl],
  [layout.INIT_MM, "init_mm", layout.MmStruct],
];

function globalAt(address: number): string {
  const known = GLOBALS.filter(([from]) => from <= address);
  const [start, name, fields] = known[known.length - 1] ?? [0, "image"];
  const offset = address - start;
  if (fields !== undefined) return `${name}${fieldAt(fields, offset)}`;
  return offset === 0 ? name : `${name}${hexOffset(offset)}`;
}

function inTable(address: number): string | undefined {
  const found = TABLES.find(({ from, to }) => address >= from && address < to);
  if (found === undefined) return undefined;
  const offset = address - found.from;
  const index = Math.floor(offset / found.stride);
  return `${found.name}[${index}]${fieldAt(found.fields, offset % found.stride)}`;
}

/** Names in a machine, and what is known of them. */
export interface KernelNames extends Names {
  /** True for a field that is marked atomic: any CPU may look at it at any time. */
  isAtomicField(address: number): boolean;
}

/** Names for a machine of a kernel. */
export function kernelNames(
  { kernel, checking, cpus }: MachineConfig,
  memory: MemoryViews,
): KernelNames {
  const sites = sitesOf({ kernel, checking });
  const framesAt = getU32(memory, layout.BOOT_PARAMS + layout.BootParams.first_free_pfn) * 4096;
  return {
    isKernel: true,
    functionOf: (site) => {
      const name = hostFunction(site) ?? sites[site]?.function ?? "?";
      return name.slice(name.lastIndexOf("/") + 1);
    },
    objectAt: (address) => {
      const place = placeOf(memory, cpus, address);
      if (place !== undefined) {
        return `${place.name}${fieldAt(STRUCTS[place.struct], place.offset)}`;
      }
      // The areas of CPUs that the machine does not have are frames.
      const isFrame = address >= framesAt || (address >= PERCPU_AREAS && address < MEM_MAP);
      return isFrame ? wordOfFrame(memory, address) : (inTable(address) ?? globalAt(address));
    },
    isAtomicField: (address) => {
      const place = placeOf(memory, cpus, address);
      if (place === undefined) return false;
      const field = fieldAt(STRUCTS[place.struct], place.offset).slice(1);
      return layout.ATOMIC_FIELDS[place.struct]?.includes(field) === true;
    },
  };
}

/** Accesses of a kernel by their number. */
export function sitesOf({
  kernel,
  checking,
}: Pick<MachineConfig, "kernel" | "checking">): readonly Site[] {
  const text = readTwin(kernel, checking, "sites").toString("utf8");
  return (JSON.parse(text) as { readonly sites: readonly Site[] }).sites;
}

/** A word of a frame in which there is no object: it may be one of the books of a slab. */
function wordOfFrame(memory: MemoryViews, address: number): string {
  const pfn = address >>> 12;
  const [name] = CACHES[slabCacheOf(memory, address) ?? -1] ?? [];
  if (name !== undefined) return `${name} slab[${pfn}]`;
  return `frame[${pfn}]+0x${(address & 0xfff).toString(16)}`;
}

/** Number of the slab cache that the frame of an address belongs to, if it is a slab. */
function slabCacheOf(memory: MemoryViews, address: number): number | undefined {
  const flags = getU32(memory, MEM_MAP + (address >>> 12) * Page.SIZE + Page.flags);
  return (flags & PG_slab) === 0
    ? undefined
    : getU32(memory, address - (address & 0xfff) + Slab.cache_id);
}

/** The object that an address lies in, if it is one of STRUCTS. */
function placeOf(memory: MemoryViews, cpus: number, address: number): Place | undefined {
  if (address >= PERCPU_AREAS && address < PERCPU_AREAS + cpus * PERCPU_SIZE) {
    const cpu = Math.floor((address - PERCPU_AREAS) / PERCPU_SIZE);
    const offset = (address - PERCPU_AREAS) % PERCPU_SIZE;
    return { name: `cpu[${cpu}]`, struct: "PerCpu", offset };
  }
  const framesAt = getU32(memory, layout.BOOT_PARAMS + layout.BootParams.first_free_pfn) * 4096;
  if (address >= MEM_MAP && address < framesAt) {
    const pfn = Math.floor((address - MEM_MAP) / Page.SIZE);
    return { name: `page[${pfn}]`, struct: "Page", offset: (address - MEM_MAP) % Page.SIZE };
  }
  // The areas of absent CPUs are frames too.
  return address < PERCPU_AREAS ? undefined : inSlab(memory, address);
}

function inSlab(memory: MemoryViews, address: number): Place | undefined {
  const id = slabCacheOf(memory, address);
  if (id === undefined) return undefined;
  const slab = address - (address & 0xfff);
  const [name, struct] = CACHES[id] ?? [];
  const first = firstObject(memory, slab, id);
  if (name === undefined || struct === undefined || address < first) return undefined;
  const size = cacheField(memory, id, KmemCache.object_size);
  const index = Math.floor((address - first) / size);
  return { name: `${name}[${address >>> 12}.${index}]`, struct, offset: (address - first) % size };
}
