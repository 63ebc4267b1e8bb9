// Patches in the names of kernels. The five of August 2004 that made 2.6.9 of 2.6.8, one by one: 2.6.8+anon-in-mapping is
// 2.6.8 with the first. Those of the thread on MMU notifiers are in mmn-patches.ts. What one needs of another is also
// refused when it is compiled, by assembly/config.ts.

import { ConfigError } from "./error.ts";
import { MMN_SERIES } from "./mmn-patches.ts";
import type { KernelPatch, PatchSeries } from "./patch.ts";
import type { KernelSettings } from "./variant.ts";

/** The kernel that they are for. */
export const PATCHED_KERNEL = "2.6.8";

const NEEDED = "kill-page-map-lock";

/** In the order in which they were applied. */
export const PATCHES: readonly KernelPatch[] = [
  {
    name: "anon-in-mapping",
    title: "PageAnon in mapping",
    source: "88942e3f69",
    settings: { CONFIG_ANON_IN_MAPPING: 1 },
    meaning: "the mark of an anonymous page is the low bit of page->mapping",
  },
  {
    name: NEEDED,
    title: "kill page_map_lock",
    source: "f7f5e03df0",
    settings: { CONFIG_KILL_PAGE_MAP_LOCK: 1 },
    needs: [
      {
        patch: "anon-in-mapping",
        reason: "no lock would keep PG_anon and page->mapping in step",
      },
    ],
    meaning:
      "the mapcount is atomic from -1; alone it leaves a way to a freed anon_vma (races.md, R01)",
  },
  {
    name: "typesafe-slab",
    title: "SLAB_DESTROY_BY_RCU",
    source: "dce79555f4",
    settings: { CONFIG_TYPESAFE_SLAB: 1 },
    meaning: "memory of anon_vmas goes back after a grace period of RCU",
  },
  {
    name: "mm-lock-ordering",
    title: "mm lock ordering",
    source: "ee72cac856",
    settings: { CONFIG_MM_LOCK_ORDERING: 1, CONFIG_RECLAIM_LOCKS: 2 },
    needs: [
      {
        patch: NEEDED,
        reason:
          "who holds PG_maplock must not wait for page_table_lock, inside which faults take it",
      },
    ],
    meaning: "anon_vma.lock lies outside page_table_lock, and reclaim waits for both",
  },
  {
    name: "swapoff-anon-vma",
    title: "swapoff use anon_vma",
    source: "009c13f4ca",
    settings: { CONFIG_SWAPOFF_ANON_VMA: 1 },
    needs: [{ patch: NEEDED, reason: "a page on swap would have no mapping left to go by" }],
    meaning: "swapoff looks where the page's anon_vma says",
  },
];

/** All series. */
export const PATCH_SERIES: readonly PatchSeries[] = [
  {
    kernel: PATCHED_KERNEL,
    patches: PATCHES,
    merged: { kernel: "2.6.9", sentence: "2.6.9 has all five" },
  },
  MMN_SERIES,
];

const isCalled = ({ name, alias }: KernelPatch, word: string): boolean =>
  name === word || alias === word;

/** The series that has a word of a kernel's name, as the name of a patch or of all. */
const seriesOf = (word: string): PatchSeries | undefined =>
  PATCH_SERIES.find(
    ({ all, patches }) => all === word || patches.some((patch) => isCalled(patch, word)),
  );

/** True for the name of a patch, or of all of a series. */
export const isPatch = (word: string): boolean => seriesOf(word) !== undefined;

/** True for a kernel with some of the five of 2004, by the words of its name. */
export const isOnItsWay = (words: readonly string[]): boolean =>
  words.some((word) => seriesOf(word)?.kernel === PATCHED_KERNEL);

/** The patches of a kernel's name. */
export interface ChosenPatches {
  /** What the name says of them: their names in the order of the series, or that of all. */
  readonly names: readonly string[];
  readonly settings: KernelSettings;
}

/** Patches by their names. Throws ConfigError for a mix that cannot be. */
export function patchesOf(kernel: string, words: readonly string[]): ChosenPatches {
  const word = words.find(isPatch);
  if (word === undefined) return { names: [], settings: {} };
  const { patches, all, merged, kernel: patched } = seriesOf(word) as PatchSeries;
  if (kernel !== patched) {
    const has =
      merged?.kernel === kernel ? merged.sentence : `${kernel} has nothing that it changes`;
    throw new ConfigError(`${word} is a patch for ${patched}: ${has}`);
  }
  const hasAll = all !== undefined && words.includes(all);
  const chosen = patches.filter((patch) => hasAll || words.some((each) => isCalled(patch, each)));
  for (const { name, needs = [] } of chosen) {
    const missing = needs.find(({ patch }) => !chosen.some((each) => each.name === patch));
    if (missing !== undefined) {
      throw new ConfigError(`${name} needs ${missing.patch}: ${missing.reason}`);
    }
  }
  const isAll = all !== undefined && chosen.length === patches.length;
  return { names: isAll ? [all] : chosen.map(({ name }) => name), settings: settingsOf(chosen) };
}

/** The settings of patches together: what several of them set is a sum of bits. */
function settingsOf(patches: readonly KernelPatch[]): KernelSettings {
  const sum: Record<string, number> = {};
  for (const { settings } of patches) {
    for (const [name, value] of Object.entries(settings)) sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

/** 2.6.8, then with one patch more each, up to 2.6.9, which has them all. */
export function patchByPatch(): readonly string[] {
  const names = PATCHES.map(({ name }) => name);
  const steps = names.slice(0, -1).map((_, i) => names.slice(0, i + 1).join("+"));
  return [PATCHED_KERNEL, ...steps.map((step) => `${PATCHED_KERNEL}+${step}`), "2.6.9"];
}
