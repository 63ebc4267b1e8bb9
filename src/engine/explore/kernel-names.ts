// What things are called in a report on the kernel: fields of struct pages, of per-CPU areas and of slab
// objects by their names, as the machine's memory shows them now; PTEs as words of a table's frame; the
// rest by address.

import * as layout from "../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../layout/view.ts";
import { readBuilt, sitesFile } from "../../kernel/load.ts";
import type { MachineConfig } from "../../machine/config.ts";
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

/** Names for a machine of a kernel. */
export function kernelNames({ kernel, checking, cpus }: MachineConfig, memory: MemoryViews): Names {
  const sites = sitesOf({ kernel, checking });
  const framesAt = getU32(memory, layout.BOOT_PARAMS + layout.BootParams.first_free_pfn) * 4096;
  return {
    functionOf: (site) => {
      if (site === HOST_SITE) return "host";
      const name = sites[site]?.function ?? "?";
      return name.slice(name.lastIndexOf("/") + 1);
    },
    objectAt: (address) => {
      if (address >= PERCPU_AREAS && address < PERCPU_AREAS + cpus * PERCPU_SIZE) {
        const cpu = Math.floor((address - PERCPU_AREAS) / PERCPU_SIZE);
        return `cpu[${cpu}].${fieldAt(layout.PerCpu, (address - PERCPU_AREAS) % PERCPU_SIZE)}`;
      }
      if (address >= MEM_MAP && address < framesAt) {
        const pfn = Math.floor((address - MEM_MAP) / Page.SIZE);
        return `page[${pfn}].${fieldAt(Page, (address - MEM_MAP) % Page.SIZE)}`;
      }
      return address < PERCPU_AREAS ? globalAt(address) : inFrame(memory, address);
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
  return `${cache[0]}[${pfn}.${index}].${fieldAt(cache[1], (address - first) % size)}`;
}
