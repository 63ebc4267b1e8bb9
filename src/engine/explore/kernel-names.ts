// What things are called in a report on the kernel: fields of struct pages, of per-CPU areas, of slab
// objects and of the tables below them by their names, as the machine's memory shows them now; PTEs as words
// of a table's frame; the rest by address. What lies inside of a field has its offset: "vm_start+0x4".

import * as layout from "../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../layout/view.ts";
import { kernelEntry } from "../../kernel/catalogue.ts";
import { readBuilt } from "../../kernel/load.ts";
import { cacheField, firstObject } from "../../machine/invariants/walk-slabs.ts";
import { HOST_SITE } from "./explored-cpu.ts";
import type { Site } from "./instrument.ts";
import type { Names } from "./names.ts";

const { CACHE_TABLE, MEM_MAP, PERCPU_AREAS, PERCPU_SIZE } = layout;
const { KmemCache, Slab, Page, PG_slab } = layout;

type Fields = Readonly<Record<string, number>>;

/** Slab caches by number: what their objects are called, and their fields. */
const CACHES: Readonly<Record<number, readonly [string, Fields]>> = {
  [layout.CACHE_VM_AREA]: ["vma", layout.VmArea],
  [layout.CACHE_MM]: ["mm", layout.MmStruct],
  [layout.CACHE_ANON_VMA]: ["anon_vma", layout.AnonVma],
  [layout.CACHE_INODE]: ["inode", layout.Inode],
  [layout.CACHE_TASK]: ["task", layout.Task],
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

/** Names for a machine of a kernel. */
export function kernelNames(kernel: string, memory: MemoryViews, cpus: number): Names {
  const sites = sitesOf(kernel);
  const framesAt = getU32(memory, layout.BOOT_PARAMS + layout.BootParams.first_free_pfn) * 4096;
  return {
    isKernel: true,
    functionOf: (site) => {
      if (site === HOST_SITE) return "host";
      const name = sites[site]?.function ?? "?";
      return name.slice(name.lastIndexOf("/") + 1);
    },
    objectAt: (address) => {
      if (address >= PERCPU_AREAS && address < PERCPU_AREAS + cpus * PERCPU_SIZE) {
        const cpu = Math.floor((address - PERCPU_AREAS) / PERCPU_SIZE);
        return `cpu[${cpu}]${fieldAt(layout.PerCpu, (address - PERCPU_AREAS) % PERCPU_SIZE)}`;
      }
      // The areas of CPUs that the machine does not have are frames.
      const isFrame = address >= framesAt || (address >= PERCPU_AREAS && address < MEM_MAP);
      return isFrame ? inFrame(memory, address) : (inTable(address) ?? globalAt(address));
    },
  };
}

function sitesOf(kernel: string): readonly Site[] {
  const file = `kernel-${kernelEntry(kernel).name}-check.sites.json`;
  const text = readBuilt(file).toString("utf8");
  return (JSON.parse(text) as { readonly sites: readonly Site[] }).sites;
}

function inFrame(memory: MemoryViews, address: number): string {
  const pfn = address >>> 12;
  const flags = getU32(memory, MEM_MAP + pfn * Page.SIZE + Page.flags);
  const word = `frame[${pfn}]+0x${(address & 0xfff).toString(16)}`;
  if ((flags & PG_slab) === 0) return word;
  const slab = address - (address & 0xfff);
  const id = getU32(memory, slab + Slab.cache_id);
  const cache = CACHES[id];
  if (cache === undefined) return word;
  const size = cacheField(memory, id, KmemCache.object_size);
  const first = firstObject(memory, slab, id);
  if (address < first) return `${cache[0]} slab[${pfn}]`;
  const index = Math.floor((address - first) / size);
  return `${cache[0]}[${pfn}.${index}]${fieldAt(cache[1], (address - first) % size)}`;
}
