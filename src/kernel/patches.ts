// The five patches of August 2004 that made 2.6.9 of 2.6.8, one by one: 2.6.8+anon-in-mapping is 2.6.8 with the first.
// What one needs of another is also refused by assembly/config.ts, when it is compiled.

import { ConfigError } from "./error.ts";
import type { KernelSettings } from "./variant.ts";

/** One of the five. */
export interface KernelPatch {
  /** Its name in a kernel's name. */
  readonly name: string;
  /** Its title in the history of Linux, without "rmaplock: ". */
  readonly title: string;
  /** Commit of the repository dmgerman/history-token. */
  readonly commit: string;
  readonly settings: KernelSettings;
  /** The patch without which it cannot be, and why. */
  readonly needs?: { readonly patch: string; readonly reason: string };
  /** What it changes. */
  readonly meaning: string;
}

/** The kernel that they are for. */
export const PATCHED_KERNEL = "2.6.8";

const NEEDED = "kill-page-map-lock";

/** In the order in which they were applied. */
export const PATCHES: readonly KernelPatch[] = [
  {
    name: "anon-in-mapping",
    title: "PageAnon in mapping",
    commit: "88942e3f69",
    settings: { CONFIG_ANON_IN_MAPPING: 1 },
    meaning: "the mark of an anonymous page is the low bit of page->mapping",
  },
  {
    name: NEEDED,
    title: "kill page_map_lock",
    commit: "f7f5e03df0",
    settings: { CONFIG_KILL_PAGE_MAP_LOCK: 1 },
    needs: {
      patch: "anon-in-mapping",
      reason: "no lock would keep PG_anon and page->mapping in step",
    },
    meaning:
      "the mapcount is atomic from -1; alone it leaves a way to a freed anon_vma (races.md, R01)",
  },
  {
    name: "typesafe-slab",
    title: "SLAB_DESTROY_BY_RCU",
    commit: "dce79555f4",
    settings: { CONFIG_TYPESAFE_SLAB: 1 },
    meaning: "memory of anon_vmas goes back after a grace period of RCU",
  },
  {
    name: "mm-lock-ordering",
    title: "mm lock ordering",
    commit: "ee72cac856",
    settings: { CONFIG_MM_LOCK_ORDERING: 1, CONFIG_RECLAIM_LOCKS: 2 },
    needs: {
      patch: NEEDED,
      reason: "who holds PG_maplock must not wait for page_table_lock, inside which faults take it",
    },
    meaning: "anon_vma.lock lies outside page_table_lock, and reclaim waits for both",
  },
  {
    name: "swapoff-anon-vma",
    title: "swapoff use anon_vma",
    commit: "009c13f4ca",
    settings: { CONFIG_SWAPOFF_ANON_VMA: 1 },
    needs: { patch: NEEDED, reason: "a page on swap would have no mapping left to go by" },
    meaning: "swapoff looks where the page's anon_vma says",
  },
];

/** True for the name of a patch. */
export const isPatch = (word: string): boolean => PATCHES.some(({ name }) => name === word);

/** Patches by their names, in the order of the series. Throws ConfigError for a mix that cannot be. */
export function patchesOf(kernel: string, words: readonly string[]): readonly KernelPatch[] {
  const chosen = PATCHES.filter(({ name }) => words.includes(name));
  const [first] = chosen;
  if (first !== undefined && kernel !== PATCHED_KERNEL) {
    const has = kernel === "2.6.9" ? "2.6.9 has all five" : `${kernel} has nothing that it changes`;
    throw new ConfigError(`${first.name} is a patch for ${PATCHED_KERNEL}: ${has}`);
  }
  for (const { name, needs } of chosen) {
    if (needs !== undefined && !words.includes(needs.patch)) {
      throw new ConfigError(`${name} needs ${needs.patch}: ${needs.reason}`);
    }
  }
  return chosen;
}

/** 2.6.8, then with one patch more each, up to 2.6.9, which has them all. */
export function patchByPatch(): readonly string[] {
  const names = PATCHES.map(({ name }) => name);
  const steps = names.slice(0, -1).map((_, i) => names.slice(0, i + 1).join("+"));
  return [PATCHED_KERNEL, ...steps.map((step) => `${PATCHED_KERNEL}+${step}`), "2.6.9"];
}
