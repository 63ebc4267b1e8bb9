// The historic kernels: what each is, where it comes from, and how its builds are named.

import { ConfigError } from "./error.ts";

/** One kernel that a machine can run. */
export interface KernelEntry {
  /** Linux version, and the name on the command line. */
  readonly name: string;
  readonly released: string;
  readonly anonymousRmap: string;
  readonly mapcount: string;
  readonly lockOrder: string;
  readonly summary: string;
}

/** What can be chosen for every kernel besides its version. */
export interface KernelSwitch {
  readonly name: string;
  readonly values: string;
  readonly meaning: string;
}

/** Every kernel, oldest first. */
export const KERNELS: readonly KernelEntry[] = [
  {
    name: "2.6.8",
    released: "2004-08-14",
    anonymousRmap: "anon_vma, PG_anon in page->flags",
    mapcount: "plain, under the bit spinlock PG_maplock",
    lockOrder: "page_table_lock > anon_vma.lock",
    summary: "object rmap with the page bit lock that the pte_chains had left behind",
  },
  {
    name: "2.6.9",
    released: "2004-10-18",
    anonymousRmap: "anon_vma, PAGE_MAPPING_ANON in page->mapping",
    mapcount: "atomic, from -1, no lock",
    lockOrder: "anon_vma.lock > page_table_lock",
    summary: "rmaplock: the page bit lock is gone, the mapcount is atomic",
  },
];

/** Choices that any kernel takes. */
export const SWITCHES: readonly KernelSwitch[] = [
  {
    name: "checking",
    values: "off, on",
    meaning: "poison, object tracking, event trace; on in racier stress",
  },
];

/** The entry of a kernel. Throws ConfigError for a name that is not in the catalogue. */
export function kernelEntry(name: string): KernelEntry {
  const entry = KERNELS.find((kernel) => kernel.name === name);
  if (entry === undefined) {
    const known = KERNELS.map((kernel) => kernel.name).join(", ");
    throw new ConfigError(`no kernel is called "${name}": choose one of ${known}`);
  }
  return entry;
}
