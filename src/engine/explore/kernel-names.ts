// What things are called in a report on the kernel: fields of struct pages, of per-CPU areas and of slab
// objects by their names, as the machine's memory shows them now; PTEs as words of a table's frame; the
// rest by address.

import * as layout from "../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../layout/view.ts";
import { readBuilt, sitesFile } from "../../kernel/load.ts";
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

/** Structs whose objects are found by their address. */
const STRUCTS = {
  AnonVma: layout.AnonVma,
  Inode: layout.Inode,
  MmStruct: layout.MmStruct,
  Page: layout.Page,
  PerCpu: layout.PerCpu,
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
};

/** The field that lies at an offset. */
function fieldAt(fields: Fields, offset: number): string {
  let best = "";
  for (const [name, at] of Object.entries(fields)) {
    if (name !== "SIZE" && at <= offset && (best === "" || at >= (fields[best] as number))) {
      best = name;
    }
  }
  return best;
}

/** What lies at fixed places below the per-CPU areas. */
const GLOBALS: readonly (readonly [number, string])[] = [
  [0, "image"],
  [layout.BOOT_PARAMS, "boot_params"],
  [layout.ZONE_TABLE, "zone"],
  [layout.KERNEL_GLOBALS, "globals"],
  [CACHE_TABLE, "kmem_cache"],
  [layout.PAGE_WAIT_TABLE, "page_wait"],
];

function globalAt(address: number): string {
  const known = GLOBALS.filter(([from]) => from <= address);
  const [start, name] = known[known.length - 1] ?? [0, "image"];
  return `${name}+0x${(address - start).toString(16)}`;
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
  return {
    functionOf: (site) => {
      const name = hostFunction(site) ?? sites[site]?.function ?? "?";
      return name.slice(name.lastIndexOf("/") + 1);
    },
    objectAt: (address) => {
      const place = placeOf(memory, cpus, address);
      if (place !== undefined) {
        return `${place.name}.${fieldAt(STRUCTS[place.struct], place.offset)}`;
      }
      return address < PERCPU_AREAS ? globalAt(address) : wordOfFrame(memory, address);
    },
    isAtomicField: (address) => {
      const place = placeOf(memory, cpus, address);
      if (place === undefined) return false;
      const field = fieldAt(STRUCTS[place.struct], place.offset);
      return layout.ATOMIC_FIELDS[place.struct]?.includes(field) === true;
    },
  };
}

/** Accesses of a kernel by their number. */
export function sitesOf({
  kernel,
  checking,
}: Pick<MachineConfig, "kernel" | "checking">): readonly Site[] {
  const file = sitesFile(kernel, checking);
  const text = readBuilt(file).toString("utf8");
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
