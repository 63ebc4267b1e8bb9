// The historic kernels: what each is, where it comes from, and how its builds are named.

import { ConfigError } from "./error.ts";
import { PATCH_SERIES, isOnItsWay, isPatch, patchesOf } from "./patches.ts";
import { VARIANT_PARTS, variantOf, type KernelSettings } from "./variant.ts";

/** One kernel that a machine can run. */
export interface KernelEntry {
  /** Linux version, and the name on the command line. */
  readonly name: string;
  readonly released: string;
  readonly anonymousRmap: string;
  readonly mapcount: string;
  readonly lockOrder: string;
  readonly summary: string;
  /** A kernel that asconfig.json does not name: what it is compiled from, at its first use. */
  readonly builtFrom?: { readonly target: string; readonly settings: KernelSettings };
}

/** A kernel as somebody asked for it. */
export interface ChosenKernel {
  /** "2.6.9", or "2.6.9+spinlock=ticket": always the same for the same kernel. */
  readonly name: string;
  readonly entry: KernelEntry;
  /** The target of asconfig.json that it is, or differs from. */
  readonly target: string;
  /** Values of CONFIG_* in place of those of the target. */
  readonly settings: KernelSettings;
}

/** What can be chosen for every kernel besides its version. */
export interface KernelSwitch {
  readonly name: string;
  readonly values: string;
  readonly meaning: string;
}

/** Kernels before anon_vma: none of them is shipped. */
const BEFORE_ANON_VMA: readonly KernelEntry[] = [
  {
    name: "2.6.6",
    released: "2004-05-10",
    anonymousRmap: "pte_chains",
    mapcount: "the chain, under the bit spinlock PG_maplock",
    lockOrder: "page_table_lock > PG_maplock",
    summary: "every page has a chain of the PTEs that map it",
    builtFrom: { target: "2.6.8", settings: { CONFIG_KERNEL: 20606, CONFIG_RMAP: 1 } },
  },
  {
    name: "anonmm",
    released: "never",
    anonymousRmap: "anonmm, PG_anon in page->flags",
    mapcount: "plain, under the bit spinlock PG_maplock",
    lockOrder: "page_table_lock > PG_maplock > anonmm.lock",
    summary: "an anonymous page has one address, in the mms of a lineage",
    builtFrom: { target: "2.6.8", settings: { CONFIG_KERNEL: 20606, CONFIG_RMAP: 2 } },
  },
];

/** The kernels that are shipped, oldest first. */
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

/** 2.6.9 with MMU notifiers: none of them is shipped. */
const WITH_NOTIFIERS: readonly KernelEntry[] = [
  {
    name: "mmn-v13",
    released: "2008-04-22",
    anonymousRmap: "as 2.6.9",
    mapcount: "as 2.6.9",
    lockOrder: "as 2.6.9; a registration takes all, sorted",
    summary:
      "MMU notifiers as proposed: mm_lock sorts all locks, walkers have no protection of their own",
    builtFrom: { target: "2.6.9", settings: { CONFIG_MMU_NOTIFIER: 1 } },
  },
  {
    name: "2.6.27",
    released: "2008-10-09",
    anonymousRmap: "as 2.6.9",
    mapcount: "as 2.6.9",
    lockOrder: "as 2.6.9; a registration takes all, one at a time",
    summary: "MMU notifiers as merged: mm_take_all_locks with marks, walkers under RCU",
    builtFrom: { target: "2.6.9", settings: { CONFIG_MMU_NOTIFIER: 2 } },
  },
];

/** Every generation, oldest first. */
export const GENERATIONS: readonly KernelEntry[] = [
  ...BEFORE_ANON_VMA,
  ...KERNELS,
  ...WITH_NOTIFIERS,
];

/** True for a kernel that the hall shows. */
export const isInHall = (name: string): boolean =>
  !BEFORE_ANON_VMA.some((kernel) => kernel.name === name);

/** Choices that any kernel takes. */
export const SWITCHES: readonly KernelSwitch[] = [
  {
    name: "checking",
    values: "off, on",
    meaning: "poison, object tracking, event trace; on in racier stress",
  },
  ...PATCH_SERIES.flatMap(({ kernel, patches, all }) => [
    ...patches.map(({ name, meaning }) => ({
      ...{ name: `+${name}`, values: `for ${kernel}`, meaning },
    })),
    ...(all === undefined
      ? []
      : [{ name: `+${all}`, values: `for ${kernel}`, meaning: "all of these" }]),
  ]),
  ...VARIANT_PARTS.map(({ name, values, meaning }) => ({
    ...{ name: `+${name}=`, values: Object.keys(values).join(", "), meaning },
  })),
];

/**
 * A kernel by its name: one of the catalogue, one with patches, "2.6.8+anon-in-mapping", or one with other settings,
 * "2.6.9+spinlock=ticket". Throws ConfigError.
 */
export function chosenKernel(text: string): ChosenKernel {
  const [version = "", ...words] = text.split("+");
  const entry = GENERATIONS.find((kernel) => kernel.name === version);
  if (entry === undefined) {
    const known = GENERATIONS.map((kernel) => kernel.name).join(", ");
    throw new ConfigError(`no kernel is called "${text}": choose one of ${known}`);
  }
  const patches = patchesOf(version, words);
  const others = words.filter((word) => !isPatch(word));
  const { target = version, settings: own = {} } = entry.builtFrom ?? {};
  const base = { target, settings: { ...own, ...patches.settings } };
  const { suffix, settings } = variantOf(version, base, others);
  return {
    name: `${[version, ...patches.names].join("+")}${suffix}`,
    ...{ entry, target, settings: { ...base.settings, ...settings } },
  };
}

/** True for a kernel of one of the `versions`, with whatever settings; one on the way from 2.6.8 to 2.6.9 is of both. */
export function isOneOf(text: string, versions: readonly string[]): boolean {
  const { name, entry } = chosenKernel(text);
  if (versions.includes(name) || versions.includes(entry.name)) return true;
  return isOnItsWay(name.split("+")) && versions.includes("2.6.9");
}
